"""Is a guest that makes no progress hung? Decided by where its CPU is, in the guest's own time."""

from collections.abc import Sequence

from bootharness.formats.bioscall import BiosCall
from bootharness.trace.machine_facts import CpuSample

__all__ = ["hang"]

# seconds of the guest's own time without progress that make each kind certain
_HALTED_S = 0.3
_KEY_S = 0.5
_STUCK_S = 1.5
_LOOP_S = 1.2

_LOOKS = 4
_LOW_MEMORY = 0x100000
_LOOP_LOOKS = 10
_STATES = 4
_POLLER_IN_BIOS = 0.08
"""A share of the looks."""
_READS_KEY = (0x00, 0x10)


def hang(
    samples: Sequence[CpuSample],
    idle_s: float,
    last: BiosCall | None,
    *,
    exact: bool = True,
    may_poll: bool = False,
    entered: bool = False,
) -> str | None:
    """Return how a guest hangs, an `Ending` kind, or None while it may only be busy.

    ``samples`` are the looks at the CPU since the last progress, ``last`` is the last BIOS
    call; ``exact`` tells whether the addresses in the looks are, ``may_poll`` whether it may be a
    boot manager that asks the BIOS again and again for a key or the time, ``entered`` whether a
    kernel was seen being entered.
    """
    if len(samples) < _LOOKS:
        return None
    if idle_s > _HALTED_S and all(map(_is_halted, samples[-_LOOKS:])):
        return "halted"
    if idle_s > _KEY_S and last and _waits_for_key(last) and samples[-1].in_bios:
        return "waits-for-key"
    if _is_halted(samples[-1]):
        return None  # soon to be certain, and no loop
    stuck = last is not None and last.registers_out is None and not last.from_bios
    if idle_s > _STUCK_S and stuck and all(each.in_bios and not each.halted for each in samples):
        return "loop"
    if (
        idle_s > _LOOP_S
        and len(samples) >= _LOOP_LOOKS
        and (_never_polls(samples) if may_poll else _stays_low(samples, entered=entered))
    ):
        return "loop"
    return "loop" if exact and idle_s > _LOOP_S and _goes_in_circles(samples) else None


def _is_halted(sample: CpuSample) -> bool:
    return sample.halted and not sample.interrupts


def _stays_low(samples: Sequence[CpuSample], *, entered: bool) -> bool:
    """Whether the CPU has been below 1 MiB, and mostly not in the BIOS.

    Who waits for a key or the time asks the BIOS all the while, and may have a time limit. A kernel
    that tests memory runs down there too, not in real mode, and says nothing for a minute.
    """
    if entered and any(sample.mode != "real" for sample in samples):
        return False
    in_bios = sum(sample.in_bios for sample in samples)
    return all(sample.linear < _LOW_MEMORY for sample in samples) and in_bios * 2 < len(samples)


def _never_polls(samples: Sequence[CpuSample]) -> bool:
    """Whether the CPU has been below 1 MiB and in real mode, and hardly ever in the BIOS.

    GRUB waits in protected mode, and asks the BIOS in between for no longer than that takes.
    """
    in_bios = sum(sample.in_bios for sample in samples)
    return all(
        sample.linear < _LOW_MEMORY and sample.mode == "real" for sample in samples
    ) and in_bios < _POLLER_IN_BIOS * len(samples)


def _goes_in_circles(samples: Sequence[CpuSample]) -> bool:
    """Whether the CPU is awake, and has been seen in the same few states again and again.

    Who copies, unpacks or counts has other registers each time. Linux waits for a jiffy in
    such a loop, with interrupts on.
    """
    states = {(sample.linear, sample.general) for sample in samples}
    return (
        len(samples) >= _LOOP_LOOKS
        and len(states) <= _STATES
        and not all(sample.in_bios for sample in samples)
        and not any(sample.halted or (sample.in_kernel and sample.interrupts) for sample in samples)
    )


def _waits_for_key(call: BiosCall) -> bool:
    return call.number == 0x16 and call.function in _READS_KEY and call.registers_out is None
