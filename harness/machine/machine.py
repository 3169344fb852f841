"""The one live object: QEMU, its QMP and serial lines, the recorder and the GDB stub."""

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
from typing import Any, Self

from harness.deadline import Deadline
from harness.errors import LaunchFailed, MachineLost, ToolMissing
from harness.machine.argv import QEMU_LOG, SERIAL_LOG, qemu_argv
from harness.machine.cpu import parse_registers
from harness.machine.gdb import Gdb
from harness.machine.qmp import Qmp
from harness.machine.recorder import Recorder, write_rom
from harness.machine.serial import SerialLine
from harness.machine.workspace import Workspace
from harness.plan import MachineConfig
from harness.trace import CpuSample, QmpEvent

__all__ = ["Machine"]

_GREETING_S = 20.0
_QUIT_S = 5.0



class Machine:
    """A QEMU machine and everything that is connected to it.

    Use as a context manager: nothing that it started is left behind it. Raises ToolMissing
    without QEMU, LaunchFailed with QEMU's command line and standard error.
    """

    def __init__(
        self,
        config: MachineConfig,
        disk: Path,
        workspace: Workspace,
        *,
        recorder: bool = True,
        gdb: bool = False,
        elf: Path | None = None,
    ) -> None:
        self.config = config
        self.workspace = workspace
        self.recorder: Recorder | None = None
        self.gdb: Gdb | None = None
        with ExitStack() as stack:
            qmp_end, qemu_qmp = socket.socketpair()
            serial_end, qemu_serial = socket.socketpair()
            self.serial = SerialLine(serial_end)
            stack.callback(self.serial.close)
            with qemu_qmp, qemu_serial:
                self.argv = qemu_argv(
                    config,
                    disk,
                    qmp_fd=qemu_qmp.fileno(),
                    serial_fd=qemu_serial.fileno(),
                    recorder=write_rom(self.workspace.path) if recorder else None,
                    gdb=gdb,
                )
                self._launched = time.monotonic()
                self._launched_wall = time.time()
                self._process = self._spawn([qemu_qmp.fileno(), qemu_serial.fileno()])
            stack.callback(self._end)
            self._exit = os.pidfd_open(self._process.pid)
            stack.callback(os.close, self._exit)
            try:
                if gdb:  # it starts while QEMU does
                    wide = "x86_64" in Path(config.qemu).name
                    self.gdb = Gdb(self.workspace, wide=wide, elf=elf)
                    stack.callback(self.disconnect_gdb)
                self.qmp = Qmp(qmp_end, Deadline.after(_GREETING_S))
                stack.callback(self.qmp.close)
                if self.gdb:
                    self.gdb.connect()
            except (LaunchFailed, MachineLost) as error:
                raise LaunchFailed(f"{error}: {self._evidence()}") from error
            if recorder:
                self.recorder = Recorder(self.qmp)
            self._stack = stack.pop_all()

    def _spawn(self, sockets: list[int]) -> subprocess.Popen[bytes]:
        with Path(self.workspace.path, QEMU_LOG).open("wb") as log:
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
        return time.monotonic() - self._launched

    def since_launch(self, monotonic: float) -> float:
        """Return a point of the monotonic clock in seconds since launch."""
        return monotonic - self._launched

    @property
    def qemu_version(self) -> str:
        """QEMU's version."""
        return self.qmp.qemu_version

    @property
    def status(self) -> str:
        """QEMU's run state: ``running``, ``guest-panicked``, ``shutdown``, ..."""
        return str(self.qmp.execute("query-status")["status"])

    @property
    def serial_log(self) -> bytes:
        """All that the guest has written to the serial line."""
        return (self.workspace.path / SERIAL_LOG).read_bytes()

    def wait(self, deadline: Deadline) -> None:
        """Wait until something happens: serial output, an event, a stop, or QEMU's end.

        Raises MachineLost when QEMU is gone.
        """
        files = [self.serial.fileno(), self._exit]
        if self.gdb:
            files.append(self.gdb.fileno())
        self.qmp.wait(files, deadline)
        if self._process.poll() is not None:
            raise MachineLost(f"QEMU went away in mid-boot: {self._evidence()}")

    def events(self) -> list[QmpEvent]:
        """Return the QMP events since the last call."""
        return [self._event(message) for message in self.qmp.events()]

    def _event(self, message: Any) -> QmpEvent:
        stamp = message["timestamp"]
        wall = stamp["seconds"] + stamp["microseconds"] / 1e6
        return QmpEvent(
            message["event"], round(wall - self._launched_wall, 6), message.get("data", {})
        )

    def resume(self) -> None:
        """Let a stopped machine run on."""
        if self.gdb:
            self.gdb.resume()
        else:
            self.qmp.execute("cont")

    def disconnect_gdb(self) -> None:
        """Leave the machine to itself; from now on QMP alone tells about it."""
        if self.gdb:
            self.gdb.detach()
            self.gdb.close()
            self.gdb = None

    def progress(self) -> tuple[int, ...]:
        """Return numbers that change whenever the guest gets on: output, records."""
        recorded = len(self.recorder.records) if self.recorder else 0
        return ((self.workspace.path / SERIAL_LOG).stat().st_size, recorded)

    def sample(self) -> CpuSample:
        """Return where the CPU is, without stopping it."""
        return parse_registers(self.qmp.monitor("info registers"), round(self.now(), 6))

    def read_memory(self, linear: int, count: int) -> bytes:
        """Return guest memory by its physical address, fewer bytes where the memory ends."""
        count = min(count, self.config.memory_bytes - linear)
        if count <= 0:
            return b""
        dump = self.workspace.path / "memory"
        try:
            self.qmp.execute("pmemsave", val=linear, size=count, filename=str(dump))
            return dump.read_bytes()
        finally:
            dump.unlink(missing_ok=True)

    def cpu_seconds(self) -> float:
        """CPU time that QEMU has used so far."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        except OSError:
            return 0.0
        ticks = stat.rpartition(")")[2].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")

    def _evidence(self) -> str:
        status = self._process.poll()
        how = ""
        if status is not None:
            how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
            how = f"it ended with {how}; "
        log = (self.workspace.path / QEMU_LOG).read_text(errors="replace").strip()
        said = re.sub(r"\s*\n\s*", "; ", log) or "nothing"
        return f"{how}it said {said}; command line: {shlex.join(self.argv)}"

    def _end(self) -> None:
        """End QEMU: by QMP where it listens, otherwise by force."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the machine and everything connected to it."""
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
