"""A hunt: the search sends workers to positions of a range, and learns what their boots say.

    Search.next -> Range.prepare -> History, or else boot_cell in a worker -> Seen, in the log
         ^                                                                      |
         +----------------------------------------------------------------------+

Every position that is being tried has a thread, which waits for the kernel and for the boot.
While a kernel boots, those that come next after either verdict are downloaded.
"""

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from pathlib import Path

from msgspec.structs import replace

from bootharness.bisection.build import BuildObserver
from bootharness.bisection.log import HuntLog, Seen
from bootharness.bisection.ranges import NothingThere, Range
from bootharness.bisection.search import Observation, Search
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import (
    CouldNotFindOut,
    DoesNotBuild,
    HostBusy,
    KernelUnavailable,
    LaunchFailed,
    MachineLost,
    ToolMissing,
)
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.identity import Identities, own_version
from bootharness.runs.result import Attempt, CellResult
from bootharness.runs.work import boot_cell, skipped

__all__ = ["Hunt", "HuntObserver"]

# what has nothing to do with the kernel, and may go well the next time
_TRANSIENT = (HostBusy.cause, MachineLost.cause, LaunchFailed.cause)
_MOST_ATTEMPTS = 3


class HuntObserver(BuildObserver):
    """Who is told how a hunt goes; by itself it does nothing with that."""

    def preparing(self, what: str) -> None:
        """Take note of what is done before anything can be tried."""

    def begun(self, searched: Range, workers: int) -> None:
        """Take note of what is searched, by so many workers."""

    def trying(self, search: Search, positions: list[int]) -> None:
        """Take note of the positions that are being tried now."""

    def seen(self, search: Search, seen: Seen) -> None:
        """Take note of a boot, and of the search that knows of it."""

    def branch(self, merge: str, tip: str) -> None:
        """Take note that the range turns at a merge, and of the branch that is searched next."""

    def experiments(self, done: int, total: int) -> None:
        """Take note of how many experiments are done."""

    def note(self, sentence: str) -> None:
        """Take note of what is no boot."""

    def over(self) -> None:
        """Take note that nothing follows."""


