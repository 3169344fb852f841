"""The GDB stub, through gdb and pygdbmi: stops, registers, and the tracer that runs in gdb."""

import subprocess
from collections import deque
from pathlib import Path
from typing import Any

from msgspec import Struct
from pygdbmi import gdbmiparser
from pygdbmi.IoManager import IoManager
from pygdbmi.StringStream import StringStream

from bootharness.errors import MachineLost, ToolMissing
from bootharness.formats.bioscall import Registers
from bootharness.host.deadline import Deadline
from bootharness.host.tool import GDB
from bootharness.host.workspace import Workspace
from bootharness.machine.argv import GDB_LOG, GDB_SOCKET
from bootharness.machine.gdb_log import REGISTERS, GdbLog, registers_from
from bootharness.machine.target import target_description

__all__ = ["NOT_MI", "Gdb", "GdbStop"]

NOT_MI = (ValueError, IndexError, KeyError, TypeError)
"""What pygdbmi raises at a line that it cannot parse."""

_LOOK_S = 0.25
"""How often it is looked whether gdb is there yet: the end of its pipe is no answer."""
_REPLY_S = 20.0
_TARGET_XML = "target.xml"

_PACKAGE = Path(__file__).parents[1]
_TRACER = Path(__file__).with_name("gdb_tracer.py")
# pygdbmi waits this long for more output after every reply; its default costs 0.2 s each
_QUIET_S = 0.001

_MiRecord = dict[str, Any]


class _Line(StringStream):
    """A line that tells who reads on behind its end, as pygdbmi would for ever at a list without
    one."""

    _MOST = 100
    _behind = 0

    def read(self, count: int) -> str:
        found: str = super().read(count)
        self._behind += not found
        if self._behind > self._MOST:
            raise ValueError("a list has no end")
        return found


gdbmiparser.StringStream = _Line  # type: ignore[attr-defined]


class GdbStop(Struct, frozen=True):
    """The machine stopped: why, as gdb names it, and the general and segment registers."""

    reason: str
    signal: str
    registers: Registers

    @property
    def linear(self) -> int:
        """The linear address of the next instruction, in real mode."""
        return self.registers.cs * 16 + self.registers.ip


