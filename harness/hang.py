"""Is a guest that makes no progress hung? Decided by where its CPU is, in the guest's own time."""

from collections.abc import Sequence

from harness.formats.bioscall import BiosCall
from harness.trace import CpuSample

__all__ = ["hang", "keeps_silent"]

# seconds of the guest's own time without progress that make each kind certain
_HALTED_S = 0.3
_KEY_S = 0.5
_LOOP_S = 1.0
_SILENT_S = 1.0
_STUCK_S = 1.5
_TIGHT_LOOP_S = 1.5

_LOOKS = 4
_LOW_MEMORY = 0x100000
# A loop of a handful of instructions; decompressing or clearing memory takes more code.
_TIGHT_BYTES = 64
_READS_KEY = (0x00, 0x10)


def hang(samples: Sequence[CpuSample], idle_s: float, last: BiosCall | None) -> str | None:
    """Return how a guest hangs, an `Ending` kind, or None while it may only be busy.

    ``samples`` are the looks at the CPU since the last progress, ``last`` is the last BIOS
    call. Code below 1 MiB has nothing to do that takes a second without a BIOS call; a
    kernel may compute for long, but not within a few instructions.
    """
    if len(samples) < _LOOKS:
        return None
    if idle_s > _HALTED_S and all(
        sample.halted and not sample.interrupts for sample in samples[-_LOOKS:]
    ):
        return "halted"
    if idle_s > _KEY_S and last and _waits_for_key(last) and samples[-1].in_bios:
        return "waits-for-key"
    stuck = last is not None and last.registers_out is None and not last.from_bios
    if idle_s > _STUCK_S and stuck and all(each.in_bios and not each.halted for each in samples):
        return "loop"
    low = all(sample.linear < _LOW_MEMORY for sample in samples)
    if idle_s > _LOOP_S and low and not all(sample.in_bios for sample in samples):
        return "loop"
    return "loop" if idle_s > _TIGHT_LOOP_S and _loops_tightly(samples) else None


def _loops_tightly(samples: Sequence[CpuSample]) -> bool:
    """Whether the CPU has been awake within a few instructions.

    Linux itself counts jiffies in such a loop, with interrupts on.
    """
    places = [sample.linear for sample in samples]
    return max(places) - min(places) < _TIGHT_BYTES and not any(
        sample.halted or sample.in_bios or (sample.in_kernel and sample.interrupts)
        for sample in samples
    )


def _waits_for_key(call: BiosCall) -> bool:
    return call.number == 0x16 and call.function in _READS_KEY and call.registers_out is None


def keeps_silent(samples: Sequence[CpuSample], idle_s: float, cmdline: str | None) -> bool:
    """Return whether a kernel runs that was not told to speak on the serial line."""
    told = cmdline is None or "console=ttyS0" in cmdline or "earlyprintk=serial" in cmdline
    return (
        not told
        and idle_s > _SILENT_S
        and len(samples) >= _LOOKS
        and all(sample.in_kernel for sample in samples[-_LOOKS:])
    )
