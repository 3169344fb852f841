"""Folders of the fuzzing targets, which are gone when the process ends."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["fuzz_folder"]

_HELD: list[TemporaryDirectory[str]] = []


@cache
def fuzz_folder(name: str) -> Path:
    """Return the folder of this name, empty the first time."""
    _HELD.append(TemporaryDirectory(prefix=f"fuzz-{name}-"))
    return Path(_HELD[-1].name)
