"""Where an exception was, by the images that a UEFI had loaded."""

import re

from bootharness.text import address
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_images import file_of, image_at

__all__ = ["crashed_in"]

# what the firmware prints of an exception (edk2, CpuExceptionHandlerLib)
_RIP = re.compile(r"\bRIP  ?- {1,2}([0-9A-F]{16})\b")


def crashed_in(trace: BootTrace) -> str:
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
