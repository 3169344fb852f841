"""Patterns of a person's own: regular expressions for what a guest writes, and pictures.

A guest may write what a pattern takes for ever to look at, so each search has a time limit: the
module `regex` has one, and Python's own has none.
"""

from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol

from bootharness.errors import UsageError

__all__ = [
    "MOST_CHARACTERS",
    "Compiled",
    "check_on_screen",
    "check_pattern",
    "compiled",
    "is_needle",
]

MOST_CHARACTERS = 1000
_NEEDLE = ".png"


class Compiled(Protocol):
    """A pattern that can be searched for."""

    def search(self, text: str, *, timeout: float | None = None) -> object | None:
        """Return where it is found, None for nowhere. Raises TimeoutError after ``timeout``, in
        seconds of CPU time."""


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Compiled:
    """Return a pattern ready to be searched for. Raises UsageError for one that cannot be."""
    regex: Any = import_module("regex")  # most boots do without
    try:
        found: Compiled = regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError, MemoryError) as error:
        raise UsageError(
            f"{pattern!r} is no regular expression: {error}; a \\ before ( [ . * + ? makes it a "
            "letter"
        ) from None
    return found


def check_pattern(pattern: str) -> None:
    """Raise UsageError for what is no pattern, or one that would be found in nothing at all."""
    if len(pattern) > MOST_CHARACTERS:
        raise UsageError(
            f"{pattern[:40]!r}... has {len(pattern):,} characters; a pattern has at most "
            f"{MOST_CHARACTERS:,}"
        )
    if compiled(pattern).search(""):
        raise UsageError(f"{pattern!r}: it is found in an empty line, so it would tell nothing")


def is_needle(given: str) -> bool:
    """Return whether what is looked for on a screen is a picture's file, and no pattern."""
    return given.lower().endswith(_NEEDLE)


def check_on_screen(given: str) -> None:
    """Raise UsageError for what is neither a pattern nor the name of a picture; whether it is one
    is looked at before a boot."""
    if not is_needle(given):
        check_pattern(given)
