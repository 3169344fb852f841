"""Needles as people name them: files of this computer."""

from pathlib import Path

from bootharness.errors import FormatError, UsageError
from bootharness.formats.needle import Needle, needle_of
from bootharness.formats.picture import MOST_BYTES
from bootharness.host.regular import read_regular

__all__ = ["read_needle"]


def read_needle(name: str) -> Needle:
    """Return the needle in a file. Raises UsageError, naming it, for what is none, ToolMissing
    where what reads pictures is not installed."""
    path = Path(name)
    if not path.exists():
        raise UsageError(
            f"{name}: no such file; a pattern, for text that ends so, is written "
            f"{name[:-4]}[.]{name[-3:]}"
        )
    try:
        return needle_of(read_regular(path, most=MOST_BYTES))
    except FormatError as error:
        raise UsageError(f"{name}: {error}") from error
