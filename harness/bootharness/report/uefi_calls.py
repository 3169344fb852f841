"""What a UEFI was asked for, as text for people."""

from collections.abc import Iterator

from bootharness.text import address, count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import UefiCall
from bootharness.trace.uefi_images import file_of

__all__ = ["call_words", "uefi_calls"]


def uefi_calls(trace: BootTrace) -> str:
    """Return every call in a line: when it returned, in seconds since launch, what was asked for,
    what came of it, and by which image; empty where there were none."""
    return "\n".join(
        f"{call.seconds:9.3f}  {call.service:16}  {words}" for call, words in call_words(trace)
    )


def call_words(trace: BootTrace) -> Iterator[tuple[UefiCall, str]]:
    """Yield every call with what there is to say of it besides its service and its time."""
    images: list[UefiCall] = []
    for call in trace.uefi_calls:
        by = next((each for each in reversed(images) if call.caller in each.lies), None)
        yield call, "  ".join(filter(None, _words(call, by)))
        if call.service == "LoadImage" and not call.failed:
            images.append(call)


def _words(call: UefiCall, by: UefiCall | None) -> tuple[str, ...]:
    return (
        "" if call.lba is None else f"LBA {call.lba:,}",
        call.path,
        repr(call.text) if call.text else "",
        f"{count(call.wanted, 'byte')} wanted" if call.wanted else "",
        count(call.bytes, "byte") if call.bytes else "",
        f"at {address(call.address)}" if call.address else "",
        call.error,
        f"by {file_of(by.path)}+{call.caller - by.address:#x}" if by else "",
    )
