"""How numbers, and what a guest said, are written for people."""

import re
from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "NUMBER",
    "address",
    "as_shown",
    "count",
    "first_lines",
    "flags",
    "hint",
    "last_lines",
    "listed",
    "plainly",
    "printable",
    "seg_off",
    "without_boxes",
]  # fmt: skip

NUMBER = r"(?!\w{32})\d+(?:_\d+)*"
"""A whole number as a person may write it, with _ between digits: 15_735_808."""
_LINE_LENGTH = 500
_OBEYED = re.compile(r"[\b\x1b\x0e\x0f]")
# in a terminal's other set of characters there are the lines of boxes
_DRAWN = re.compile(r"\x0e[^\x0f\n]{0,500}\x0f?|\x0f|\x1b\(0[^\x1b\n]{0,500}(?:\x1b\(B)?|\x1b\(B")
_BOXES = re.compile(r"[\u2500-\u259f]+|(?:\\x[b-d][0-9a-f])+")
"""Those of code page 437 too, which is no UTF-8."""
_TO_FIRST_COLUMN = re.compile(r"\x1b\[\d{1,3};0?1H")
_ESCAPE = re.compile(r"\x1b\[[0-?]{0,20}[A-Za-z]")


def address(linear: int) -> str:
    """Write a linear address with at least six digits: ``0x001c00``."""
    return f"0x{linear:06x}"


def seg_off(segment: int, offset: int) -> str:
    """Write a real-mode address: ``1020:0000``."""
    return f"{segment:04x}:{offset:04x}"


def count(number: int, noun: str) -> str:
    """Write a number with thousands separated and its noun: ``1,024 bytes``, ``1 byte``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str], most: int) -> str:
    """Write names one after the other, and how many there are beyond so many:
    ``a, b and 3 more``."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def hint(wrong: str, known: Iterable[str], *, also: Iterable[str] = (), otherwise: str = "") -> str:
    """Return which of the known names, or of those in ``also``, may have been meant; where none
    is near, what to say ``otherwise``, by default the known ones."""
    import difflib  # few mistake a name

    names = list(known)
    if near := difflib.get_close_matches(wrong, [*names, *also], 1):
        return f"did you mean {near[0]}?"
    # a part of a name that is typed from memory
    if begun := [name for name in names if wrong and wrong in name]:
        return f"did you mean {' or '.join(begun[:3])}?"
    return otherwise or f"known are {', '.join(names)}"


_KINDS = {
    "array": "a list",
    "object": "a table",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}
_BOUNDS = {">": "above", ">=": "from", "<": "below", "<=": "up to"}


def plainly(error: Exception) -> str:
    """Say in plain words, the field first, what a library says of a document that is wrong."""
    said, _, at = printable(str(error)).partition(" - at `$")
    field = at.strip(".`")
    if missing := re.search(r"missing required field `(.+?)`", said):
        return f"{f'{field}: ' if field else ''}it has no {missing[1]}"
    if kinds := re.fullmatch(r"Expected `(.+?)`, got `(.+?)`", said):
        wanted = " or ".join(_KINDS.get(each.strip(), each) for each in kinds[1].split("|"))
        said = f"{wanted} is wanted, and this is {_KINDS.get(kinds[2], kinds[2])}"
    elif bounds := re.fullmatch(r"Expected `(.+?)` ([<>]=?) (\S+?)(?:\.0)?", said):
        said = f"{_KINDS.get(bounds[1], bounds[1])} {_BOUNDS[bounds[2]]} {bounds[3]} is wanted"
    elif word := re.fullmatch(r"Invalid enum value ('.+')", said):
        said = f"{word[1]} is none of the words that it takes"
    return f"{field}: {said}" if field else said


def flags(value: int, names: Mapping[int, str]) -> str:
    """Write a bit field by the names of its bits; unknown bits stay visible as hex."""
    known = [name for bit, name in names.items() if value & bit]
    rest = value & ~sum(names)
    return "|".join([*known, *([hex(rest)] if rest else [])]) or "0"


def printable(text: str) -> str:
    """Write what a terminal would obey, control characters and the like, by its code."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def as_shown(text: str) -> str:
    """Return text as a terminal shows it: what was gone over by the cursor is not there."""
    if not _OBEYED.search(text):
        return text
    text = _TO_FIRST_COLUMN.sub("\n", _DRAWN.sub(" ", text))
    return "\n".join(_line_shown(line) for line in _ESCAPE.sub("", text).split("\n"))


def _line_shown(line: str) -> str:
    if "\b" not in line:
        return line
    shown: list[str] = []
    at = 0
    for letter in line:
        if letter == "\b":
            at = max(at - 1, 0)
        elif letter == "\r":
            at = 0
        else:
            shown[at : at + 1] = [letter]
            at += 1
    return "".join(shown).rstrip()


def without_boxes(line: str) -> str:
    """Return a line without what draws boxes; empty where that is all that it does."""
    return " ".join(_BOXES.sub(" ", line).split()) if _BOXES.search(line) else line.rstrip()


def first_lines(lines: Sequence[str], most: int) -> list[str]:
    """Return lines fit to be shown, and how many more there are than that many."""
    shown = [printable(line) for line in lines[:most]]
    return [*shown, f"... {len(lines) - most:,} more"] if len(lines) > most else shown


def last_lines(text: str, number: int) -> list[str]:
    """Return the last lines of what a guest wrote that are not empty, fit to be shown."""
    shown = as_shown(text[-number * _LINE_LENGTH :])
    lines = [without_boxes(line) for line in shown.splitlines()]
    return [printable(line[-_LINE_LENGTH:]) for line in lines if line][-number:]
