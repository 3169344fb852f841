"""Text that comes from elsewhere, written so that Markdown shows it as it is."""

import re
from collections.abc import Sequence

from bootharness.text import printable

__all__ = ["block", "code", "escaped"]

_SIGNS = frozenset("\\`*_|[]#@")
"""What Markdown heeds, and with it what names a person or an issue."""


def escaped(text: str) -> str:
    """Write text in a line, or in a cell of a table."""
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{letter}" if letter in _SIGNS else letter for letter in text)


def code(text: str) -> str:
    """Write a line as code, between more backticks than there are in it."""
    text = printable(text)
    ticks = _ticks(text, 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def block(lines: Sequence[str]) -> list[str]:
    """Return lines as they are, in a block whose fence is longer than any in them."""
    text = [printable(line) for line in lines]
    fence = _ticks("\n".join(text), 3)
    return [fence, *text, fence]


def _ticks(text: str, least: int) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)
