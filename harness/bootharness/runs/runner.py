"""Boot cells: from the history where nothing has changed, by workers where something has."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any

from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import CouldNotFindOut, NotAKernel
from bootharness.plan import QEMU
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.identity import Identities, own_version
from bootharness.runs.result import Attempt, CellResult
from bootharness.runs.work import boot_cell, skipped

__all__ = ["MOST_ATTEMPTS", "limit_s", "run_cells"]

MOST_ATTEMPTS = 3
# a boot has time limits of its own; this one is for a worker that is stuck
_SLOWER, _MORE_S = 3, 60.0
_AT_ONCE = 1000
"""So much is handed over and not done yet: more than is booted at once, and little to keep."""


def limit_s(cells: Iterable[Cell]) -> float:
    """Return the seconds after which no attempt at any of these can still be going on."""
    return max(map(_longest_s, cells), default=0) + _MORE_S


def _longest_s(cell: Cell) -> float:
    if cell.plan.host == QEMU:
        return cell.plan.timeout_s * _SLOWER
    from bootharness.hardware.boot import WAIT_S  # most boots are in QEMU
    from bootharness.hardware.machines import machine_named

    return WAIT_S + machine_named(cell.plan.host).timeout_seconds * _SLOWER


def run_cells(
    cells: Iterable[Cell],
    executor: Executor,
    history: History | None,
    *,
    most: int = MOST_ATTEMPTS,
    cache: bool = True,
) -> Iterator[CellResult]:
    """Yield the result of each cell, once, in the order in which they are known.

    A cell that does not go as expected is booted again, at most ``most`` times in all, until
    two attempts agree. What found something out is written to the history. Without ``cache``
    nothing is taken from it. Raises UsageError for what cannot be built.
    """
    running: dict[Future[Attempt], CellResult] = {}
    waiting: dict[str, list[CellResult]] = {}  # for a real machine, which boots one at a time
    done: SimpleQueue[Future[Attempt]] = SimpleQueue()
    identities = Identities(executor)

    def boot(begun: CellResult) -> None:
        if (host := begun.cell.plan.host) != QEMU:
            if host in waiting:
                waiting[host].append(begun)
                return
            waiting[host] = []
        future = executor.submit(boot_cell, begun.cell)
        running[future] = begun
        future.add_done_callback(done.put)

    left = iter(cells)
    try:
        while True:
            while len(running) + sum(map(len, waiting.values())) < _AT_ONCE and (
                cell := next(left, None)
            ):
                known, key = _prepared(cell, identities, history if cache else None)
                if known:
                    yield known
                else:
                    boot(CellResult(cell, key, ()))
            if not running:
                return
            future = done.get()
            begun = running.pop(future)
            for following in waiting.pop(begun.cell.plan.host, []):
                boot(following)
            result = replace(begun, attempts=(*begun.attempts, _attempt(future)))
            if not result.settled and len(result.attempts) < most:
                boot(result)
                continue
            if history and result.key and result.known:
                history.add(result, harness=own_version())
                result = _without_traces(result)
            yield result
    finally:
        for unfinished in running:
            unfinished.cancel()


def _prepared(
    cell: Cell, identities: Identities, history: History | None
) -> tuple[CellResult | None, str]:
    """Return a result that needs no boot, and the cell's key."""
    try:
        key = identities.of(cell)
    except NotAKernel as error:
        return CellResult(cell, "", (Attempt(Verdict.BAD, error.fault, str(error)),)), ""
    except CouldNotFindOut as error:
        return CellResult(cell, "", (skipped(error),)), ""
    return (history.find(cell, key) if history else None), key


def _without_traces(result: CellResult) -> CellResult:
    """Return a result whose traces have been written down: a thousand of them are much."""
    return replace(result, attempts=tuple(replace(each, trace=b"") for each in result.attempts))


def _attempt(done: "Future[Any]") -> Attempt:
    try:
        attempt: Attempt = done.result()
    except CouldNotFindOut as error:
        return skipped(error)
    return attempt
