"""Local worker processes behind the interface of concurrent.futures.

Each has a socket of its own, so that it is known what a worker that died was doing, and the
others do not notice.
"""

import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import bootharness
from bootharness.errors import HostBusy, MachineLost
from bootharness.host.closing import Closing
from bootharness.host.workspace import Workspace

__all__ = ["LocalWorkers", "Processes", "Workers", "workers_of"]

_START_S = 60.0

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Workers(Executor, ABC):
    """Workers that are asked what they have, before it is known which of them gets a call."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many calls go on at once, as far as is known now."""

    @abstractmethod
    def ask(self, what: Hashable, function: Callable[..., _T], *asked: Any) -> _T:
        """Return what a function says where something will be booted."""


class Processes(Closing):
    """Worker processes, each started when there is none that is idle.

    They and whatever they have started end with this process, however it ends. Functions,
    arguments and results are pickled.
    """

    def __init__(self) -> None:
        self._workspace = Workspace()
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, str] = {}
        self._lock, self._closed = Lock(), False

    def call(
        self, function: Callable[..., _T], arguments: tuple[Any, ...], limit_s: float,
        *, whose: str = "",
    ) -> _T:  # fmt: skip
        """Make a call in a process. Raises HostBusy when it takes longer, MachineLost when its
        process dies, and what it raises itself."""
        worker = None
        try:
            worker = self._taken(whose)
            went_well, answer = worker.call(function, arguments, limit_s)
        except BaseException as error:
            if worker:
                self._end(worker)
            if isinstance(error, EOFError | OSError):
                said = "the worker that did it died; it may have been killed"
                raise MachineLost(said) from error
            raise
        self._give_back(worker)
        if not went_well:
            raise answer
        result: _T = answer
        return result

    def stop(self, whose: str | None = None) -> None:
        """End all that goes on, or what goes on for somebody; for all, nothing begins any more."""
        with self._lock:
            self._closed = self._closed or whose is None
            for worker, its in self._busy.items():
                if whose in (None, its):
                    worker.process.kill()

    def close(self) -> None:
        """End all processes."""
        for worker in (*self._idle, *self._busy):
            worker.close()
        self._workspace.close()

    def _taken(self, whose: str) -> "_Worker":
        with self._lock:
            if self._closed:
                raise EOFError
            worker = self._idle.pop() if self._idle else _Worker(self._workspace)
            self._busy[worker] = whose
        return worker

    def _give_back(self, worker: "_Worker") -> None:
        with self._lock:
            del self._busy[worker]
            self._idle.append(worker)

    def _end(self, worker: "_Worker") -> None:
        with self._lock:
            self._busy.pop(worker, None)
        worker.close()


class LocalWorkers(Workers):
    """Runs calls in worker processes, ``count`` at once, by default one on each core.

    A call that takes longer than ``limit_s`` raises HostBusy, and one whose worker dies
    MachineLost; the worker is replaced.
    """

    def __init__(self, count: int | None = None, *, limit_s: float) -> None:
        self._count = count or len(os.sched_getaffinity(0))
        self._limit_s = limit_s
        self._answers: dict[tuple[Any, ...], Any] = {}
        self._processes = Processes()
        self._threads = ThreadPoolExecutor(self._count)

    @property
    def slots(self) -> int:
        """How many calls go on at once."""
        return self._count

    def ask(self, what: Hashable, function: Callable[..., _T], *asked: Any) -> _T:
        """Return what a function says here: these have what we have, and need not be started."""
        if (function, asked) not in self._answers:
            self._answers[function, asked] = function(*asked)
        answer: _T = self._answers[function, asked]
        return answer

    def submit(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> "Future[_T]":
        assert not kwargs
        return self._threads.submit(self._processes.call, function, args, self._limit_s)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End; with ``cancel_futures`` what is being done is ended too."""
        if cancel_futures:
            self._processes.stop()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        self._processes.close()


@contextmanager
def workers_of(executor: Executor | None, jobs: int | None, limit_s: float) -> Iterator[Executor]:
    """Give an executor, or else workers of our own, of which none is left at the end.

    ``limit_s`` is for our own. After an error, Ctrl-C among them, nothing is waited for.
    """
    if executor:
        yield executor
        return
    workers = LocalWorkers(jobs, limit_s=limit_s)
    done = False
    try:
        yield workers
        done = True
    finally:
        workers.shutdown(cancel_futures=not done)


class _Worker:
    """One worker process and our end of its socket."""

    def __init__(self, workspace: Workspace) -> None:
        ours, its = socketpair()
        root = str(Path(bootharness.__file__).parents[1])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        with its:
            self.process = workspace.start(
                [sys.executable, "-m", "bootharness.runs.worker", str(its.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(its.fileno(),),
                env={**os.environ, "PYTHONPATH": path},
            )
        self._socket: Connection = Connection(ours.detach())
        self._ready = False

    def call(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], limit_s: float
    ) -> tuple[bool, Any]:
        """Make a call. Raises EOFError or OSError when the worker dies, HostBusy at its limit."""
        if not self._ready:
            self._receive(_START_S)  # the time that imports take is not the call's
            self._ready = True
        self._socket.send((function, arguments))
        answer: tuple[bool, Any] = self._receive(limit_s)
        return answer

    def _receive(self, limit_s: float) -> Any:
        if not self._socket.poll(limit_s):
            raise HostBusy(f"nothing came of it within {limit_s:,.1f} s: boot fewer at once")
        return self._socket.recv()

    def close(self) -> None:
        """End the process; what it has started ends with it."""
        self._socket.close()
        with suppress(subprocess.TimeoutExpired):
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait(5)
