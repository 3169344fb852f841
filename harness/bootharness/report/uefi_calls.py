"""What a UEFI was asked for, as text for people."""

from bootharness.text import address, count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import file_of, image_at

__all__ = ["uefi_calls"]


def uefi_calls(trace: BootTrace) -> str:
    """Return every call in a line: when it returned, in seconds since launch, what was asked for,
    what came of it, and by which image; empty where there were none."""
    return "\n".join(
        f"{call.seconds:9.3f}  {call.service:16}  {'  '.join(filter(None, _words(trace, call)))}"
        for call in trace.uefi_calls
    )


def _words(trace: BootTrace, call: UefiCall) -> tuple[str, ...]:
    image = image_at(trace.uefi_calls, call.caller) if call.caller else None
    offset = address(call.caller - image.address) if image else ""
    return (
        "" if call.lba is None else f"LBA {call.lba:,}",
        call.path,
        repr(call.text) if call.text else "",
        f"{count(call.wanted, 'byte')} wanted" if call.wanted else "",
        count(call.bytes, "byte") if call.bytes else "",
        f"at {address(call.address)}" if call.address else "",
        call.error,
        f"by {file_of(image.path)}+{offset}" if image else "",
    )
