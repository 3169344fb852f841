"""Workers of a Dask cluster behind the interface of concurrent.futures.

All that is done for them is done by one thread, with an event loop of its own.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from bootharness.runs.remote.connection import Connection
from bootharness.runs.remote.errands import Errand, Errands
from bootharness.runs.remote.members import Members
from bootharness.runs.remote.pools import Question
from bootharness.runs.remote.postage import Postage
from bootharness.runs.workers import Workers

__all__ = ["DaskWorkers"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_END_S = 5.0


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
        self._asked: dict[Hashable, Question] = {}
        self._closing = False
        self._begun: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="bootharness-dask", daemon=True)
        self._thread.start()
        self._begun.result()

    @property
    def slots(self) -> int:
        """How many boots go on at once, as far as is known now."""
        peers = [*self._members.peers.values()]
        return sum(each.slots for each in peers if not each.retired) or 1

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
        chosen = asyncio.run_coroutine_threadsafe(self._members.chosen(question), self._loop)
        answer: _T = chosen.result().answer
        return answer

    def submit(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> "Future[_T]":
        assert not kwargs
        errand = Errand(function, args)
        if errand.cell:
            self._postage.check(errand.cell)
        self._loop.call_soon_threadsafe(self._errands.take, errand)
        return errand.future

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
        since = time.monotonic()
        cluster = await Connection.to(self.address, self._security)
        self._postage = Postage(cluster.ask)
        self._members = Members(cluster, self.address, self._told)
        self._errands = Errands(cluster, self._members, self._postage, uuid.uuid4().hex,
                                self._asked, self._told, self._is_idle)  # fmt: skip
        self._members.turn = self._errands.turn
        try:
            looking = asyncio.create_task(self._members.look())
            await self._members.first(since)
            self._begun.set_result(None)
            over = asyncio.create_task(self._over.wait())
            await asyncio.wait((over, looking), return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                self._members.lost(str(looking.exception() or "the scheduler is gone"))
                self._errands.fail(self._members.dead)
            await over
            looking.cancel()
            await self._errands.stop()
        finally:
            await cluster.close(used=self._begun.done())

    def _end(self, at_once: bool) -> None:
        self._closing = True
        if at_once or not self._errands.open:
            self._over.set()

    def _is_idle(self) -> None:
        if self._closing:
            self._over.set()
