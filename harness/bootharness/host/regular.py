"""Files that people and traces name: regular ones, of a size that can be, and nothing to wait
for."""

import os
import stat
from pathlib import Path

from bootharness.errors import UsageError

__all__ = ["first_bytes", "is_regular", "read_regular"]

_WITHOUT_WAITING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""For the other end of a pipe."""


def is_regular(path: Path, *, most: int) -> bool:
    """Return whether there is a regular file of at most so many bytes."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= most


def first_bytes(path: Path, number: int) -> bytes:
    """Return how a regular file begins, nothing for what is none or cannot be read."""
    try:
        with os.fdopen(os.open(path, _WITHOUT_WAITING), "rb") as file:
            return file.read(number) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except (OSError, ValueError):
        return b""


def read_regular(path: Path, *, most: int) -> bytes:
    """Return what is in a file. Raises UsageError, naming it, for what is not a regular file of
    at most so many bytes: a pipe or a device may have no end."""
    try:
        with os.fdopen(os.open(path, _WITHOUT_WAITING), "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISDIR(status.st_mode):
                raise UsageError(f"{path}: a folder, and a file is wanted")
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{path}: a pipe or a device, and a regular file is wanted")
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > most:
        raise UsageError(f"{path}: it has more than {most:,} bytes")
    return content
