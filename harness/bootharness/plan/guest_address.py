"""By what a network knows a machine: its card's address, and its UUID."""

import re
import uuid

from bootharness.errors import UsageError

__all__ = ["check_mac", "check_uuid"]

_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_OF_A_GROUP = 0x01


def check_mac(text: str) -> None:
    """Raise UsageError for what is no address of one card."""
    if not _MAC.fullmatch(text):
        raise UsageError(f"{text!r}: it is six bytes in hex, as 52:54:00:12:34:56")
    if int(text[:2], 16) & _OF_A_GROUP or not text.strip("0:"):
        raise UsageError(f"{text!r}: no card has this address, which is that of a group or of none")


def check_uuid(text: str) -> None:
    """Raise UsageError for what is no UUID as QEMU reads it."""
    try:
        canonical = str(uuid.UUID(text))
    except ValueError:
        canonical = None
    if canonical != text.lower():
        raise UsageError(
            f"{text!r}: it is like 8e4b4c7a-0c5e-4b6f-9f5e-0123456789ab, in hex digits"
        )
