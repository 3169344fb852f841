"""A guest that is told what to do, over its serial line, and answers with output and exit status.

Its /init (images/guest-init.sh) takes one line for each request and answers between two lines of
the request's own token, as it does for the one command of a boot.

    add TOKEN BASE64    more of what is to be run, or to be a file
    run TOKEN           run it by a shell, with nothing on standard input
    put TOKEN BASE64    let it be the file of that name
"""

import base64
import secrets
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import GuestLost, MachineLost, UsageError
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline
from bootharness.host.workspace import Workspace
from bootharness.initramfs.command_output import CommandOutput
from bootharness.kernels.image import KernelImage
from bootharness.machine.choice import chosen_machine
from bootharness.machine.device import Device
from bootharness.machine.machine import Machine
from bootharness.machine.qemu import Qemu
from bootharness.plan import BootPlan
from bootharness.routes.guest import prepared
from bootharness.routes.table import route_of
from bootharness.text import printable

__all__ = ["Guest", "Ran"]

_PIECE = 1500
"""What of a file goes into one line: the terminal of a guest keeps 4,096 bytes at most."""
_RUN_S = 60.0
_SERIAL_BYTES = 1 << 20


class Ran(Struct, frozen=True):
    """A command that has ended: its exit status, and all that it wrote."""

    status: int
    output: bytes

    @property
    def text(self) -> str:
        """What it wrote, as text."""
        return self.output.decode("utf-8", "replace")


