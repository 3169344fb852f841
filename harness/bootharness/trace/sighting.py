"""Where a pattern, or a picture, of a person's own was found, and how close it came."""

from typing import Literal

from msgspec import Struct

from bootharness.formats.needle import Likeness

__all__ = ["Closest", "How", "Sighting", "Where"]

Where = Literal["serial line", "screen"]
How = Literal["text", "picture", "ocr"]


class Sighting(Struct, frozen=True):
    """That a pattern was found in what the guest wrote, or a picture on its screen."""

    pattern: str
    """What was searched for, a regular expression or a picture's file."""
    line: str
    """The line in which it was found, empty for a picture."""
    on: Where
    """Where that was."""
    seconds: float
    """Since launch."""
    by: How = "text"
    """Whether in text, as a ``picture``, or in what ``ocr`` reads off a picture, which may be
    wrong."""
    likeness: Likeness | None = None
    """Where a picture was found, and how like it that is, None for text."""


class Closest(Struct, frozen=True):
    """How close the screen came to a picture that was looked for."""

    width: int
    """Of the picture that was looked for, in pixels."""
    height: int
    """The same."""
    match: float
    """How many percent of likeness do."""
    screen_width: int
    """Of the screen that came closest, in pixels."""
    screen_height: int
    """The same."""
    likeness: Likeness | None
    """The area that came closest, None where every screen was smaller than the picture."""
    seconds: float
    """When, since launch."""
