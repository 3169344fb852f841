"""Lines out of what a guest writes piece by piece, as a terminal shows them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from bootharness.text import as_shown

__all__ = ["LINE_BYTES", "Line", "Lines"]

LINE_BYTES = 4096
"""What is longer comes in pieces."""
# who sets the cursor goes on elsewhere; other sequences, as for colours, are no part of a text
_END = re.compile(rb"[\r\n]+|\x1b\[\d{0,4}(?:;\d{0,4})?[Hf]")


class Line(NamedTuple):
    """A line, and where it begins in all that was written, in bytes."""

    at: int
    text: str


class Lines(Struct):
    """Takes pieces in their order, and gives whole lines."""

    _open: bytes = b""
    _at: int = 0

    def feed(self, fresh: bytes) -> Iterator[Line]:
        """Yield the lines that end in what is new; none is longer than `LINE_BYTES`."""
        text, begin = self._open + fresh, 0
        for end in _END.finditer(text):
            yield from self._pieces(text, begin, end.start())
            begin = end.end()
        while len(text) - begin > LINE_BYTES:
            yield Line(self._at + begin, _shown(text[begin : begin + LINE_BYTES]))
            begin += LINE_BYTES
        self._open, self._at = text[begin:], self._at + begin

    def _pieces(self, text: bytes, begin: int, end: int) -> Iterator[Line]:
        for at in range(begin, end, LINE_BYTES):
            yield Line(self._at + at, _shown(text[at : min(at + LINE_BYTES, end)]))

    @property
    def open(self) -> Line | None:
        """The line that has not ended yet, as a prompt does not; None where there is none."""
        return Line(self._at, _shown(self._open)) if self._open else None


def _shown(line: bytes) -> str:
    return as_shown(line.decode("utf-8", "replace"))
