"""What a UEFI says when nothing is left that it could boot."""

from collections.abc import Sequence

from bootharness.trace.uefi_calls import UefiCall

__all__ = ["found_nothing"]

_NOTHING_LEFT, _LAST_WORDS = "No bootable option or device was found.", 4
"""EDK2's words (MdeModulePkg, BdsEntry.c)."""


def found_nothing(calls: Sequence[UefiCall]) -> bool:
    """Return whether a UEFI has said that nothing is left that it could boot, and waits for a
    person."""
    said = [call.text for call in calls[-_LAST_WORDS:] if call.service == "OutputString"]
    return any(_NOTHING_LEFT in text for text in said)
