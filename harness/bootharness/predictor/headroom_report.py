"""How close kernels come to what loaders can boot, as a table with bars."""

from collections.abc import Iterable
from itertools import groupby
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bootharness.predictor.forecast import Forecast
from bootharness.predictor.limits import PARTS
from bootharness.text import count

__all__ = ["print_headroom"]

_BAR = 24
_WIDTH = 140
_LOADER, _PART, _SIZE = 40, max(len(part.title) for part in PARTS.values()), 16
_TIGHT_PERCENT = 80


def print_headroom(rows: Iterable[Forecast], fail_at: float, output: TextIO) -> None:
    """Print a table for each kernel, and below them why kernels fail that do."""
    rows = list(rows)
    # what is piped has no width to keep to
    console = Console(file=output, width=None if output.isatty() else _WIDTH, highlight=False)
    for _, of_kernel in groupby(rows, key=lambda row: row.headroom.kernel):
        group = list(of_kernel)
        console.print(
            Text(group[0].headroom.kernel, style="bold"), Text(group[0].release), soft_wrap=True
        )
        console.print(_table(group, fail_at, max(len(row.headroom.loader) for row in rows)))
    for sentence in dict.fromkeys(_why(row) for row in rows if row.cause):
        console.print(Text(sentence, style="red"), soft_wrap=True)


def _table(rows: list[Forecast], fail_at: float, loader_width: int) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
    table.add_column(min_width=min(loader_width, _LOADER), overflow="fold")
    table.add_column(min_width=_PART, no_wrap=True)
    table.add_column(min_width=_SIZE, no_wrap=True, justify="right")
    table.add_column(min_width=_SIZE, no_wrap=True)
    table.add_column(no_wrap=True)
    for row in rows:
        room = row.headroom
        size = count(room.size, room.unit)
        bios = "" if row.bios == "seabios" else f" ({row.bios})"
        title = PARTS[room.part].title
        table.add_row(Text(f"{room.loader}{bios}"), title, size, _limit(row), _bar(row, fail_at))
    return table


def _limit(row: Forecast) -> str:
    if row.headroom.limit is not None:
        return f"of {row.headroom.limit:,}"
    return "" if row.cause else "memory limits it"


def _bar(row: Forecast, fail_at: float) -> Text:
    percent = row.headroom.percent
    if percent is None:
        return Text("" if row.cause is None else "fails", style="red")
    filled = min(round(percent / 100 * _BAR), _BAR)
    tight = "yellow" if percent > _TIGHT_PERCENT else "green"
    style = "red" if percent > fail_at or row.cause else tight
    bar = Text("█" * filled, style=style)
    bar.append("░" * (_BAR - filled), style="dim")
    bar.append(f" {percent:6.2f} %", style=style)
    return bar


def _why(row: Forecast) -> str:
    what = f"{row.headroom.kernel} with {row.headroom.loader} ({row.bios})"
    return f"{what}: {row.cause}: {row.sentence}"
