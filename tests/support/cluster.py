"""A Dask scheduler and workers, as processes on loopback, which end with the test."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from distributed import Client, Security

from bootharness.host.closing import Closing
from bootharness.host.workspace import Workspace
from tests.support.processes import COMMAND, environment, eventually

__all__ = ["Cluster"]

_START_S = 120
_READY = "bootharness.runs.remote.preload"
_DASK = (sys.executable, "-P", "-m")


class Cluster(Closing):
    """A scheduler, and the workers that are started. ``more`` goes into everybody's environment,
    and says by which protocol they speak."""

    def __init__(self, protocol: str = "tcp", **more: str) -> None:
        self._workspace, self._more = Workspace(), more
        self._processes: list[subprocess.Popen[bytes]] = []
        self.folder = self._workspace.path
        told = self.folder / "scheduler.json"
        self.scheduler = self._start(
            [*_DASK, "distributed.cli.dask_scheduler", "--host", f"{protocol}://127.0.0.1",
             "--port", "0", "--no-dashboard", "--scheduler-file", str(told)],
            "scheduler",
        )  # fmt: skip
        eventually(lambda: [] if told.exists() and told.read_text() else ["no scheduler"], _START_S)
        self.address: str = json.loads(told.read_text())["address"]

    def worker(
        self, name: str, slots: int = 1, *, before: Sequence[str] = (), **more: str
    ) -> "subprocess.Popen[bytes]":
        """Start a worker by our command, with a cache of its own. ``before`` is what it is started
        by."""
        argv = [*before, *COMMAND, "worker", self.address, "--slots", str(slots), "--name", name]
        return self._start(argv, name, **more)

    def plain_worker(self, name: str, *before: str, **more: str) -> "subprocess.Popen[bytes]":
        """Start one by Dask's command, which does not look at what is here."""
        argv = [*before, *_DASK, "distributed.cli.dask_worker", self.address, "--nthreads", "1",
                "--no-dashboard", "--name", name, "--preload", _READY]  # fmt: skip
        return self._start(argv, name, **more)

    def has(self, workers: int) -> dict[str, int]:
        """Wait until so many workers are there, and no others, and return the process of each by
        its address."""
        with Client(self.address, security=Security(), set_as_default=False) as client:
            found: dict[str, int] = {}

            def others() -> list[str]:
                nonlocal found
                found = client.run(os.getpid, on_error="ignore")
                return [] if len(found) == workers else [f"{len(found)} instead of {workers}"]

            eventually(others, _START_S)
            return found

    @contextmanager
    def joined(self, *workers: "subprocess.Popen[bytes]") -> Iterator[None]:
        """Have more workers than are there for a while."""
        before = len(self._processes) - len(workers) - 1
        self.has(before + len(workers))
        try:
            yield
        finally:
            for each in workers:
                each.kill()
                each.wait()
                self._processes.remove(each)
            self.has(before)

    def said(self, name: str) -> str:
        """Return what a process has said."""
        return self._log(name).read_text(errors="replace")

    def close(self) -> None:
        """End all of it."""
        self._workspace.close()
        for each in self._processes:
            each.wait()

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _start(self, argv: Sequence[str], name: str, **more: str) -> "subprocess.Popen[bytes]":
        own = {"BOOTHARNESS_CACHE": str(self.folder / f"cache-{name}"), **self._more, **more}
        with self._log(name).open("wb") as log:
            process = self._workspace.start(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(**own),
                cwd=self.folder,
            )  # fmt: skip
        self._processes.append(process)
        return process
