"""BIOS calls as lines for people."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.screen_text import WRITES, screen_text

__all__ = ["call_lines", "writes_text"]

_VIDEO = 0x10


def call_lines(calls: Iterable[BiosCall]) -> Iterator[str]:
    """Write calls, one in a line, but a text that was written letter by letter as a text."""
    for (_, letters), some in groupby(calls, _writer):
        if letters:
            text = list(some)
            yield f"{str(text[-1]).partition('(')[0]}({screen_text(text)!r})"
        else:
            yield from map(str, some)


def writes_text(call: BiosCall) -> bool:
    """Return whether a call is a part of writing a text on the screen."""
    return call.number == _VIDEO and call.function in WRITES


def _writer(call: BiosCall) -> tuple[int, bool]:
    return call.registers_in.cs, writes_text(call)
