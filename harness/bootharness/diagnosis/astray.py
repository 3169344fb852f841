"""Why somebody runs on without getting anywhere, where the machine shows it."""

from bootharness.text import seg_off
from bootharness.trace.boot_trace import BootTrace

__all__ = [
    "NOTHING_THERE", "RETURNS_AT", "astray", "division", "raises_exceptions", "refused",
]  # fmt: skip

NOTHING_THERE = "memory there is all zeros, so it went to where nothing had been loaded"

RETURNS_AT = 0xFFF53
"""IBM's address of the handler that only returns; a BIOS has it for the CPU's exceptions."""
_REFUSED_SHARE = 0.2
_SECTOR_AT = 0x7C00
_DIVISIONS = (6, 7)
_LEAST_ZEROS = 32


def astray(trace: BootTrace) -> str:
    """Say why the CPU gets nowhere, as the end of a sentence; empty where nothing shows it."""
    return _refused(trace) or _among_zeros(trace) or _in_a_bios_never_called(trace)


def raises_exceptions(trace: BootTrace) -> bool:
    """Return whether the CPU was seen in the BIOS's handler of exceptions again and again.

    The timer calls that handler too, but a CPU is hardly ever seen in it then.
    """
    handled = sum(each.linear == RETURNS_AT for each in trace.samples)
    return handled > 0 and handled >= _REFUSED_SHARE * len(trace.samples)


def _refused(trace: BootTrace) -> str:
    """Say that the CPU does not take an instruction: the BIOS's handler returns to the same one."""
    seen = {sample.linear for sample in trace.samples}
    own = [each for each in trace.samples if not each.in_bios]
    if len({each.linear for each in own}) != 1 or seen != {own[0].linear, RETURNS_AT}:
        return ""
    if not raises_exceptions(trace) or own[0].mode != "real":
        return ""
    at = seg_off(own[0].cs, own[0].ip)
    if _divides(trace, own[0].linear - _SECTOR_AT):
        return f": {division(at)}"
    return f": {refused(at)}"


def _divides(trace: BootTrace, offset: int) -> bool:
    sector = bytes.fromhex(trace.disk.boot_sector) if trace.disk else b""
    code = sector[max(offset, 0) : offset + 3].lstrip(b"\x66")
    return len(code) > 1 and code[0] in b"\xf6\xf7" and code[1] >> 3 & 7 in _DIVISIONS


def division(at: str) -> str:
    """Say that a division has no result."""
    return (
        f"the division at {at} is by zero, or its result does not fit, and the BIOS's handler "
        "returns to it"
    )


def refused(at: str) -> str:
    """Say that the CPU raises an exception again and again."""
    return (
        f"the CPU refuses the instruction at {at} with an exception, and the BIOS's handler "
        "returns to it"
    )


def _among_zeros(trace: BootTrace) -> str:
    """Say that there is nothing where the CPU runs: zeros are instructions too."""
    seen = trace.post_mortem
    if seen is None or seen.cpu.mode != "real" or len(seen.code_hex) < 2 * _LEAST_ZEROS:
        return ""
    if {*seen.code_hex} != {"0"}:
        return ""
    return f": {NOTHING_THERE}"


def _in_a_bios_never_called(trace: BootTrace) -> str:
    """Say that a loader has come to the BIOS's code by itself: it has called nothing of it."""
    if trace.loader_calls or trace.calls_left_out or not trace.reached("bios-handoff"):
        return ""
    if not trace.samples or not all(each.in_bios and not each.halted for each in trace.samples):
        return ""
    return (
        ": the CPU has run into the BIOS's own code, though the loader had called nothing of it; "
        "of a loader the BIOS reads only the first sector, and this one has read no other"
    )