class Gdb:
    """A gdb process, started at once and connected to the machine's stub by `connect`.

    All of gdb's records go through one queue: a reply and a stop may come in one read.
    Raises ToolMissing where gdb is not installed.
    """

    def __init__(self, workspace: Workspace, *, wide: bool, elf: Path | None) -> None:
        self._workspace = workspace
        self._records: deque[_MiRecord] = deque()
        self._token = 0
        self._elf = elf
        Path(workspace.path, _TARGET_XML).write_text(target_description(wide=wide))
        with Path(workspace.path, "gdb.log").open("wb") as errors:
            try:
                self._process = workspace.start(
                    [GDB.name, "--nx", "--quiet", "--interpreter=mi3"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    cwd=workspace.path,
                    bufsize=0,
                )
            except FileNotFoundError:
                raise GDB.missing() from None
            except OSError as error:
                raise ToolMissing(f"gdb cannot be run: {error.strerror}") from error
        assert self._process.stdin
        assert self._process.stdout
        self._io = IoManager(self._process.stdin, self._process.stdout, None, _QUIET_S)

    def fileno(self) -> int:
        """The file descriptor that is readable when gdb has something to say."""
        assert self._process.stdout
        return self._process.stdout.fileno()

    def connect(self) -> None:
        """Connect to the stub; the machine is stopped before its first instruction."""
        for setting in (
            "architecture i8086",
            f"tdesc filename {_TARGET_XML}",
            "confirm off",
            f"remotetimeout {_REPLY_S:.0f}",
            "mi-async on",
            "breakpoint always-inserted on",
        ):
            self.command(f"-gdb-set {setting}")
        if self._elf:
            self.command(f"-file-exec-and-symbols {self._link('loader.elf', self._elf)}")
        self.command(f"-target-select remote {GDB_SOCKET}")
        names = self.command("-data-list-register-names")["register-names"]
        self._numbers = {name: number for number, name in enumerate(names) if name}
        self._records.clear()  # among them the stop that connecting reports

    def trace(
        self, sites: list[tuple[int, int]], labels: dict[str, int], launched: float
    ) -> "GdbLog":
        """Load the tracer into gdb and return the log that it will write."""
        self._link(_PACKAGE.name, _PACKAGE)  # for the rules that hold in gdb as well
        self.console("python import sys; sys.dont_write_bytecode = True; sys.path.insert(0, '.')")
        self.console(f"source {self._link('gdb_tracer.py', _TRACER)}")
        self.console(
            f"python tracer = CallTracer({sites!r}, {list(labels.items())!r}, {GDB_LOG!r})"
        )
        return GdbLog(self._workspace.path / GDB_LOG, launched)

    def command(self, text: str) -> _MiRecord:
        """Run an MI command and return its result's payload.

        Raises MachineLost when gdb is gone, does not answer or refuses the command.
        """
        self._token += 1
        deadline = Deadline.after(_REPLY_S)
        self._write(f"{self._token}{text}")
        while not deadline.expired:
            self._records.extend(self._read(deadline))
            for record in self._records:
                if record["type"] == "result" and record["token"] == self._token:
                    self._records.remove(record)
                    return _payload(text, record)
        raise MachineLost(f"gdb does not answer ({text})")

    def console(self, text: str) -> None:
        """Run a command of gdb's own language."""
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        self.command(f'-interpreter-exec console "{quoted}"')

    def resume(self) -> None:
        """Let the machine run."""
        self.command("-exec-continue")

    def at_breakpoint(self) -> None:
        """Let the tracer do what is to be done at a breakpoint that gdb has not recognised."""
        self.console("python tracer.stopped()")

    def step_over(self) -> None:
        """Execute the instruction at such a breakpoint."""
        self.command("-exec-step-instruction")
        deadline = Deadline.after(_REPLY_S)
        while not any(record["message"] == "stopped" for record in self._records):
            if deadline.expired:
                raise MachineLost("gdb does not get over a breakpoint")
            self._records.extend(self._read(deadline))
        self._records.clear()
        self.console("python tracer.passed()")

    def stop_tracing(self) -> None:
        """Delete the tracer's breakpoints; its log stays as it is."""
        self.console("python tracer.delete()")

    def detach(self) -> None:
        """Leave the machine running on its own."""
        self.command("-target-detach")

    def next_stop(self) -> GdbStop | None:
        """Return the next stop that gdb has reported, None when there is none yet."""
        self._records.extend(self._read(Deadline.after(0)))
        while self._records:
            record = self._records.popleft()
            if record["type"] == "notify" and record["message"] == "stopped":
                payload = record["payload"]
                return GdbStop(
                    payload.get("reason", ""), payload.get("signal-name", ""), self.registers()
                )
        return None

    def registers(self) -> Registers:
        """Read the registers of the stopped machine."""
        wanted = " ".join(str(self._numbers[name]) for name in REGISTERS)
        values = self.command(f"-data-list-register-values x {wanted}")["register-values"]
        by_number = {int(value["number"]): int(value["value"], 16) for value in values}
        return registers_from({name: by_number[self._numbers[name]] for name in REGISTERS})

    def _link(self, name: str, path: Path) -> str:
        """Return a name in the workspace for a file whose path may need quoting."""
        Path(self._workspace.path, name).symlink_to(path.absolute())
        return name

    def _write(self, line: str) -> None:
        try:
            self._io.write(line, read_response=False)
        except (BrokenPipeError, OSError) as error:
            raise MachineLost("gdb went away") from error

    def _read(self, deadline: Deadline) -> list[_MiRecord]:
        if self._process.poll() is not None:
            raise MachineLost(f"gdb went away with status {self._process.returncode}")
        try:
            found: list[_MiRecord] = self._io.get_gdb_response(
                min(deadline.remaining, _LOOK_S), raise_error_on_timeout=False
            )
        except NOT_MI as error:
            raise MachineLost(f"gdb says what is not gdb/MI: {error}") from error
        return found

    def close(self) -> None:
        """End gdb, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


def _payload(command: str, result: _MiRecord) -> _MiRecord:
    payload = result["payload"] or {}
    if result["message"] == "error":
        raise MachineLost(f"gdb refuses {command}: {payload.get('msg')}")
    return dict(payload)
