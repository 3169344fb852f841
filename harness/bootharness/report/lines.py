"""Lines for people: wrapped at words on a terminal, never wrapped or padded anywhere else."""

import shutil
from collections.abc import Sequence
from itertools import groupby
from typing import Any, TextIO

import click

__all__ = ["Words", "say", "say_row", "say_rows", "width_of"]

Words = str | tuple[str, dict[str, Any]]
"""A text, or a text and its style as `click.style` has it."""

_WIDEST = 100
_INDENT = 5


def width_of(output: TextIO) -> int | None:
    """Return how many columns there are to keep to, None where nobody looks at a screen."""
    if not output.isatty():
        return None
    return min(shutil.get_terminal_size().columns, _WIDEST)


def say(output: TextIO, *parts: Words, indent: int = 0) -> None:
    """Print one sentence; on a terminal further lines are indented by `_INDENT` at least.

    Parts are set apart by a blank. A word that is longer than a line is not broken: it may be a
    path to copy.
    """
    words = [
        (word, part[1] if isinstance(part, tuple) else {})
        for part in parts
        for word in (part[0] if isinstance(part, tuple) else part).split(" ")
    ]
    width = width_of(output)
    lines: list[list[tuple[str, dict[str, Any]]]] = [[]]
    at = indent
    for word, style in words:
        if width and lines[-1] and at + len(click.unstyle(word)) > width:
            lines.append([])
            at = max(indent, _INDENT)
        if word or lines[-1] or len(lines) == 1:
            lines[-1].append((word, style))
            at += len(click.unstyle(word)) + 1
    for number, line in enumerate(lines):
        margin = " " * (max(indent, _INDENT) if number else indent)
        click.echo(margin + _styled(line).rstrip(" "), file=output)


def _styled(words: Sequence[tuple[str, dict[str, Any]]]) -> str:
    return " ".join(
        click.style(" ".join(word for word, _ in group), **style)
        if style
        else " ".join(word for word, _ in group)
        for style, group in (
            (key, list(items)) for key, items in groupby(words, key=lambda each: each[1])
        )
    )


def say_rows(
    output: TextIO, rows: Sequence[Sequence[Words]], *, right: Sequence[int] = (),
    lead: int = 1, indent: int = 0,
) -> None:  # fmt: skip
    """Print a table, empty columns left out.

    Where it is wider than the terminal, the first ``lead`` cells of a row stand alone, the others
    on the next line; elsewhere cells are set apart by two blanks. ``right`` are the columns that
    end at the same place.
    """
    width = width_of(output)
    widths = [max(map(len, map(_text, column))) for column in zip(*rows, strict=True)]
    whole = indent + sum(each + 2 for each in widths if each) - 2
    for row in rows:
        cells = [
            (cell, size, number in right)
            for number, (cell, size) in enumerate(zip(row, widths, strict=True))
            if size
        ]
        if width is None:
            say_row(output, [cell for cell, _, _ in cells], indent=indent)
        elif whole <= width:
            _aligned(output, cells, indent)
        else:
            say_row(output, row[:lead], indent=indent)
            say_row(output, row[lead:], indent=max(indent + 2, _INDENT))


def say_row(output: TextIO, cells: Sequence[Words], *, indent: int = 0) -> None:
    """Print cells that are set apart by two blanks, empty ones left out."""
    there = [cell for cell in cells if _text(cell)]
    if there:
        apart: list[Words] = [there[0]]
        for cell in there[1:]:
            text, style = cell if isinstance(cell, tuple) else (cell, {})
            apart += ["", (text, style)] if style else [f" {text}"]
        say(output, *apart, indent=indent)


def _aligned(output: TextIO, cells: Sequence[tuple[Words, int, bool]], indent: int) -> None:
    line = " " * indent
    for cell, size, right in cells:
        text, style = cell if isinstance(cell, tuple) else (cell, {})
        room = " " * (size - len(text))
        shown = click.style(text, **style) if style else text
        line += f"{room}{shown}  " if right else f"{shown}{room}  "
    click.echo(line.rstrip(" "), file=output)


def _text(cell: Words) -> str:
    return cell[0] if isinstance(cell, tuple) else cell
