"""Does a loop look at what changes by itself: the time, a device, a handler's memory?

Then it may be waiting, and only time tells that from a hang. Where the CPU was seen does not tell
it: QEMU has the machine stand still where it asks a device for something, so of a guest that asks
for a key all the while, each look shows the same place. It is told by letting a copy of the guest's
CPU go on for a while, apart from the guest.
"""

from bootharness.machine.machine import Machine
from bootharness.trace.machine_facts import CpuSample

__all__ = ["looks_at"]


def looks_at(machine: Machine, sample: CpuSample) -> str | None:
    """Return what a guest that was seen at ``sample`` looks at again and again; None where that is
    nothing, or cannot be told."""
    if sample.mode == "real":
        from bootharness.watch.outside.real import COPIED_BYTES, real_looks_at

        return real_looks_at(*machine.copied(COPIED_BYTES))
    from bootharness.watch.outside.flat import flat_looks_at

    with machine.standing_still():
        return flat_looks_at(machine.ram_at, machine.registers(), wide=sample.mode == "long")
