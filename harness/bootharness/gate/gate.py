"""Run a gate: boot every cell, compare with the baseline, and say what is to be looked at."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

from bootharness.errors import Interrupted
from bootharness.gate.axes import varying, way
from bootharness.gate.compare import changes, remarks
from bootharness.gate.events import events
from bootharness.gate.matrix import Matrix
from bootharness.gate.outcome import Entry, GateOutcome, Pace
from bootharness.gate.pace import paces
from bootharness.gate.pattern import patterns
from bootharness.gate.since import Since, courses, line_of, place
from bootharness.predictor.headroom import Headroom
from bootharness.runs.cell import Cell
from bootharness.runs.headroom import headroom_of, is_about
from bootharness.runs.history import History, history_file
from bootharness.runs.identity import own_version
from bootharness.runs.result import CellResult, Past
from bootharness.runs.runner import MOST_ATTEMPTS, limit_s, run_cells
from bootharness.runs.workers import workers_of
from bootharness.text import count

__all__ = ["GateObserver", "StoppedGate", "run_gate"]


class StoppedGate(Interrupted):
    """A gate that the person has stopped: ``outcome`` is what is known by then."""

    def __init__(self, outcome: GateOutcome) -> None:
        done = len(outcome.entries)
        super().__init__(
            f"interrupted: {done:,} of {count(done + outcome.untried, 'result')} known; what was "
            "booted is in the history, so the same command goes on from here"
        )
        self.outcome = outcome


class GateObserver:
    """Who is told how a gate goes; by itself it does nothing with that."""

    def begun(self, cells: Sequence[Cell]) -> None:
        """Take note of the cells, in the order in which they are booted."""

    def result(self, result: CellResult) -> None:
        """Take note of a result as soon as it is known."""

    def timing(self, boots: int) -> None:
        """Take note that so many boots more are made, to measure times."""


def run_gate(
    matrix: Matrix,
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    history: Path | None = None,
    cache: bool = True,
    most: int = MOST_ATTEMPTS,
    warn_at: float = 90.0,
    timing: bool = True,
    still_accepted: bool = False,
    observer: GateObserver | None = None,
) -> GateOutcome:
    """Boot all cells of a matrix and return what was found.

    ``executor`` boots; without one workers are started on this machine, ``jobs`` of them or one
    on each core. Results go to the file ``history``, and without ``cache`` none is taken from it.
    A cell that does not go as expected is booted ``most`` times. ``warn_at`` is how many percent
    of a loader's limit are too much. Without ``timing`` no boot is made to compare times. What
    fails as the baseline does is refused unless ``still_accepted``. Raises UsageError for what
    cannot be, and StoppedGate when the person stops it.
    """
    cells = matrix.cells()
    with (
        History(history or history_file()) as results,
        workers_of(executor, jobs, limit_s(cells)) as workers,
    ):
        return _run(matrix, cells, workers, results, cache=cache, most=most, warn_at=warn_at,
                    timing=timing, still_accepted=still_accepted,
                    observer=observer or GateObserver())  # fmt: skip


def _run(
    matrix: Matrix,
    cells: tuple[Cell, ...],
    executor: Executor,
    history: History,
    *,
    cache: bool,
    most: int,
    warn_at: float,
    timing: bool,
    still_accepted: bool,
    observer: GateObserver,
) -> GateOutcome:
    began = time.monotonic()
    pasts = [*history.outcomes()]  # before this gate writes to it
    observer.begun(cells)
    known: dict[Cell, CellResult] = {}
    stopped = False
    try:
        for result in run_cells(cells, executor, history, most=most, cache=cache):
            known[result.cell] = result
            observer.result(result)
    except KeyboardInterrupt:
        stopped = True
    results = [known[cell] for cell in cells if cell in known]
    baseline = cells[0].kernel if matrix.baseline else None
    before = {place(each.cell): each for each in results if each.cell.kernel == baseline}
    candidates = [each for each in results if each.cell.kernel != baseline]
    times = {}
    if timing and baseline and not stopped:  # or not every cell of the baseline need be known
        pairs = [(before[place(each.cell)], each) for each in candidates]
        times = paces(pairs, executor, history if cache else None, timing=observer.timing)
    headroom = tuple(headroom_of(results, history))
    names = varying(cells)
    since = courses(results, baseline, pasts)
    entries = []
    for result in results:
        if result.cell.kernel == baseline:
            entries.append(Entry(result, way(result.cell, names), baseline=True))
            continue
        other = before.get(place(result.cell))
        pace = times.get(result.cell)
        entries.append(
            _entry(result, other, names, headroom, pace, since.get(result.cell), warn_at=warn_at)
        )
    outcome = GateOutcome(
        entries=tuple(entries),
        headroom=headroom,
        patterns=patterns(candidates),
        builds=history.kernels(),
        seconds=round(time.monotonic() - began, 3),
        untried=len(cells) - len(results),
        still_accepted=still_accepted,
        expired=matrix.expired(),
        events=events((*_of_these(pasts, results), *_fresh(results)), history.limits_seen()),
    )
    if stopped:
        raise StoppedGate(outcome)
    return outcome


def _of_these(pasts: list[Past], results: list[CellResult]) -> Iterator[Past]:
    """Yield what is known from before of kernels of the same series, booted in the same way."""
    lines = {line_of(each.cell) for each in results}
    return (past for past in pasts if line_of(past.result.cell) in lines)


def _fresh(results: list[CellResult]) -> Iterator[Past]:
    """Yield what was booted just now."""
    now = time.time()
    return (Past(0, now, own_version(), each) for each in results if not each.cached)


def _entry(
    result: CellResult,
    other: CellResult | None,
    names: tuple[str, ...],
    headroom: tuple[Headroom, ...],
    pace: Pace | None,
    since: Since | None,
    *,
    warn_at: float,
) -> Entry:
    cell = result.cell
    own = tuple(each for each in headroom if is_about(each, cell))
    compared = other if other and other.known and result.known else None
    return Entry(
        result=result,
        way=way(cell, names),
        changes=changes(compared.decisive.facts, result.decisive.facts) if compared else (),
        remarks=remarks(result, compared, own, pace, warn_at=warn_at),
        pace=pace,
        since=since,
    )
