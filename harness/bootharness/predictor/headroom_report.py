"""How close kernels come to the limits of loaders, as lines for a terminal."""

from collections.abc import Iterable
from itertools import groupby
from typing import TextIO

from bootharness.predictor.forecast import IN_MEMORY, ON_ESP, Forecast
from bootharness.predictor.limits import PARTS
from bootharness.report.lines import Words, say, say_rows, width_of
from bootharness.text import count, printable

__all__ = ["print_headroom"]

_BAR = 24
_COLUMNS_BESIDE = 72
"""What a row needs without its bar."""
_TIGHT_PERCENT = 80
_INDENT = 4
_TITLES = {each.name: each.title for each in PARTS.values()} | {
    ON_ESP: "kernel's file",
    IN_MEMORY: "memory that it needs",
}
_FREE = {ON_ESP: "free", IN_MEMORY: "free at once"}


def print_headroom(rows: Iterable[Forecast], fail_at: float, output: TextIO) -> None:
    """Print a table for each kernel and loader, and below them why kernels fail that do.

    On a narrow terminal the bars are short; what they draw stands before them as a number.
    """
    rows = list(rows)
    width = width_of(output)
    bar = 0 if width is None else max(min(width - _COLUMNS_BESIDE, _BAR), 0)
    for kernel, of_kernel in groupby(rows, key=lambda row: row.headroom.kernel):
        group = list(of_kernel)
        say(output, (printable(kernel), {"bold": True}), printable(group[0].release))
        for loader, of_loader in groupby(group, key=_loader):
            say(output, loader, indent=2)
            parts = list(of_loader)
            shown = [_row(row, fail_at, bar) for row in parts]
            if not parts[0].takes_initrd:
                shown.append(["initrd", "none at all", "", "", ""])
            say_rows(output, shown, right=(1, 3), indent=_INDENT)
    for sentence in dict.fromkeys(_why(row) for row in rows if row.cause):
        say(output, (printable(sentence), {"fg": "red"}))


def _loader(row: Forecast) -> str:
    bios = "" if row.bios in ("seabios", "") else f" ({row.bios})"
    return f"{printable(row.headroom.loader)}{bios}"


def _row(row: Forecast, fail_at: float, width: int) -> list[Words]:
    room = row.headroom
    title, size = _TITLES[room.part], count(room.size, room.unit)
    if room.percent is None:
        said = ("", {}) if row.cause is None else ("fails", {"fg": "red"})
        return [title, size, _limit(row), said, ""]
    tight = "yellow" if room.percent > _TIGHT_PERCENT else "green"
    style = {"fg": "red" if room.percent > fail_at or row.cause else tight}
    filled = min(round(room.percent / 100 * width), width)
    bar = ("█" * filled + "░" * (width - filled), style)
    return [title, size, _limit(row), (f"{room.percent:.2f} %", style), bar]


def _limit(row: Forecast) -> str:
    if row.headroom.limit is not None:
        return f"of {row.headroom.limit:,} {_FREE.get(row.headroom.part, '')}".rstrip()
    return "" if row.cause else "memory limits it"


def _why(row: Forecast) -> str:
    what = f"{row.headroom.kernel} with {row.headroom.loader} ({row.bios})"
    return f"{what}: {row.cause}: {row.sentence}"
