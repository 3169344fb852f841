"""What was submitted: what of it waits, what is done by which worker, and what became of it.

    take -> Pool -> a worker with a free slot -> its files are sent -> boot, there -> Attempt

A worker is given what it can do at once and one call more, that last not while another is idle:
little is lost with a worker, and nothing waits at one for long.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from typing import Any

from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import (
    CouldNotFindOut,
    DiskLost,
    FormatError,
    LaunchFailed,
    MachineLost,
    ToolMissing,
    WireLost,
)
from bootharness.runs.cell import Cell
from bootharness.runs.remote import at_worker
from bootharness.runs.remote.connection import Connection
from bootharness.runs.remote.members import Members
from bootharness.runs.remote.pools import Peer, Pool, Question
from bootharness.runs.remote.postage import Postage
from bootharness.runs.result import Attempt
from bootharness.runs.runner import limit_s
from bootharness.runs.work import boot_cell

__all__ = ["Errand", "Errands"]

_SPARE_S = 60.0
_REPLACED_S = 30.0
"""How long a worker like those that are gone is waited for: a nanny needs six seconds."""
_STOP_S = 2.5
_MOST_DELIVERIES = 3
_MOST_FAILURES = 3
_CALL_S = 3600.0
# what went wrong has more to do with where it was booted than with what
_OF_THE_WORKER = tuple(
    each.cause for each in (ToolMissing, LaunchFailed, MachineLost, WireLost, DiskLost)
)


class Errand:
    """What was submitted; of what is no boot, ``cell`` is None."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function, self.args = function, args
        self.cell: Cell | None = args[0] if function is boot_cell else None
        self.future: Future[Any] = Future()
        self.limit_s = limit_s([self.cell]) if self.cell else _CALL_S


