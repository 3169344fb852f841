"""Causes in an exception that a UEFI tells of, and where it was."""

import re

from bootharness.diagnosis.verdict import Finding
from bootharness.text import address
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_images import file_of, image_at

__all__ = ["crash", "firmware_crashed"]

# what the firmware prints of an exception (edk2, CpuExceptionHandlerLib)
_CRASHED, _DUMP_LINES = "X64 Exception Type", 24
_RIP = re.compile(r"\bRIP  ?- {1,2}([0-9A-F]{16})\b")


def firmware_crashed(trace: BootTrace) -> Finding | None:
    """The UEFI, or what it had started from a disk, made an exception that the UEFI tells of."""
    return None if trace.network else crash(trace)


def crash(trace: BootTrace, had: str = "") -> Finding | None:
    """Find the exception that a UEFI tells of; ``had`` says what came to it before."""
    if trace.ending.kind != "firmware-crash":
        return None
    lines = trace.serial.splitlines()
    begin = next((at for at, line in enumerate(lines) if _CRASHED in line), 0)
    dump = tuple(line.strip() for line in lines[begin : begin + _DUMP_LINES] if line.strip())
    memory = f" in a machine of {trace.machine.memory_bytes >> 20} MiB" if trace.machine else ""
    return Finding(
        f"the UEFI firmware, or what it had started, crashed {trace.ending.seconds:.2f} s after "
        f'launch{had}{memory}{_crashed_in(trace)}: "{trace.ending.detail.strip(" !")}"',
        dump,
    )


def _crashed_in(trace: BootTrace) -> str:
    """Say in which image an exception was, and where in it, to go into a sentence; empty where the
    firmware does not tell its address."""
    found = _RIP.search(trace.serial)
    if not found:
        return ""
    place = int(found[1], 16)
    if image := image_at(trace.uefi_calls, place):
        name = file_of(image.path) or "an image that was loaded from memory"
        return f", in {name} at offset {address(place - image.address)}"
    nowhere = ", which is in no image that was loaded" if trace.uefi_calls else ""
    return f", at {address(place)}{nowhere}"
