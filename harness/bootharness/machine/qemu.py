"""The QEMU process: started, kept an eye on, ended. What it says is for the modules beside.

This module imports little, so that QEMU is started early: it and the rest of the harness's
imports then take their time together.
"""

import fcntl
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import IO, Self

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import LaunchFailed, ToolMissing, UsageError
from bootharness.host.accelerator import KVM_DEVICE
from bootharness.host.closing import Closing
from bootharness.host.kept import digest_of
from bootharness.host.tool import QEMU_64
from bootharness.host.workspace import Workspace
from bootharness.machine.argv import (
    QEMU_LOG,
    SERIAL_LOG,
    SERIAL_PIPE,
    qemu_argv,
    restoring,
)
from bootharness.machine.device import Device
from bootharness.machine.models import why_not_this_machine
from bootharness.machine.rom import return_addresses, write_rom, write_uefi_rom
from bootharness.machine.saved import NotRestored, SavedMachine, place_of
from bootharness.machine.tape import Tape, TapeEnd
from bootharness.plan import MachineConfig

__all__ = ["NEGOTIATION", "PIPE_BYTES", "Qemu", "SerialPipes"]

_ENDING_S = 0.5
_OWN_FAULTS = tuple(
    -each for each in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL)
)
_NONE: frozenset[int] = frozenset()
NEGOTIATION = b'{"execute": "qmp_capabilities", "id": "negotiation"}\n'
"""With this QMP begins; it waits in the socket for QEMU to start."""
PIPE_BYTES = 1 << 20
"""How far the guest may be ahead of us on the serial line; more than most kernels say."""


class SerialPipes(Struct, frozen=True):
    """Our ends of the named pipes that QEMU uses as a serial line: file descriptors."""

    from_guest: int
    to_guest: int

    @classmethod
    def make(cls, path: Path) -> Self:
        """Make the pipes beside ``path``, named as QEMU expects them, and open our ends."""
        from_guest, to_guest = path.with_suffix(".out"), path.with_suffix(".in")
        os.mkfifo(from_guest)
        os.mkfifo(to_guest)
        # opened for both ways a named pipe waits for nobody at its other end
        reader = os.open(from_guest, os.O_RDWR | os.O_NONBLOCK)
        with suppress(PermissionError):  # a limit on all pipes of a user; the default size does
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return cls(reader, os.open(to_guest, os.O_RDWR | os.O_NONBLOCK))

    def close(self) -> None:
        """Close our ends."""
        os.close(self.from_guest)
        os.close(self.to_guest)