class Errands:
    """All that was submitted and is not done.

    ``asked`` has the question to which those have to have an answer that are to boot a cell, and
    ``whose`` tells what is ours at a worker. ``done`` is called as often as nothing is left.
    """

    def __init__(
        self, cluster: Connection, members: Members, postage: Postage, whose: str,
        asked: dict[Hashable, Question], told: Callable[[str], None],
        done: Callable[[], None],
    ) -> None:  # fmt: skip
        self._cluster, self._members, self._postage = cluster, members, postage
        self._whose, self._asked, self._told, self._done_all = whose, asked, told, done
        self._avoided: dict[Cell, set[str]] = defaultdict(set)
        self.open = 0

    def take(self, errand: Errand) -> None:
        """Have something done."""
        self.open += 1
        pool = self._members.pool_of(self._asked.get(errand.cell))
        if why := self._members.dead or (not pool.peers and self._unlike(pool)):
            self._finish(errand, MachineLost(why))
            return
        pool.waiting.append(errand)
        self._begin(pool)

    def turn(self) -> None:
        """Wait no longer for workers like those that are gone, and begin what others can do."""
        for pool in self._members.pools:
            if any(not each.retired for each in pool.peers):
                pool.empty_since = None
                continue
            pool.empty_since = pool.empty_since or time.monotonic()
            if why := self._unlike(pool):
                self._fail(pool, why)
        self._begin_all()

    def fail(self, why: str) -> None:
        """Begin nothing any more."""
        for pool in self._members.pools:
            self._fail(pool, why)

    async def stop(self) -> None:
        """End what is being done, also at the workers."""
        busy = [each for each in self._members.peers.values() if each.busy]
        self.fail("it was not begun any more")
        tasks = [task for each in busy for task in each.busy.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            addresses = [each.address for each in busy]
            await self._cluster.tell(addresses, at_worker.stop, self._whose)
            await asyncio.wait(tasks, timeout=_STOP_S)

    def _begin_all(self) -> None:
        for pool in self._members.pools:
            self._begin(pool)

    def _begin(self, pool: Pool) -> None:
        """Give what waits to workers that are free."""
        if not self._cluster.open:
            return
        for _ in range(len(pool.waiting)):
            errand = pool.waiting.popleft()
            if errand.future.cancelled():
                self._finish(errand)
                continue
            peer = pool.next(self._avoided.get(errand.cell, ()) if errand.cell else ())
            if peer is None:
                pool.waiting.appendleft(errand)
                return
            if errand.future.running() or errand.future.set_running_or_notify_cancel():
                peer.busy[errand] = asyncio.create_task(self._work(peer, errand, pool))
                if not peer.free:
                    pool.freed(peer)  # for one call more
            else:
                self._finish(errand)

    async def _work(self, peer: Peer, errand: Errand, pool: Pool) -> None:
        try:
            result: Any = await self._done(peer, errand)
        except asyncio.CancelledError:
            gone = f"the worker {peer} is gone: it was ended, or cannot be reached any more"
            result = MachineLost(gone)
        except Exception as error:
            result = error
        peer.busy.pop(errand, None)
        if isinstance(result, _CannotKeep) and not _alone(peer, pool):
            self._retire(peer, str(result))
            pool.waiting.appendleft(errand)
        else:
            self._judge(peer, errand, result, pool)
            self._finish(errand, result)
        for each in self._members.pools:
            each.freed(peer)
        self._begin_all()

    async def _done(self, peer: Peer, errand: Errand) -> Any:
        if errand.cell is None:
            return await self._called(peer, errand, at_worker.call, errand.function, errand.args,
                                      errand.limit_s, self._whose)  # fmt: skip
        parcels = await self._postage.packed(errand.cell)
        for _ in range(_MOST_DELIVERIES):
            try:
                await self._postage.deliver(parcels.values(), peer)
            except CouldNotFindOut as error:
                raise _CannotKeep(f"{peer}: {error}") from error
            answer = await self._called(peer, errand, at_worker.boot, errand.cell, tuple(parcels),
                                        errand.limit_s, self._whose)  # fmt: skip
            if not isinstance(answer, at_worker.Missing):
                try:
                    return _with_place(await asyncio.to_thread(answer.opened), peer)
                except FormatError as error:
                    raise MachineLost(f"{peer}: what it sent of the boot: {error}") from error
            self._postage.forget(peer, answer.digests)
        raise _CannotKeep(f"{peer}: what was sent there is gone at once")

    async def _called(
        self, peer: Peer, errand: Errand, function: Callable[..., Any], *args: Any
    ) -> Any:
        # a boot that is stuck is ended there, and that is told: what takes longer is the worker
        most_s = 2 * errand.limit_s + _SPARE_S
        try:
            return await self._cluster.call(peer.address, most_s, function, *args)
        except MachineLost as error:
            raise MachineLost(f"{peer}: {error}") from error

    def _judge(self, peer: Peer, errand: Errand, result: Any, pool: Pool) -> None:
        """Take note of what a result says about the worker."""
        cause = getattr(result, "cause", None)
        skipped = isinstance(result, CouldNotFindOut) or (
            isinstance(result, Attempt) and result.verdict is Verdict.SKIP
        )
        if not (skipped and cause in _OF_THE_WORKER):
            peer.failures = 0
            return
        peer.failures += 1
        if errand.cell:
            self._avoided[errand.cell].add(peer.address)
        if peer.failures >= _MOST_FAILURES and not _alone(peer, pool):
            said = result.sentence if isinstance(result, Attempt) else str(result)
            self._retire(peer, said)

    def _retire(self, peer: Peer, why: str) -> None:
        if not peer.retired and not peer.gone:
            peer.retired = why
            said = why.removeprefix(f"{peer}: ")
            self._told(f"{peer}: given nothing more: {said}")

    def _finish(self, errand: Errand, result: Any = None) -> None:
        self.open -= 1
        if not errand.future.cancelled() and not errand.future.done():
            errand.future.running() or errand.future.set_running_or_notify_cancel()
            if isinstance(result, BaseException):
                errand.future.set_exception(result)
            else:
                errand.future.set_result(result)
        if not self.open:
            self._done_all()

    def _fail(self, pool: Pool, why: str) -> None:
        failed: Iterable[Errand] = [*pool.waiting]
        pool.waiting.clear()
        for each in failed:
            self._finish(each, MachineLost(why))

    def _unlike(self, pool: Pool) -> str:
        """Say why nothing is waited for any more, empty where something is."""
        if pool.empty_since is None or time.monotonic() < pool.empty_since + _REPLACED_S:
            return ""
        return self._members.none_left


class _CannotKeep(MachineLost):
    """A worker cannot have a cell's files, for a reason of its own; others may."""


def _alone(peer: Peer, pool: Pool) -> bool:
    return not any(each is not peer and not each.retired for each in pool.peers)


def _with_place(attempt: Attempt, peer: Peer) -> Attempt:
    if attempt.verdict is Verdict.SKIP and attempt.cause in _OF_THE_WORKER:
        return replace(attempt, sentence=f"{peer}: {attempt.sentence}")
    return attempt
