"""Local worker processes behind the interface of concurrent.futures.

Each has a socket of its own, so that it is known what a worker that died was doing, and the
others do not notice.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from socket import socketpair
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import bootharness
from bootharness.errors import HostBusy, MachineLost
from bootharness.host.workspace import Workspace

__all__ = ["LocalWorkers", "workers_of"]

_START_S = 60.0

_P = ParamSpec("_P")
_T = TypeVar("_T")


class LocalWorkers(Executor):
    """Runs calls in worker processes, ``count`` at once, by default one on each core.

    A call that takes longer than ``limit_s`` raises HostBusy, and one whose worker dies
    MachineLost; the worker is replaced. Workers and whatever they have started end with this
    process, however it ends. Functions, arguments and results are pickled.
    """

    def __init__(self, count: int | None = None, *, limit_s: float) -> None:
        count = count or len(os.sched_getaffinity(0))
        self._limit_s = limit_s
        self._workspace = Workspace()
        self._threads = ThreadPoolExecutor(count)
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        self._workers: set[_Worker] = set()
        self._lock, self._closed = Lock(), False
        for _ in range(count):
            self._idle.put(None)  # started when it is needed

    def submit(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> "Future[_T]":
        assert not kwargs
        return self._threads.submit(self._call, function, args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End; with ``cancel_futures`` what is being done is ended too."""
        if cancel_futures:
            with self._lock:
                self._closed = True
                for worker in self._workers:
                    worker.process.kill()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        for worker in [*self._workers]:
            self._end(worker)
        self._workspace.close()

    def _call(self, function: Callable[..., _T], arguments: tuple[Any, ...]) -> _T:
        worker = self._idle.get()
        try:
            worker = worker or self._start()
            went_well, answer = worker.call(function, arguments, self._limit_s)
        except (EOFError, OSError, HostBusy) as error:
            if worker:
                self._end(worker)
            worker = None
            if isinstance(error, HostBusy):
                raise
            raise MachineLost("the worker that did it died; it may have been killed") from error
        finally:
            self._idle.put(worker)
        if not went_well:
            raise answer
        result: _T = answer
        return result

    def _start(self) -> "_Worker":
        with self._lock:
            if self._closed:
                raise EOFError
            worker = _Worker(self._workspace)
            self._workers.add(worker)
        return worker

    def _end(self, worker: "_Worker") -> None:
        with self._lock:
            self._workers.discard(worker)
        worker.close()


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
