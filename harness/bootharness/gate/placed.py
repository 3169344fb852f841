"""Each cell of a gate among the others: by what it is told from them, and since when it is so."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from bootharness.gate.axes import varying, way
from bootharness.gate.outcome import Entry
from bootharness.gate.since import courses
from bootharness.runs.cell import Cell
from bootharness.runs.identity import own_version
from bootharness.runs.result import CellResult, Past

__all__ = ["fresh", "placed"]


def placed(
    entries: Sequence[Entry], cells: Iterable[Cell], baseline: str | None, pasts: Iterable[Past]
) -> tuple[Entry, ...]:
    """Return entries with how they boot, as far as the cells of a gate differ in that, and with
    since when they are as they are.

    ``pasts`` are what is known from before, the oldest first.
    """
    names = varying(cells)
    since = courses([each.result for each in entries], baseline, pasts)
    return tuple(
        replace(each, way=way(each.result.cell, names), since=since.get(each.result.cell))
        for each in entries
    )


def fresh(results: Iterable[CellResult], at: float) -> Iterator[Past]:
    """Yield what a gate, begun at a moment, has booted itself."""
    return (Past(0, at, own_version(), each) for each in results if not each.cached)
