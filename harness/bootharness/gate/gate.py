"""Run a gate: boot every cell, compare with the baseline, and say what is to be looked at."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

from bootharness.errors import Interrupted
from bootharness.gate.compare import changes, remarks
from bootharness.gate.events import events
from bootharness.gate.matrix import Matrix
from bootharness.gate.outcome import Entry, GateOutcome, Pace
from bootharness.gate.pace import paces
from bootharness.gate.pattern import patterns
from bootharness.gate.placed import fresh, placed
from bootharness.gate.shard import Share, shard_of, shares
from bootharness.gate.since import line_of, place
from bootharness.predictor.headroom import Headroom
from bootharness.runs.cell import Cell
from bootharness.runs.headroom import headroom_of, takes_loader
from bootharness.runs.history import History, history_file
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
    shard: Share | None = None,
    observer: GateObserver | None = None,
) -> GateOutcome:
    """Boot all cells of a matrix, or of a shard of it, and return what was found.

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
                    timing=timing, still_accepted=still_accepted, part=shard,
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
    part: Share | None,
    observer: GateObserver,
) -> GateOutcome:
    began, made_at = time.monotonic(), time.time()
    baseline = cells[0].kernel if matrix.baseline else None
    own = shares(cells, baseline, part.of)[part.number - 1] if part else cells
    pasts = [*history.outcomes()]  # before this gate writes to it
    observer.begun(own)
    known: dict[Cell, CellResult] = {}
    stopped = False
    try:
        for result in run_cells(own, executor, history, most=most, cache=cache):
            known[result.cell] = result
            observer.result(result)
    except KeyboardInterrupt:
        stopped = True
    results = [known[cell] for cell in own if cell in known]
    before = {place(each.cell): each for each in results if each.cell.kernel == baseline}
    candidates = [each for each in results if each.cell.kernel != baseline]
    pairs = [(before[place(each.cell)], each) for each in candidates if place(each.cell) in before]
    times = {}
    if timing and not stopped:
        times = paces(pairs, executor, history if cache else None, timing=observer.timing)
    headroom = tuple(headroom_of(results, history))
    rooms: dict[tuple[str, str], list[Headroom]] = defaultdict(list)
    for room in headroom:
        rooms[room.kernel, room.loader].append(room)
    entries = []
    for result in results:
        if result.cell.kernel == baseline:
            entries.append(Entry(result, "", baseline=True))
            continue
        other, pace = before.get(place(result.cell)), times.get(result.cell)
        own_rooms = rooms[result.cell.kernel, result.cell.plan.loader]
        entries.append(_entry(result, other, own_rooms, pace, warn_at=warn_at))
    pasts = [*_of_these(pasts, results)]
    limits, builds = tuple(history.limits_seen()), history.kernels()
    outcome = GateOutcome(
        entries=placed(entries, cells, baseline, pasts),
        headroom=headroom,
        patterns=patterns(candidates),
        builds=builds,
        seconds=round(time.monotonic() - began, 3),
        untried=len(own) - len(results),
        still_accepted=still_accepted,
        expired=matrix.expired(),
        events=events((*pasts, *fresh(results, made_at)), limits),
        made_at=made_at,
        shard=shard_of(cells, baseline, part, pasts=pasts, limits=limits, builds=builds)
        if part
        else None,
    )
    if stopped:
        raise StoppedGate(outcome)
    return outcome


def _of_these(pasts: list[Past], results: list[CellResult]) -> Iterator[Past]:
    """Yield what is known from before of kernels of the same series, booted in the same way."""
    lines = {line_of(each.cell) for each in results}
    return (past for past in pasts if line_of(past.result.cell) in lines)


def _entry(
    result: CellResult,
    other: CellResult | None,
    headroom: list[Headroom],
    pace: Pace | None,
    *,
    warn_at: float,
) -> Entry:
    own = tuple(headroom) if takes_loader(result.cell) else ()
    compared = other if other and other.known and result.known else None
    return Entry(
        result=result,
        way="",
        changes=changes(compared.decisive, result.decisive) if compared else (),
        remarks=remarks(result, compared, own, pace, warn_at=warn_at),
        pace=pace,
    )
