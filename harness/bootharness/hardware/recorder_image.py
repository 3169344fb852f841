"""A disk image with the recorder in its MBR, or without it again, as a new file."""

from collections.abc import Callable
from pathlib import Path

from bootharness.errors import NotWritten, UsageError
from bootharness.hardware.recorder_forms import gap_needed
from bootharness.routes.disk import DiskImage

__all__ = ["rewritten"]

_COPIED_BYTES = 1 << 20


def rewritten(image: Path, new: Path, change: Callable[[bytes], bytes]) -> None:
    """Write a copy of a disk image, sparse, whose first `gap_needed` bytes are changed.

    Raises UsageError where there is such a file, for what is no image of a hard disk, and as
    ``change`` does; NotWritten where the copy cannot be written, and nothing of it is left.
    """
    disk = DiskImage.existing(image)
    if disk.shape.kind != "disk":
        raise UsageError(f"{image}: it is no image of a hard disk")
    content, size = disk.content, disk.size_bytes
    try:
        beginning = change(content.read(0, gap_needed))
    except UsageError as error:
        raise UsageError(f"{image}: {error}") from error
    try:
        made = new.open("xb")
    except FileExistsError:
        raise UsageError(f"{new}: there is such a file already; nothing is overwritten") from None
    except OSError as error:
        raise UsageError(f"{new}: {error.strerror}") from error
    try:
        with made:
            made.write(beginning)
            for at in range(len(beginning), size, _COPIED_BYTES):
                data = content.read(at, min(_COPIED_BYTES, size - at))
                if any(data):
                    made.seek(at)
                    made.write(data)
            made.truncate(size)
    except BaseException as error:
        new.unlink()
        if isinstance(error, OSError):
            raise NotWritten(f"{new}: {error.strerror}") from error
        raise
