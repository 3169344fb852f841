"""Where a pattern of a person's own was found."""

from typing import Literal

from msgspec import Struct

__all__ = ["Sighting", "Where"]

Where = Literal["serial line", "screen"]


class Sighting(Struct, frozen=True):
    """That a pattern was found in what the guest wrote."""

    pattern: str
    """What was searched for, a regular expression."""
    line: str
    """The line in which it was found."""
    on: Where
    """Where that was."""
    seconds: float
    """Since launch."""
