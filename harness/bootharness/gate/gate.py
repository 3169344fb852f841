"""Run a gate: boot every cell, compare with the baseline, and say what is to be looked at."""

import time
from concurrent.futures import Executor
from dataclasses import replace
from typing import Protocol

from bootharness.gate.axes import varying, way
from bootharness.gate.compare import changes, remarks
from bootharness.gate.matrix import Matrix
from bootharness.gate.outcome import Entry, Outcome, Pace, Room
from bootharness.gate.pace import paces
from bootharness.gate.pattern import patterns
from bootharness.kernels.source import expand
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.result import CellResult
from bootharness.runs.rooms import rooms
from bootharness.runs.runner import MOST_ATTEMPTS, run_cells

__all__ = ["Onlooker", "run_gate"]


class Onlooker(Protocol):
    """Whoever wants to see a gate while it runs."""

    def begun(self, cells: int) -> None:
        """See how many cells there are."""

    def result(self, result: CellResult) -> None:
        """See a result as soon as it is known."""

    def timing(self, boots: int) -> None:
        """See that so many boots more are made, to measure times."""


def run_gate(
    matrix: Matrix,
    executor: Executor,
    history: History | None,
    *,
    onlooker: Onlooker,
    most: int = MOST_ATTEMPTS,
    cache: bool = True,
    warn_at: float = 90.0,
) -> Outcome:
    """Boot all cells of a matrix and return what was found.

    ``warn_at`` is how many percent of a loader's limit are too much; otherwise as `run_cells`.
    """
    began = time.monotonic()
    cells = matrix.cells()
    onlooker.begun(len(cells))
    known: dict[Cell, CellResult] = {}
    for result in run_cells(cells, executor, history, most=most, cache=cache):
        known[result.cell] = result
        onlooker.result(result)
    results = [known[cell] for cell in cells]
    baseline = expand(matrix.baseline)[0] if matrix.baseline else None
    before = {_place(each.cell): each for each in results if each.cell.kernel == baseline}
    candidates = [each for each in results if each.cell.kernel != baseline]
    pairs = [(before[_place(each.cell)], each) for each in candidates if before]
    times = paces(pairs, executor, history if cache else None, timing=onlooker.timing)
    room = tuple(rooms(results, history))
    names = varying(cells)
    entries = []
    for result in results:
        if result.cell.kernel == baseline:
            entries.append(Entry(result, way(result.cell, names), baseline=True))
            continue
        other = before.get(_place(result.cell))
        pace = times.get(result.cell)
        entries.append(_entry(result, other, names, room, pace, warn_at=warn_at))
    return Outcome(
        entries=tuple(entries),
        rooms=room,
        patterns=patterns(candidates),
        builds=history.kernels() if history else (),
        seconds=round(time.monotonic() - began, 3),
    )


def _place(cell: Cell) -> Cell:
    """Return a cell without what it may differ in from its baseline's."""
    return replace(cell, kernel="", expect="good")


def _entry(
    result: CellResult,
    other: CellResult | None,
    names: tuple[str, ...],
    room: tuple[Room, ...],
    pace: Pace | None,
    *,
    warn_at: float,
) -> Entry:
    cell = result.cell
    own = tuple(
        each
        for each in room
        if cell.path == "mbr" and (each.kernel, each.loader) == (cell.kernel, cell.loader)
    )
    compared = other if other and other.known and result.known else None
    return Entry(
        result=result,
        way=way(cell, names),
        changes=changes(compared.decisive.facts, result.decisive.facts) if compared else (),
        remarks=remarks(result, compared, own, pace, warn_at=warn_at),
        pace=pace,
    )
