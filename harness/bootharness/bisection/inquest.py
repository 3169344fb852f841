"""From a search that has found something to its answer: what to compare, what to try."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from msgspec.structs import replace

from bootharness.bisection.answer import Answer, Row, Side, built, conclusion, side_by_side
from bootharness.bisection.experiments import ExperimentOutcome, experiments, perform
from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.hunted import SLOWER, hunted
from bootharness.bisection.log import HuntLog, Seen
from bootharness.bisection.ranges import Range, SizeRange
from bootharness.bisection.search import Found
from bootharness.bisection.slower import step
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import FormatError, UsageError
from bootharness.formats.zipped import unzipped
from bootharness.plan import STAGE1
from bootharness.report.document import TRACE_BYTES, read_trace
from bootharness.runs.cell import Cell
from bootharness.runs.headroom import headroom_of, takes_loader
from bootharness.runs.history import History
from bootharness.runs.picture import Picture, unpack
from bootharness.trace.boot_trace import BootTrace

__all__ = ["inquire", "pictures"]


def inquire(
    found: Found,
    searched: Range,
    cell: Cell,
    log: HuntLog,
    executor: Executor,
    history: Path,
    *,
    sought: str | None,
    cache: bool,
    observer: HuntObserver,
    fix: bool = False,
    builds_only: bool = False,
) -> Answer:
    """Return the answer of a hunt for a cause, after the experiments that it takes."""
    good = _told(log, found.good, Verdict.GOOD, None)
    bad = _told(log, found.bad, Verdict.BAD, sought)
    same_kernel = isinstance(searched, SizeRange)
    with History(history) as results:
        rows = _compare(results, cell, good, bad)
        wanted = [
            *experiments(
                cell,
                (good.source, good.facts.payload_bytes),
                (bad.source, bad.facts.payload_bytes),
                same_kernel=same_kernel,
            )
        ]
        if builds_only:
            wanted = []  # there is nothing to boot
        observer.experiments(0, len(wanted))
        outcomes = []
        for each in perform(wanted, executor, results, cache=cache):
            outcomes.append(each)
            observer.experiments(len(outcomes), len(wanted))
        limit = _limit(results, cell, bad) if bad.key else None
    if same_kernel:
        outcomes.append(_by_size(good, bad))
    order = {"grown": 0, "stage1": 1, "direct": 2, "network": 3}
    outcomes.sort(key=lambda each: order[each.name])
    sides = _side(good), _side(bad)
    if builds_only:
        said = built(*sides, fix=fix)
    else:
        said = conclusion(*sides, rows, outcomes, loader=_loader_name(cell), limit=limit,
                          same_kernel=same_kernel, fix=fix,
                          sought=hunted(sides[1].cause, cell.plan))  # fmt: skip
    if sought == SLOWER:
        ends = _told(log, 0, Verdict.GOOD, None), _told(log, len(searched) - 1, Verdict.BAD, sought)
        said = "; ".join(part for part in (step(good, bad, ends), said) if part)
    return Answer(
        found=found,
        good=sides[0],
        bad=sides[1],
        candidates=tuple(searched.label(at) for at in _candidates(found, fix=fix)),
        rows=rows,
        outcomes=tuple(outcomes),
        limit=limit,
        earlier=tuple(
            (searched.label(each.bad), searched.label(each.good)) for each in found.inversions
        ),
        conclusion=said,
        fix=fix,
    )


def _candidates(found: Found, *, fix: bool) -> Sequence[int]:
    """Return what can have turned the range, oldest first: of a fix, the good one itself, for
    there the range goes from the newest to the oldest."""
    return found.candidates if not fix else range(found.bad - 1, found.good - 1, -1)


def pictures(
    found: Found, cell: Cell, log: HuntLog, history: Path, *, sought: str | None
) -> tuple[Picture, Picture]:
    """Return what is drawn of the last good boot and of the first bad one; of what the history
    has no more there is an empty one."""
    good = _told(log, found.good, Verdict.GOOD, None)
    bad = _told(log, found.bad, Verdict.BAD, sought)
    with History(history) as results:
        return _picture(results, cell, good), _picture(results, cell, bad)


def _picture(history: History, cell: Cell, seen: Seen) -> Picture:
    past = history.find(cell, seen.key) if seen.key else None
    same = (
        each.picture
        for each in (past.attempts if past else ())
        if each.outcome == (seen.verdict, seen.cause)
    )
    return unpack(next(same, b""))


def _told(log: HuntLog, position: int, verdict: Verdict, cause: str | None) -> Seen:
    return next(
        each
        for each in log.seen
        if each.position == position and each.verdict is verdict and cause in (None, each.cause)
    )


def _side(seen: Seen) -> Side:
    return Side(seen.label, seen.source, seen.cause, seen.sentence, seen.facts.payload_bytes)


def _by_size(good: Seen, bad: Seen) -> ExperimentOutcome:
    """The hunt itself was the experiment: one kernel, at two sizes."""
    more = bad.facts.payload_bytes - good.facts.payload_bytes
    return ExperimentOutcome(
        name="grown",
        what=f"the same kernel, {more:,} bytes larger",
        by="grown",
        payload_bytes=bad.facts.payload_bytes,
        verdict=bad.verdict,
        cause=bad.cause,
        sentence=bad.sentence,
        cached=True,
    )


def _compare(history: History, cell: Cell, good: Seen, bad: Seen) -> tuple[Row, ...]:
    one, other = (_trace(history, cell, seen) for seen in (good, bad))
    return side_by_side(one, other) if one and other else ()


def _trace(history: History, cell: Cell, seen: Seen) -> BootTrace | None:
    """Return the trace of a boot that the history has, None where it is gone."""
    past = history.find(cell, seen.key) if seen.key else None
    attempts = history.with_traces(past).attempts if past else ()
    for each in attempts:
        if each.outcome == (seen.verdict, seen.cause) and each.trace:
            try:
                return read_trace(unzipped(each.trace, most=TRACE_BYTES))
            except (UsageError, FormatError):
                return None
    return None


def _limit(history: History, cell: Cell, bad: Seen) -> int | None:
    """Return the largest payload that the loader is predicted to place, if that explains it."""
    past = history.find(replace(cell, kernel=bad.source), bad.key)
    for each in headroom_of([past] if past else [], history):
        if each.part == "payload" and each.limit and bad.facts.payload_bytes > each.limit:
            return each.limit
    return None


def _loader_name(cell: Cell) -> str:
    """Return what brings the kernel: the loader, or else the route."""
    if not takes_loader(cell):
        return cell.plan.route
    return cell.plan.loader if cell.plan.loader == STAGE1 else Path(cell.plan.loader).name
