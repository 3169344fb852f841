"""The QEMU process: started, kept an eye on, ended. What it says is for the modules beside.

This module imports little, so that QEMU is started early: it and the rest of the harness's
imports then take their time together.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import ToolMissing
from harness.machine.argv import QEMU_LOG, SERIAL_LOG, qemu_argv
from harness.machine.workspace import Workspace
from harness.plan import MachineConfig

__all__ = ["Qemu"]


class Qemu:
    """A QEMU process with a socket each to its QMP and its serial line.

    Use as a context manager. ``rom`` is the recorder's option ROM; with ``gdb`` the CPU
    waits before its first instruction. Raises ToolMissing where there is no such QEMU.
    """

    def __init__(
        self,
        config: MachineConfig,
        disk: Path,
        workspace: Workspace,
        *,
        rom: Path | None = None,
        gdb: bool = False,
    ) -> None:
        self.config = config
        self.workspace = workspace
        with ExitStack() as stack:
            self.qmp, qmp_end = map(stack.enter_context, socket.socketpair())
            self.serial, serial_end = map(stack.enter_context, socket.socketpair())
            with qmp_end, serial_end:
                self.argv = qemu_argv(
                    config,
                    disk,
                    qmp_fd=qmp_end.fileno(),
                    serial_fd=serial_end.fileno(),
                    recorder=rom,
                    gdb=gdb,
                )
                self.launched = time.monotonic()
                self.launched_wall = time.time()
                self._process = self._start([qmp_end.fileno(), serial_end.fileno()])
            stack.callback(self._end)
            self.exit_fd = os.pidfd_open(self._process.pid)
            """Readable when QEMU has ended."""
            stack.callback(os.close, self.exit_fd)
            self._stack = stack.pop_all()

    def _start(self, sockets: list[int]) -> subprocess.Popen[bytes]:
        with (self.workspace.path / QEMU_LOG).open("wb") as log:
            try:
                return subprocess.Popen(
                    self.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.workspace.path,
                    # QEMU's overlay for writes to the disk belongs into the workspace too
                    env={**os.environ, "TMPDIR": str(self.workspace.path)},
                    pass_fds=sockets,
                    process_group=self.workspace.process_group,
                )
            except FileNotFoundError:
                raise ToolMissing(
                    f"{self.config.qemu} is not installed: `apt-get install qemu-system-x86` "
                    "brings it"
                ) from None
            except PermissionError as error:
                raise ToolMissing(f"{self.config.qemu}: {error.strerror}") from error

    def now(self) -> float:
        """Seconds since launch."""
        return time.monotonic() - self.launched

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    @property
    def serial_log(self) -> Path:
        """All that the guest has written to the serial line."""
        return self.workspace.path / SERIAL_LOG

    def cpu_seconds(self) -> float:
        """CPU time that QEMU has used so far."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        except OSError:
            return 0.0
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def evidence(self) -> str:
        """Say how QEMU ended, what it said, and how it was started."""
        status = self._process.poll()
        how = ""
        if status is not None:
            reason = signal.Signals(-status).name if status < 0 else f"status {status}"
            how = f"it ended with {reason}, "
        log = (self.workspace.path / QEMU_LOG).read_text(errors="replace").strip()
        said = re.sub(r"\s*\n\s*", "; ", log) or "nothing"
        return f"{how}it said: {said}; command line: {shlex.join(self.argv)}"

    def _end(self) -> None:
        # nothing in it is worth saving: the disk is an overlay, the log is written
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End QEMU."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
