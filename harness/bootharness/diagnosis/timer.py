"""A kernel that finds no timer, because QEMU's microvm has none for it without KVM."""

from bootharness.diagnosis.verdict import Finding
from bootharness.trace.boot_trace import BootTrace

__all__ = ["no_timer"]

_MACHINE, _SAID = "microvm", "could not calculate TSC khz"
_OVER = ("halted", "loop", "idle", "timeout")


def no_timer(trace: BootTrace) -> Finding | None:
    """The kernel stopped where it has to know how fast its CPU is, and nothing tells."""
    machine = trace.machine
    if machine is None or machine.machine_type != _MACHINE or machine.accelerator == "kvm":
        return None
    if trace.ending.kind not in _OVER or _SAID not in trace.serial:
        return None
    return Finding(
        f"the kernel found no timer, and stopped: without KVM the machine {_MACHINE} has none that "
        "its ACPI tells of; acpi=off on the command line lets Linux find the old one",
        tuple(line for line in trace.serial.splitlines() if "tsc:" in line)[-4:],
    )
