"""Sentences on the terminal of gdb, which itself breaks lines in the middle of words."""

from __future__ import annotations

import textwrap

import gdb


def wrapped(text: str) -> str:
    """Return lines with none longer than the terminal, as far as words let it."""
    width = gdb.parameter("width")
    if not isinstance(width, int) or width <= 0:
        return text
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False,
                      break_on_hyphens=False)
        for line in text.split("\n")
    )  # fmt: skip
