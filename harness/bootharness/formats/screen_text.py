"""Text as it was written through INT 10h, put together from the calls."""

from collections.abc import Iterable

from msgspec import Struct

from bootharness.formats.bioscall import BiosCall

__all__ = ["WRITES", "ScreenText", "screen_text"]

_VIDEO, _CURSOR, _CHARACTER, _TELETYPE = 0x10, 0x02, 0x09, 0x0E
WRITES = frozenset((_CURSOR, _CHARACTER, _TELETYPE))
"""By AH: set cursor, write character and attribute, teletype output."""
_COLUMNS, _LAST_ROW = 80, 24
_BELL, _BACK, _NEW_LINE, _RETURN = 7, 8, 10, 13
_MOVES = (_BELL, _BACK, _NEW_LINE, _RETURN)
_LETTERS = bytes(range(0x80)).decode("latin-1") + bytes(range(0x80, 0x100)).decode("cp437")
"""A PC's, by their numbers; what is below the space stays what it is."""


class ScreenText(Struct):
    """Takes calls in their order and gives the text that they write.

    Boot managers write a character and set the cursor behind it; elsewhere on the screen is a
    new line of the text.
    """

    _row: int = 0
    _column: int = 0
    _back: int = 0
    _held: str = ""

    def feed(self, calls: Iterable[BiosCall]) -> str:
        """Return what these calls write."""
        text: list[str] = []
        for call in calls:
            if call.number != _VIDEO or call.function not in WRITES:
                continue
            registers = call.registers_in
            if call.function == _TELETYPE:
                if registers.al in _MOVES:
                    text += self.rest()
                self._held = self._held[1:]  # iPXE writes a blank in its colours first
                self._advance(registers.al)
                self._type(registers.al, text)
            elif call.function == _CHARACTER:
                self._held = _LETTERS[registers.al] * min(registers.ecx & 0xFFFF, _COLUMNS)
            else:
                row, column = registers.edx >> 8 & 0xFF, registers.edx & 0xFF
                behind = bool(self._held) and column == self._column + len(self._held)
                text += self.rest()
                # who steps behind what he has written is in the line where that is
                if not behind and (row != self._row or column < self._column):
                    text.append("\n")
                self._row, self._column = row, column
        return "".join(text)

    def rest(self) -> str:
        """Return what was written where the cursor still is, and may yet be written over."""
        held, self._held = self._held, ""
        return held

    def _type(self, letter: int, text: list[str]) -> None:
        """Add a letter; those over which a cursor that went back is written are no more."""
        if letter == _BACK:
            self._back += 1
            return
        if letter not in _MOVES:
            for _ in range(self._back):
                if text and text[-1] not in "\r\n":
                    text.pop()
        self._back = 0
        text.append(_LETTERS[letter])

    def _advance(self, letter: int) -> None:
        if letter == _NEW_LINE:
            self._row = min(self._row + 1, _LAST_ROW)
        self._column = 0 if letter == _RETURN else self._column + (letter not in _MOVES)


def screen_text(calls: Iterable[BiosCall]) -> str:
    """Return what was written through INT 10h."""
    text = ScreenText()
    return text.feed(calls) + text.rest()