class Qemu(Closing):
    """A QEMU process with a socket to its QMP and pipes to its serial line.

    Use as a context manager. ``tracer`` is one of `plan.TRACERS`, None for a machine that
    nobody watches: for the recorder it has its option ROM, and for gdb the CPU waits before its
    first instruction. With ``interrupts`` it logs them to a named pipe
    in the workspace, with ``counted`` instructions are the guest's clock, with ``console``, a log,
    its monitor is on the serial line as well. With ``saves``, which is what of its surroundings has
    a part in how it begins, it goes on from a saved machine, if there is one: ``restores`` says
    which, and ``save_to`` where one is to be. With ``recorder_log`` the recorder writes a file of
    that name in the workspace, and stops nothing. With ``tape`` it is recorded, or
    played. Raises ToolMissing where there is no such QEMU.
    """

    def __init__(
        self,
        config: MachineConfig,
        device: Device,
        workspace: Workspace,
        *,
        tracer: str | None = None,
        interrupts: bool = False,
        counted: bool = False,
        console: IO[bytes] | None = None,
        saves: str | None = None,
        recorder_log: str | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.config = config
        self.device = device
        self.workspace = workspace
        self.tape = tape
        self.tape_end: TapeEnd | None = None
        """Of a recorded machine, once its tape is complete."""
        with ExitStack() as stack:
            self.qmp, qmp_end = map(stack.enter_context, socket.socketpair())
            self.serial = SerialPipes.make(workspace.path / SERIAL_PIPE)
            stack.callback(self.serial.close)
            # QEMU sends no events before: of a guest that ends sooner than we connect, none
            self.qmp.sendall(NEGOTIATION)
            rom, self.recorder_returns = self._rom(tracer, tape)
            with qmp_end:
                self.argv = qemu_argv(
                    self._with_bios_here(),
                    device,
                    qmp_fd=qmp_end.fileno(),
                    recorder=rom,
                    recorder_log=recorder_log,
                    gdb=tracer in ("gdb", "both"),
                    interrupts=interrupts,
                    counted=counted,
                    console_fd=console.fileno() if console else None,
                    tape=tape,
                )
                inherited = [qmp_end.fileno(), *device.fds]
                inherited += [console.fileno()] if console else []
                self.save_to = (
                    place_of(config, self.argv, saves, workspace.path, inherited, device.media)
                    if saves
                    else None
                )
                self.restores = SavedMachine.at(self.save_to) if self.save_to else None
                if self.restores:
                    stack.callback(self.restores.file.close)
                    inherited.append(self._go_on_from(self.restores))
                self.launched = self._started_at = time.monotonic()
                self._process = self._start(inherited)
            stack.callback(self._end)
            self.exit_fd = os.pidfd_open(self._process.pid)
            """Readable when QEMU has ended."""
            stack.callback(os.close, self.exit_fd)
            self._stack = stack.pop_all()

    def _rom(self, tracer: str | None, tape: Tape | None) -> tuple[Path | None, frozenset[int]]:
        """Write the recorder's ROM, where there is to be a recorder."""
        if tracer not in ("recorder", "both"):
            return None, _NONE
        if tape and tape.rom:
            return tape.rom, return_addresses(tape.rom.read_bytes())
        if self.device.firmware == "uefi":
            return write_uefi_rom(self.workspace.path), _NONE
        # of a breakpoint that the guest runs into by another address QEMU dies, and with gdb stops
        return write_rom(self.workspace.path, armed=tape is None or tape.armed)

    def _go_on_from(self, machine: SavedMachine) -> int:
        """Have QEMU go on from a saved machine, with what that had said on the serial line, and
        return the file descriptor that it reads."""
        self.serial_log.write_bytes(machine.about.serial)
        os.write(self.serial.from_guest, machine.about.serial)
        fd = machine.file.fileno()
        self.argv = [*restoring(self.argv), "-incoming", f"fd:{fd}"]
        return fd

    def _with_bios_here(self) -> MachineConfig:
        """Copy a BIOS into the workspace: QEMU asks access() for it, which counts no capability."""
        if self.config.bios is None:
            return self.config
        try:
            self._bios_here.write_bytes(Path(self.config.bios).read_bytes())
        except OSError as error:
            raise LaunchFailed(f"{self.config.bios}: {error.strerror}") from error
        return replace(self.config, bios=str(self._bios_here))

    def _start(self, inherited: list[int]) -> subprocess.Popen[bytes]:
        with (self.workspace.path / QEMU_LOG).open("wb") as log:
            start = partial(
                self.workspace.start_untrusted,
                reads=self.device.files,
                devices=[KVM_DEVICE] if self.config.accelerator == "kvm" else [],
            )
            try:
                # what is to write a folder of the person's needs the person's rights
                return (self.workspace.start if self.device.writes else start)(
                    self.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.workspace.path,
                    # QEMU's overlay for writes to the disk belongs into the workspace too
                    env={**os.environ, "TMPDIR": str(self.workspace.path)},
                    pass_fds=inherited,
                )
            except FileNotFoundError:
                raise replace(QEMU_64, name=self.config.qemu).missing() from None
            except OSError as error:
                raise ToolMissing(f"{self.config.qemu} cannot be run: {error.strerror}") from error

    @property
    def pid(self) -> int:
        """The process's number, also when it has ended."""
        return self._process.pid

    def now(self) -> float:
        """Seconds since launch; of a machine that was saved, since its own."""
        return time.monotonic() - self.launched

    def set_clock(self, seconds: float) -> None:
        """Take it that so many seconds have gone by since launch, of a machine that was saved:
        what that costs or saves is none of its time."""
        self.launched = time.monotonic() - seconds

    @property
    def saved_s(self) -> float:
        """How much of the time since launch nobody has waited for; below 0 for a machine that was
        saved just now."""
        return self._started_at - self.launched

    @property
    def program(self) -> str | None:
        """The digest of the program that runs; None where what was started is a script that has
        called another with other words."""
        try:
            # its /proc/PID/exe says more, and only to who may trace it: root in a container may not
            name, *words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")[:-1]
            if words != [os.fsencode(word) for word in self.argv[1:]]:
                return None
            return digest_of(Path(shutil.which(os.fsdecode(name)) or os.fsdecode(name)).resolve())
        except (OSError, ValueError):
            return None

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
            stat = Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return 0.0
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def starved_seconds(self) -> float:
        """Time for which QEMU's threads wanted a CPU of this host and had none.

        (Linux, Documentation/scheduler/sched-stats.rst.) 0 where the host does not count it.
        """
        total = 0
        for task in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with suppress(OSError, ValueError, IndexError):  # a thread that has just ended
                total += int(task.read_text().split()[1])
        return total / 1e9

    def refusal(self, otherwise: str) -> LaunchFailed:
        """Return in QEMU's own words why it did not start, or else what we saw of it.

        Raises UsageError for a machine, or a CPU, that this QEMU does not have.
        """
        how, said = self._ended_how(), self._said()
        name = Path(self.config.qemu).name
        if wrong := why_not_this_machine(self.config, said):
            raise UsageError(wrong)
        if not said:
            return LaunchFailed(f"{name}: {otherwise}{how}", self.command)
        hint = "; --accelerator tcg does without KVM" if "kvm" in said.lower() else ""
        words = said.removeprefix(f"{name}: ").removeprefix("qemu: ")
        return LaunchFailed(f"{name} refuses to start: {words}{hint}{how}", self.command)

    def not_restored(self, why: str) -> NotRestored:
        """Return that QEMU does not go on from a saved machine, which is removed."""
        if self.restores:
            self.restores.path.unlink(missing_ok=True)
        return NotRestored(f"{self.config.qemu} does not go on from a saved machine: {why}")

    def evidence(self) -> str:
        """Say how QEMU ended, and what it said."""
        return f"{self.config.qemu}{self._ended_how()}; it said: {self._said() or 'nothing'}"

    @property
    def command(self) -> str:
        """How it was started, for a shell."""
        return shlex.join(self.argv)

    @property
    def crashed(self) -> bool:
        """Whether QEMU has ended by a fault of its own, and nobody has ended it."""
        return self._status() in _OWN_FAULTS

    def _status(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):  # its sockets are closed before it is gone
            self._process.wait(_ENDING_S)
        return self._process.returncode

    def _ended_how(self) -> str:
        status = self._status()
        if status is None:
            return ""
        reason = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"; it ended with {reason}"

    def _said(self) -> str:
        log = (self.workspace.path / QEMU_LOG).read_text(errors="replace").strip()
        if self.config.bios:
            log = log.replace(str(self._bios_here), str(self.config.bios))
        return re.sub(r"\s*\n\s*", "; ", log)

    @property
    def _bios_here(self) -> Path:
        return self.workspace.path / "bios.bin"

    def terminate(self) -> None:
        """Have QEMU end in its own way, with all written that it has begun to write."""
        self._process.terminate()

    def kill(self) -> None:
        """Let QEMU end: nothing in it is worth saving, the disk is an overlay, logs are written."""
        self._process.kill()

    def _end(self) -> None:
        self.kill()
        self._process.wait()

    def close(self) -> None:
        """End QEMU."""
        self._stack.close()
