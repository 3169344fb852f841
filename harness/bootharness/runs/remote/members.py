"""Which workers of a cluster take part: those that are like us, and which of them boot what."""

import asyncio
import platform
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import Any

from bootharness.errors import CouldNotFindOut, NoWorker
from bootharness.runs.remote import at_worker
from bootharness.runs.remote.connection import Connection
from bootharness.runs.remote.pools import Peer, Pool, Question, choose, why_none, why_refused
from bootharness.runs.remote.version import installed_version

__all__ = ["Members"]

_FIRST_S, _ANSWER_S = 5.0, 60.0
_LOOK_S = 0.5


class Members:
    """The workers that are there now, and the pools that they are in.

    ``told`` is given each sentence about what is not as one may think, and ``turn`` is called
    whenever somebody has come or gone. ``dead`` says why there will never be any more.
    """

    def __init__(self, cluster: Connection, address: str, told: Callable[[str], None]) -> None:
        self._cluster, self._address, self._told = cluster, address, told
        self.peers: dict[str, Peer] = {}
        self.any = Pool(None, None, None)
        self._pools: dict[Question, Pool] = {}
        self._kinds: list[Hashable] = []
        self._refused: dict[str, str] = {}
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._settled, self._changed = asyncio.Event(), asyncio.Event()
        self._answering = asyncio.Lock()
        self.turn: Callable[[], None] = lambda: None
        self.dead, self._began = "", False

    @property
    def pools(self) -> Iterable[Pool]:
        """All of them, the one of all workers first."""
        return self.any, *self._pools.values()

    def pool_of(self, question: Question | None) -> Pool:
        """Return the workers that were chosen for a question, or all."""
        return self._pools.get(question, self.any) if question else self.any

    @property
    def none_left(self) -> str:
        """That those are gone that could boot something."""
        if not self.peers:
            return f"{self._address}: all workers are gone"
        others = len(self.peers)
        return f"{self._address}: no worker is left of those that booted such; {others} others are"

    async def first(self, since: float) -> None:
        """Wait until all workers that are there have answered; longer, where none has.

        ``since`` is when a person has begun to wait. Raises NoWorker where none can be used.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), since + _FIRST_S - time.monotonic())
        if self._joining and not self.any.peers and not self._settled.is_set():
            self._told(f"{self._address}: its workers have not answered yet; waiting")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), _ANSWER_S)
        refused = why_refused(self._refused)
        if not self.any.peers:
            raise NoWorker(
                f"{self._address}: no worker there can be used: {refused}"
                if refused
                else f"{self._address}: the scheduler has no worker; start some by `bootharness "
                f"worker {self._address}`"
            )
        if refused:
            self._told(f"{self._address}: given nothing: {refused}")
        self._began = True

    async def look(self) -> None:
        """Take note of workers that come and go, until the scheduler is gone."""
        joining, slots = self._joining, dict[str, int]()
        while True:
            told = await self._cluster.slots()
            slots = slots if told is None else told
            if self._cluster.closed:
                return
            for address in slots:
                if address not in self.peers and address not in joining:
                    joining[address] = asyncio.create_task(self._join(address, slots[address]))
            for address in [each for each in joining if each not in slots]:
                joining.pop(address).cancel()
                self._refused.pop(address, None)
            for peer in [each for each in self.peers.values() if each.address not in slots]:
                self._gone(peer)
            self.turn()
            if slots and all(each.done() for each in joining.values()):
                self._settled.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _LOOK_S)
            self._changed.clear()

    def lost(self, why: str) -> None:
        """Take note that nobody can be reached any more."""
        self.dead = f"{self._address}: {why}"
        for peer in [*self.peers.values()]:
            self._gone(peer)
        self._settled.set()

    async def chosen(self, question: Question) -> Pool:
        """Return the workers that have an answer to a question; they stay the same. Raises NoWorker
        where there are none."""
        async with self._answering:
            if question in self._pools:
                return self._pools[question]
            peers = [each for each in self.peers.values() if not each.retired]
            await asyncio.gather(*(self._answer(each, question) for each in peers))
            chosen = choose(question, peers, self._kinds)
            if chosen is None:
                if self.dead:
                    raise NoWorker(self.dead)
                raise NoWorker(f"no worker can boot it: {why_none(question, peers, self._refused)}")
            pool = self._pools[question] = Pool(question, *chosen)
            if pool.kind not in self._kinds:
                self._kinds.append(pool.kind)
            own = [each for each in self.peers.values() if pool.fits(each) and not each.retired]
            pool.join(*own)
            if left := [each for each in peers if each not in own]:
                self._tell_left(question, left)
            return pool

    async def _join(self, address: str, slots: int) -> None:
        try:
            said = await self._cluster.ask(address, at_worker.describe)
            _check(said)
        except CouldNotFindOut as error:
            self._refused[address] = str(error)
            if self._began:
                self._told(f"{address}: given nothing: {error}")
            self._changed.set()
            return
        kind = (said["cpu"], *said["qemu"])
        peer = Peer(address, said["host"], slots, kind, said["store"])
        await asyncio.gather(*(self._answer(peer, each) for each in [*self._pools]))
        self.peers[address] = peer
        self.any.join(peer)
        for question, pool in self._pools.items():
            if pool.fits(peer):
                pool.join(peer)
            else:
                self._tell_left(question, [peer])
        self._changed.set()
        self.turn()

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

    def _gone(self, peer: Peer) -> None:
        peer.gone = True
        del self.peers[peer.address]
        for pool in self.pools:
            pool.leave(peer)
        for task in [*peer.busy.values()]:
            task.cancel()


def _check(said: dict[str, Any]) -> None:
    """Raise NoWorker for a worker that is not like us."""
    if said["version"] != installed_version():
        raise NoWorker(
            f"it has bootharness {said['version']}, and here is {installed_version()}: install "
            "the same"
        )
    own = ".".join(platform.python_version_tuple()[:2])
    if said["python"] != own:
        raise NoWorker(f"it has Python {said['python']}, and here is {own}: install the same")
