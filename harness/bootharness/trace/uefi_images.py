"""The images that a UEFI loaded and started, by what was asked of it."""

from collections.abc import Sequence

from bootharness.trace.uefi_calls import UefiCall

__all__ = ["asked_by", "file_of", "image_at", "left", "loads", "said_by", "started"]

_FILE = "\\"


def started(calls: Sequence[UefiCall], *, from_memory: bool = False) -> list[UefiCall]:
    """Return the images that were started from files, and those from memory where that is asked."""
    return [call for call in calls
            if call.service == "StartImage" and (from_memory or _FILE in call.path)]  # fmt: skip


def loads(calls: Sequence[UefiCall]) -> list[UefiCall]:
    """Return what was to be loaded from files."""
    return [call for call in calls if call.service == "LoadImage" and _FILE in call.path]


def image_at(calls: Sequence[UefiCall], place: int) -> UefiCall | None:
    """Return the image that lies at an address, the last that was loaded there."""
    of_images = (call for call in reversed(calls)
                 if call.service == "LoadImage" and not call.failed)  # fmt: skip
    return next((call for call in of_images if place in call.lies), None)


def left(calls: Sequence[UefiCall], image: UefiCall) -> UefiCall | None:
    """Return the call by which an image that was started came back, None where it did not."""
    return next((call for call in calls[calls.index(image) :]
                 if call.service in ("image returned", "Exit")
                 and call.subject == image.subject), None)  # fmt: skip


def asked_by(calls: Sequence[UefiCall], image: UefiCall) -> list[UefiCall]:
    """Return what an image that was started asked for itself, until it came back: then another may
    lie in its place."""
    gone = left(calls, image)
    end = calls.index(gone) if gone else len(calls)
    return [call for call in calls[calls.index(image) : end] if call.caller in image.lies]


def said_by(calls: Sequence[UefiCall], image: UefiCall) -> str:
    """Return what an image wrote on the console."""
    return "".join(call.text for call in asked_by(calls, image) if call.service == "OutputString")


def file_of(path: str) -> str:
    """Return the name of the file in a device path, or the whole of one that has none."""
    return path[path.index(_FILE) :] if _FILE in path else path