class Hunt:
    """A hunt through a range on one machine.

    ``cell`` says how every kernel is booted; its own kernel does not matter. ``history`` is
    the file of the history; without ``cache`` nothing is taken from it. With ``builds_only``
    nothing is booted: what can be prepared is good.
    """

    def __init__(
        self,
        searched: Range,
        cell: Cell,
        log: HuntLog,
        executor: Executor,
        history: Path | None,
        *,
        workers: int,
        cache: bool = True,
        builds_only: bool = False,
    ) -> None:
        self._builds_only = builds_only
        self._range, self._cell, self._log = searched, cell, log
        self._executor, self._history, self._workers = executor, history, workers
        self._cache = cache
        self._identities = Identities(executor)
        self._ahead: set[int] = set()

    def run(self, search: Search, observer: HuntObserver) -> Search:
        """Return the search with its result.

        What the log knows already is not booted again, unless the kernel has changed. Raises
        UsageError for what cannot be booted.
        """
        # what is not so any more stays in the file, and is left out each time
        self._log.seen = [*self._resumed()]
        for seen in self._log.seen:
            search = search.observed(seen.observation)
            observer.seen(search, seen)
        trying: dict[Future[list[Seen]], int] = {}
        with _Threads(self._workers + 1) as threads:
            while search.result is None:
                known = {each.position for each in search.observations}
                free = self._workers - len(trying)
                for position in search.next([*trying.values()], free):
                    again = position in known
                    trying[threads.submit(self._try, position, again)] = position
                assert trying, "a search that has no result has something to try"
                observer.trying(search, [*trying.values()])
                for position in self._next(search, [*trying.values()]):
                    threads.submit(self._fetch_ahead, position)
                for done in wait(trying, return_when=FIRST_COMPLETED).done:
                    del trying[done]
                    try:
                        told = done.result()
                    except NothingThere as nothing:
                        search = search.without(nothing.positions)
                        continue
                    for seen in told:
                        self._log.add(seen)
                        search = search.observed(seen.observation)
                        observer.seen(search, seen)
        return search

    def _resumed(self) -> Iterator[Seen]:
        """Yield what the log knows and what is still so."""
        keys: dict[int, str | None] = {}
        for seen in self._log.seen:
            if self._to_be_tried_again(seen):
                continue
            if seen.position not in keys:
                try:
                    keys[seen.position] = self._present_key(seen.position)
                except NothingThere:  # what was there lay between others
                    continue
            if not seen.key or keys[seen.position] in (None, seen.key):
                yield seen

    def _to_be_tried_again(self, seen: Seen) -> bool:
        """Return whether it was our side that failed, which it need not do again, or an end has
        told nothing, which has ended a hunt: who comes again has mended something."""
        if seen.verdict is Verdict.SKIP and seen.position in (0, len(self._range) - 1):
            return True
        if self._range.downloads and seen.cause == KernelUnavailable.cause:
            return True
        return seen.cause in (*_TRANSIENT, ToolMissing.cause)

    def _present_key(self, position: int) -> str | None:
        source = self._range.ready(position)
        try:
            return self._identified(source)[1] if source else None
        except CouldNotFindOut:
            return None

    def _identified(self, source: str) -> tuple[Cell, str]:
        cell = replace(self._cell, kernel=source)
        return cell, self._identities.of(cell)

    def _next(self, search: Search, trying: list[int]) -> Iterator[int]:
        """Yield what comes next after either verdict and is not there yet."""
        if not self._range.downloads or not search.tallies:
            return
        for position in trying:
            for verdict in (Verdict.GOOD, Verdict.BAD):
                then = search.observed(Observation(position, verdict, search.sought))
                for following in then.next([each for each in trying if each != position]):
                    if following not in self._ahead:
                        self._ahead.add(following)
                        yield following

    def _fetch_ahead(self, position: int) -> None:
        with suppress(CouldNotFindOut):  # whoever needs it will be told
            self._range.prepare(position)

    def _try(self, position: int, again: bool) -> list[Seen]:
        """Return what the history knows of a position, or what a boot says of it.

        A position that is tried ``again`` is booted: the history has been asked before.
        """
        if self._builds_only:
            return [self._try_to_build(position)]
        with History(self._history) if self._history else nullcontext() as history:
            try:
                source = self._range.prepare(position)
                cell, key = self._identified(source)
            except CouldNotFindOut as error:
                return [self._seen(position, "", "", skipped(error))]
            past = history.find(cell, key) if history and self._cache else None
            if past and not again:
                return [self._seen(position, source, key, each, cached=True) for each in past.known]
            attempt = self._boot(cell)
            if history and attempt.verdict is not Verdict.SKIP:
                before = history.with_traces(past).attempts if past else ()
                result = CellResult(cell, key, (*before, attempt))
                history.add(result, harness=own_version())
            return [self._seen(position, source, key, attempt)]

    def _try_to_build(self, position: int) -> Seen:
        began = time.monotonic()
        try:
            source, attempt = (
                self._range.prepare(position),
                Attempt(Verdict.GOOD, None, "it builds"),
            )
        except DoesNotBuild as error:
            source, attempt = "", replace(skipped(error), verdict=Verdict.BAD)
        except CouldNotFindOut as error:
            source, attempt = "", skipped(error)
        attempt = replace(attempt, seconds=time.monotonic() - began)
        return self._seen(position, source, "", attempt)

    def _boot(self, cell: Cell) -> Attempt:
        for _ in range(_MOST_ATTEMPTS):
            try:
                attempt = self._executor.submit(boot_cell, cell).result()
            except CouldNotFindOut as error:
                attempt = skipped(error)
            if attempt.cause not in _TRANSIENT:
                break
        return attempt

    def _seen(
        self, position: int, source: str, key: str, attempt: Attempt, *, cached: bool = False
    ) -> Seen:
        return Seen(
            position=position,
            label=self._range.label(position),
            source=source,
            key=key,
            verdict=attempt.verdict,
            cause=attempt.cause,
            sentence=attempt.sentence,
            seconds=attempt.seconds,
            facts=attempt.facts,
            cached=cached,
        )


class _Threads(ThreadPoolExecutor):
    """Threads that nobody waits for at the end: what they wait for is ended by others."""

    def __exit__(self, *_: object) -> None:
        self.shutdown(wait=False, cancel_futures=True)
