"""Workers of a Dask cluster behind the interface of concurrent.futures.

    submit -> Pool -> a worker with a free slot -> its files are sent -> boot, there -> Attempt

All of it is done by one thread with an event loop of its own. A worker is given what it can do at
once and one call more, that last not while another is idle: little is lost with a worker, and
nothing waits at one for long.
"""

import asyncio
import platform
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import (
    CouldNotFindOut,
    DiskLost,
    LaunchFailed,
    MachineLost,
    NoWorker,
    ToolMissing,
    WireLost,
)
from bootharness.runs.cell import Cell
from bootharness.runs.remote import at_worker
from bootharness.runs.remote.connection import Connection
from bootharness.runs.remote.pools import Peer, Pool, Question, choose, why_none, why_refused
from bootharness.runs.remote.postage import Postage
from bootharness.runs.remote.version import installed_version
from bootharness.runs.result import Attempt
from bootharness.runs.runner import limit_s
from bootharness.runs.work import boot_cell
from bootharness.runs.workers import Workers

__all__ = ["DaskWorkers"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_FIRST_S, _ANSWER_S = 5.0, 60.0
_LOOK_S = 0.5
_SPARE_S = 60.0
_REPLACED_S = 30.0
"""How long a worker like those that are gone is waited for: a nanny needs six seconds."""
_END_S = 5.0
_MOST_DELIVERIES = 3
_MOST_FAILURES = 3
_CALL_S = 3600.0
# what went wrong has more to do with where it was booted than with what
_OF_THE_WORKER = tuple(
    each.cause for each in (ToolMissing, LaunchFailed, MachineLost, WireLost, DiskLost)
)


class _Item:
    """What was submitted; of what is no boot, ``cell`` is None."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function, self.args = function, args
        self.cell: Cell | None = args[0] if function is boot_cell else None
        self.future: Future[Any] = Future()
        self.limit_s = limit_s([self.cell]) if self.cell else _CALL_S


class DaskWorkers(Workers):
    """The workers of the cluster whose scheduler has an address, as long as they are like us.

    ``told`` is given each sentence about what is not as one may think; ``security`` is Dask's own,
    and what its configuration has where it is None. Raises NoWorker where nobody
    answers within seconds, and where no worker can be used.
    """

    def __init__(
        self, address: str, told: Callable[[str], None] = lambda _: None, security: Any = None
    ) -> None:
        self.address, self._told, self._security = address, told, security
        self._whose = uuid.uuid4().hex
        self._peers: dict[str, Peer] = {}
        self._refused: dict[str, str] = {}
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._any = Pool(None, None, None)
        self._pools: dict[Question, Pool] = {}
        self._kinds: list[Hashable] = []
        self._asked: dict[Hashable, Question] = {}
        self._avoided: dict[Cell, set[str]] = defaultdict(set)
        self._open = 0
        self._dead = ""
        self._closing = False
        self._begun: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="bootharness-dask", daemon=True)
        self._thread.start()
        self._begun.result()

    @property
    def slots(self) -> int:
        """How many boots go on at once, as far as is known now."""
        return sum(each.slots for each in [*self._peers.values()] if not each.retired) or 1

    @property
    def sent_bytes(self) -> int:
        """How many bytes of files were sent from here."""
        return self._postage.sent_bytes

    @property
    def passed_bytes(self) -> int:
        """How many bytes of files workers had from each other."""
        return self._postage.passed_bytes

    def ask(self, what: Hashable, function: Callable[..., _T], *asked: Any) -> _T:
        """Return what those workers say that will be given something. Raises NoWorker where none
        can do it."""
        question: Question = (function, asked)
        self._asked[what] = question
        answered = asyncio.run_coroutine_threadsafe(self._pool(question), self._loop)
        answer: _T = answered.result().answer
        return answer

    def submit(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> "Future[_T]":
        assert not kwargs
        item = _Item(function, args)
        if item.cell:
            self._postage.check(item.cell)
        self._loop.call_soon_threadsafe(self._take, item)
        return item.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End; with ``cancel_futures`` what is being done is ended too."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._end, cancel_futures)
        if wait:
            self._thread.join(_END_S if cancel_futures else None)

    # what follows is done by the thread with the loop

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if not self._begun.done():
                self._begun.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._settled, self._joined = asyncio.Event(), asyncio.Event()
        self._answering = asyncio.Lock()
        deadline = time.monotonic() + _FIRST_S
        self._cluster = await Connection.to(self.address, self._security)
        self._postage = Postage(self._cluster.ask)
        try:
            looking = asyncio.create_task(self._look())
            await self._first(deadline)
            refused = why_refused(self._refused)
            if not self._any.peers:
                raise NoWorker(
                    f"{self.address}: no worker there can be used: {refused}"
                    if refused
                    else f"{self.address}: the scheduler has no worker; start some by `bootharness "
                    f"worker {self.address}`"
                )
            if refused:
                self._told(f"{self.address}: given nothing: {refused}")
            self._begun.set_result(None)
            over = asyncio.create_task(self._over.wait())
            await asyncio.wait((over, looking), return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                self._lost(str(looking.exception() or "the scheduler is gone"))
            await over
            looking.cancel()
            await self._stop()
        finally:
            await self._cluster.close(used=self._begun.done())

    async def _first(self, deadline: float) -> None:
        """Wait until all workers that are there have answered; longer, where none has."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), deadline - time.monotonic())
        if self._joining and not self._any.peers and not self._settled.is_set():
            self._told(f"{self.address}: its workers have not answered yet; waiting")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), _ANSWER_S)

    async def _look(self) -> None:
        """Take note of workers that come and go."""
        joining, slots = self._joining, dict[str, int]()
        while True:
            told = await self._cluster.slots()
            slots = slots if told is None else told
            if self._cluster.closed:
                return
            for address in slots:
                if address not in self._peers and address not in joining:
                    joining[address] = asyncio.create_task(self._join(address, slots[address]))
            for address in [each for each in joining if each not in slots]:
                joining.pop(address).cancel()
                self._refused.pop(address, None)
            for peer in [each for each in self._peers.values() if each.address not in slots]:
                self._gone(peer)
            self._give_up_waiting()
            self._begin_all()
            if slots and all(each.done() for each in joining.values()):
                self._settled.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._joined.wait(), _LOOK_S)
            self._joined.clear()

    async def _join(self, address: str, slots: int) -> None:
        try:
            said = await self._cluster.ask(address, at_worker.describe)
            self._check(said)
        except CouldNotFindOut as error:
            self._refused[address] = str(error)
            if self._begun.done():
                self._told(f"{address}: given nothing: {error}")
            self._joined.set()
            return
        kind = (said["cpu"], *said["qemu"])
        peer = Peer(address, said["host"], slots, kind, said["store"])
        await asyncio.gather(*(self._answer(peer, each) for each in [*self._pools]))
        self._peers[address] = peer
        self._any.join(peer)
        for question, pool in self._pools.items():
            if pool.fits(peer):
                pool.join(peer)
            else:
                self._tell_left(question, [peer])
        self._joined.set()
        self._begin_all()

    def _check(self, said: dict[str, Any]) -> None:
        """Raise NoWorker for a worker that is not like us."""
        if said["version"] != installed_version():
            raise NoWorker(
                f"it has bootharness {said['version']}, and here is {installed_version()}: install "
                "the same"
            )
        own = ".".join(platform.python_version_tuple()[:2])
        if said["python"] != own:
            raise NoWorker(f"it has Python {said['python']}, and here is {own}: install the same")

    async def _pool(self, question: Question) -> Pool:
        """Return the workers that have an answer to a question; they stay the same."""
        async with self._answering:
            if question in self._pools:
                return self._pools[question]
            peers = [each for each in self._peers.values() if not each.retired]
            await asyncio.gather(*(self._answer(each, question) for each in peers))
            chosen = choose(question, peers, self._kinds)
            if chosen is None:
                if self._dead:
                    raise NoWorker(self._dead)
                raise NoWorker(f"no worker can boot it: {why_none(question, peers, self._refused)}")
            pool = self._pools[question] = Pool(question, *chosen)
            if pool.kind not in self._kinds:
                self._kinds.append(pool.kind)
            own = [each for each in self._peers.values() if pool.fits(each) and not each.retired]
            pool.join(*own)
            if left := [each for each in peers if each not in own]:
                self._tell_left(question, left)
            return pool

    async def _answer(self, peer: Peer, question: Question) -> None:
        try:
            peer.answers[question] = await self._cluster.ask(
                peer.address, at_worker.answer, *question
            )
        except NoWorker as error:
            peer.answers[question] = (False, str(error))

    def _tell_left(self, question: Question, left: list[Peer]) -> None:
        """Say which workers have no part in some of the boots, and why."""
        for peer in left:
            can, said = peer.answers[question]
            why = "it is not like the others, and times are compared" if can else said
            self._told(f"{peer}: given nothing by {question[1][0]}: {why}")

    def _take(self, item: _Item) -> None:
        self._open += 1
        pool = self._pool_of(item)
        if why := self._dead or (not pool.peers and self._unlike(pool)):
            self._finish(item, MachineLost(why))
            return
        pool.waiting.append(item)
        self._begin(pool)

    def _pool_of(self, item: _Item) -> Pool:
        question = self._asked.get(item.cell)
        return self._pools.get(question, self._any) if question else self._any

    def _begin_all(self) -> None:
        for pool in (self._any, *self._pools.values()):
            self._begin(pool)

    def _begin(self, pool: Pool) -> None:
        """Give what waits to workers that are free."""
        if not self._cluster.open:
            return
        for _ in range(len(pool.waiting)):
            item = pool.waiting.popleft()
            if item.future.cancelled():
                self._finish(item)
                continue
            peer = pool.next(self._avoided.get(item.cell, ()) if item.cell else ())
            if peer is None:
                pool.waiting.appendleft(item)
                return
            if item.future.running() or item.future.set_running_or_notify_cancel():
                peer.busy[item] = asyncio.create_task(self._work(peer, item, pool))
                if not peer.free:
                    pool.freed(peer)  # for one call more
            else:
                self._finish(item)

    async def _work(self, peer: Peer, item: _Item, pool: Pool) -> None:
        try:
            result: Any = await self._done(peer, item)
        except asyncio.CancelledError:
            gone = f"the worker {peer} is gone: it was ended, or cannot be reached any more"
            result = MachineLost(gone)
        except Exception as error:
            result = error
        peer.busy.pop(item, None)
        if isinstance(result, _CannotKeep) and not self._alone(peer, pool):
            self._retire(peer, str(result))
            pool.waiting.appendleft(item)
        else:
            self._judge(peer, item, result, pool)
            self._finish(item, result)
        for each in (self._any, *self._pools.values()):
            each.freed(peer)
        self._begin_all()

    async def _done(self, peer: Peer, item: _Item) -> Any:
        if item.cell is None:
            return await self._called(peer, item, at_worker.call, item.function, item.args,
                                      item.limit_s, self._whose)  # fmt: skip
        parcels = await self._postage.packed(item.cell)
        for _ in range(_MOST_DELIVERIES):
            try:
                await self._postage.deliver(parcels.values(), peer)
            except CouldNotFindOut as error:
                raise _CannotKeep(f"{peer}: {error}") from error
            answer = await self._called(
                peer, item, at_worker.boot, item.cell, tuple(parcels), item.limit_s, self._whose
            )
            if not isinstance(answer, at_worker.Missing):
                attempt = await asyncio.to_thread(answer.opened)
                return self._with_place(attempt, peer)
            self._postage.forget(peer, answer.digests)
        raise _CannotKeep(f"{peer}: what was sent there is gone at once")

    async def _called(
        self, peer: Peer, item: _Item, function: Callable[..., Any], *args: Any
    ) -> Any:
        # a boot that is stuck is ended there, and that is told: what takes longer is the worker
        most_s = 2 * item.limit_s + _SPARE_S
        try:
            return await self._cluster.call(peer.address, most_s, function, *args)
        except MachineLost as error:
            raise MachineLost(f"{peer}: {error}") from error

    def _with_place(self, attempt: Attempt, peer: Peer) -> Attempt:
        if attempt.verdict is Verdict.SKIP and attempt.cause in _OF_THE_WORKER:
            return replace(attempt, sentence=f"{peer}: {attempt.sentence}")
        return attempt

    def _judge(self, peer: Peer, item: _Item, result: Any, pool: Pool) -> None:
        """Take note of what a result says about the worker."""
        cause = getattr(result, "cause", None)
        skipped = isinstance(result, CouldNotFindOut) or (
            isinstance(result, Attempt) and result.verdict is Verdict.SKIP
        )
        if not (skipped and cause in _OF_THE_WORKER):
            peer.failures = 0
            return
        peer.failures += 1
        if item.cell:
            self._avoided[item.cell].add(peer.address)
        if peer.failures >= _MOST_FAILURES and not self._alone(peer, pool):
            said = result.sentence if isinstance(result, Attempt) else str(result)
            self._retire(peer, said)

    def _alone(self, peer: Peer, pool: Pool) -> bool:
        return not any(each is not peer and not each.retired for each in pool.peers)

    def _retire(self, peer: Peer, why: str) -> None:
        if not peer.retired and not peer.gone:
            peer.retired = why
            said = why.removeprefix(f"{peer}: ")
            self._told(f"{peer}: given nothing more: {said}")

    def _finish(self, item: _Item, result: Any = None) -> None:
        self._open -= 1
        if not item.future.cancelled() and not item.future.done():
            item.future.running() or item.future.set_running_or_notify_cancel()
            if isinstance(result, BaseException):
                item.future.set_exception(result)
            else:
                item.future.set_result(result)
        if self._closing and not self._open:
            self._over.set()

    def _gone(self, peer: Peer) -> None:
        peer.gone = True
        del self._peers[peer.address]
        for pool in (self._any, *self._pools.values()):
            pool.leave(peer)
        for task in [*peer.busy.values()]:
            task.cancel()

    def _give_up_waiting(self) -> None:
        """Wait no longer for workers like those that are gone."""
        for pool in (self._any, *self._pools.values()):
            if any(not each.retired for each in pool.peers):
                pool.empty_since = None
                continue
            pool.empty_since = pool.empty_since or time.monotonic()
            if why := self._unlike(pool):
                self._fail(pool.waiting, why)
                pool.waiting.clear()

    def _unlike(self, pool: Pool) -> str:
        """Say why nothing is waited for any more, empty where something is."""
        if pool.empty_since is None or time.monotonic() < pool.empty_since + _REPLACED_S:
            return ""
        others = len(self._peers)
        if not others:
            return f"{self.address}: all workers are gone"
        return f"{self.address}: no worker is left of those that booted such; {others} others are"

    def _lost(self, why: str) -> None:
        self._dead = f"{self.address}: {why}"
        for peer in [*self._peers.values()]:
            self._gone(peer)
        for pool in (self._any, *self._pools.values()):
            self._fail(pool.waiting, self._dead)
            pool.waiting.clear()
        self._settled.set()

    def _fail(self, items: Iterable[_Item], why: str) -> None:
        for each in [*items]:
            self._finish(each, MachineLost(why))

    def _end(self, at_once: bool) -> None:
        self._closing = True
        if at_once or not self._open:
            self._over.set()

    async def _stop(self) -> None:
        """End what is being done, also at the workers."""
        busy = [each for each in self._peers.values() if each.busy]
        for pool in (self._any, *self._pools.values()):
            self._fail(pool.waiting, "it was not begun any more")
            pool.waiting.clear()
        tasks = [task for each in busy for task in each.busy.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            addresses = [each.address for each in busy]
            await self._cluster.tell(addresses, at_worker.stop, self._whose)
            await asyncio.wait(tasks, timeout=_END_S / 2)


class _CannotKeep(MachineLost):
    """A worker cannot have a cell's files, for a reason of its own; others may."""