class Guest(Closing):
    """A kernel that boots by a plan, to be told what to do once it is `ready`.

    Use as a context manager. ``own`` are further files for its /init, and ``parts`` gives the
    machine more than the plan does. Raises what preparing and starting QEMU does; a guest that
    ends, or is not ready in time, raises GuestLost from whatever it is asked.
    """

    def __init__(
        self,
        kernel: KernelImage,
        plan: BootPlan,
        *,
        name: str = "guest",
        own: Mapping[str, bytes] | None = None,
        parts: Callable[[Device], Device] | None = None,
        write: Callable[[bytes], object] | None = None,
    ) -> None:
        if plan.guest.run is not None:
            raise UsageError(f"run {plan.guest.run!r}: such a guest is told what to run")
        if not route_of(plan).uses("run"):
            raise UsageError(f"the route {plan.route}: a guest is made of a kernel and an initrd")
        self.name = name
        self.kernel = kernel
        self._timeout_s = plan.timeout_s
        self._token = secrets.token_hex(8)
        self._said = b""
        self._is_ready = False
        self._late = ""
        self._write = write
        files = {"agent": self._token.encode(), "name": name.encode(), **(own or {})}
        with ExitStack() as stack:
            workspace = stack.enter_context(Workspace())
            medium, _ = stack.enter_context(prepared(kernel, plan, workspace, files))
            if parts:
                medium = replace(medium, device=parts(medium.device))
            config = chosen_machine(plan.machine, narrow=medium.narrow)
            qemu = stack.enter_context(Qemu(config, medium.device, workspace))
            medium.started(qemu.launched)
            self.machine = stack.enter_context(Machine(qemu))
            # a guest that wants to boot again is let
            self.machine.qmp.execute("set-action", reboot="reset")
            medium.begin(self.machine)
            self._stack = stack.pop_all()

    @property
    def serial(self) -> str:
        """The last that it has written to the serial line."""
        return self._said.decode("utf-8", "replace")

    def ready(self, timeout_s: float | None = None) -> Self:
        """Wait until it is up, as long as the plan says, and return it."""
        deadline = Deadline.after(self._timeout_s if timeout_s is None else timeout_s)
        mark = f"\nbootharness: ready {self._token}".encode()
        while not self._is_ready:
            self._listen(deadline, "is not up")
            self._is_ready = mark in self._said.replace(b"\r", b"")
        return self

    def run(self, command: str, timeout_s: float = _RUN_S) -> Ran:
        """Run a command by its shell, and return what that wrote and how it ended. What is said of
        the kernel meanwhile is left out."""
        deadline = Deadline.after(timeout_s)
        self._send(f"{command}\n".encode(), deadline)
        return self._ask("run", "", deadline, f"has not ended {command!r}", self._write)

    def put(self, name: str, data: bytes, timeout_s: float = _RUN_S) -> None:
        """Write a file. It goes over the serial line: for what is large a folder is shared."""
        deadline = Deadline.after(timeout_s)
        self._send(data, deadline)
        said = self._ask("put", _coded(name.encode()), deadline, f"has not written {name}")
        if said.status:
            raise UsageError(f"{name}: {self.name} cannot write it: {said.text.strip()}")

    def get(self, name: str, timeout_s: float = _RUN_S) -> bytes:
        """Return what is in a file. Raises UsageError for one that cannot be read."""
        said = self.run(f"exec base64 {shlex.quote(name)}", timeout_s)
        if said.status:
            raise UsageError(f"{name}: {self.name} cannot read it: {said.text.strip()}")
        return base64.b64decode(said.output)

    def wait(self, command: str, timeout_s: float = _RUN_S) -> None:
        """Wait until a command ends with 0, which is run again and again."""
        script = f"until ( {command}\n) >/dev/null 2>&1; do sleep 0.1; done"
        deadline = Deadline.after(timeout_s)
        self._send(script.encode(), deadline)
        self._ask("run", "", deadline, f"has not come to {command!r}")

    def reboot(self, timeout_s: float | None = None) -> Self:
        """Let it boot again, on the same machine with the same disks, and wait until it is up. One
        that has not ended what it was to run is reset."""
        deadline = Deadline.after(self._timeout_s if timeout_s is None else timeout_s)
        if not self._late:
            self._send(b"sync; reboot -f\n", deadline)
        reset, self._late = self._late, ""
        self._is_ready, self._said = False, b""
        if reset:
            self.machine.qmp.execute("system_reset")
        else:
            self._say("run", secrets.token_hex(8), "")
        return self.ready(deadline.remaining)

    def close(self) -> None:
        """End it."""
        self._stack.close()

    def _send(self, data: bytes, deadline: Deadline) -> None:
        if not self._is_ready:
            self.ready()
        for at in range(0, max(len(data), 1), _PIECE):
            piece = _coded(data[at : at + _PIECE])
            if self._ask("add", piece, deadline, "does not take what it is sent").status:
                raise GuestLost(f"{self.name} cannot keep what it is sent: its memory is full")

    def _ask(
        self,
        word: str,
        rest: str,
        deadline: Deadline,
        late: str,
        write: Callable[[bytes], object] | None = None,
    ) -> Ran:
        if self._late:
            raise GuestLost(f"{self.name} still {self._late}: let it boot again")
        token = secrets.token_hex(8)
        pieces: list[bytes] = []

        def keep(data: bytes) -> None:
            pieces.append(data)
            if write:
                write(data)

        output = CommandOutput(keep)
        self._say(word, token, rest)
        while output.status is None:
            output.serial(self._listen(deadline, late))
        return Ran(output.status, b"".join(pieces))

    def _say(self, word: str, token: str, rest: str) -> None:
        self.machine.serial.send(f"{word} {token} {rest}\n".encode())

    def _listen(self, deadline: Deadline, late: str) -> bytes:
        """Return what has come on the line, waiting for it."""
        while True:
            try:
                fresh = self.machine.serial.take()
                if fresh:
                    self._said = (self._said + fresh)[-_SERIAL_BYTES:]
                    return fresh
                self._look()
                if deadline.expired:
                    self._late = late
                    raise GuestLost(f"{self.name} {late} in time{self._last()}")
                self.machine.wait(deadline)
            except MachineLost as error:
                raise GuestLost(f"{self.name} is gone: {error}") from error

    def _look(self) -> None:
        """Raise GuestLost for a guest that has ended, or begins anew unasked."""
        for event in self.machine.events():
            if event.name == "SHUTDOWN":
                raise GuestLost(f"{self.name} has switched itself off{self._last()}")
            if event.name == "RESET" and self._is_ready and event.data.get("guest"):
                raise GuestLost(f"{self.name} was reset{self._last()}")

    def _last(self) -> str:
        lines = [each.strip() for each in self.serial.splitlines() if each.strip()]
        panic = next((each for each in reversed(lines) if "Kernel panic" in each), None)
        said = panic or (lines[-1] if lines else None)
        return f'; the last that it said is "{printable(said)[:160]}"' if said else ""


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode()
