"""A folder and a process group that end with the harness, however it ends."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from bootharness.errors import LaunchFailed
from bootharness.host.closing import Closing

__all__ = ["Workspace"]

# `read` returns when the harness closes its end of the pipe, or dies and the kernel closes
# it. What it started is in the janitor's process group; QEMU may make a file while the
# folder is being removed, so that is repeated until nothing is left.
_JANITOR = 'read -r _; until rm -rf -- "$1"; do :; done; kill -KILL 0'


class Workspace(Closing):
    """A temporary folder, and the processes that work in it.

    A janitor process outlives a harness that was killed: it removes the folder and kills
    the processes. Raises LaunchFailed when there is no place for the folder.
    """

    def __init__(self) -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix="bootharness-"))
        except OSError as error:
            raise LaunchFailed(
                f"no temporary folder can be made in {tempfile.gettempdir()}: {error.strerror}; "
                "set TMPDIR to one that can be written"
            ) from error
        self._janitor = subprocess.Popen(
            ["/bin/sh", "-c", _JANITOR, "bootharness-janitor", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    @property
    def process_group(self) -> int:
        """The process group that dies with the harness."""
        return self._janitor.pid

    def close(self) -> None:
        """Remove the folder and end what still works in it."""
        os.killpg(self.process_group, signal.SIGKILL)
        self._janitor.wait()
        shutil.rmtree(self.path, ignore_errors=True)
        if self._janitor.stdin:
            self._janitor.stdin.close()
