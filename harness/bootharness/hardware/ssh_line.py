"""A line behind a console server that is reached by SSH, as consrv is.

consrv (github.com/mdlayher/consrv) has one user name for each serial port, takes keys alone, keeps
nothing of what came before, and says one line of its own before it attaches. OpenSSH's client is
run with -T, for with a terminal the server would change line ends, and its standard input stays
open, for at its end the server hangs up.
"""

import os
import re
import select
import subprocess
from contextlib import suppress

from bootharness.errors import LineLost, ToolMissing, UsageError
from bootharness.hardware.descriptors import DescriptorLine
from bootharness.host.deadline import Deadline
from bootharness.host.rights import command
from bootharness.host.tool import Tool
from bootharness.text import printable

__all__ = ["SSH", "ssh_address", "ssh_line"]

SSH = Tool("ssh", "openssh-client", version=("-V",))
_ADDRESS = re.compile(r"(?P<user>[^@\s-][^@\s]*)@(?P<host>[^:\s-][^:\s]*)(:(?P<port>\d{1,5}))?")
_LET_IN = b"bootharness: let in"
_LET_IN_S = 15.0
_FIRST_LINE_S = 2.0
_ATTACHES_S = 0.2
_GREETING = b"consrv> "
_GREETING_BYTES = 400
_SAID_BYTES = 4000
_END_S = 2.0


class SshLine(DescriptorLine):
    """A console server's port, for as long as its client runs."""

    def __init__(self, name: str, client: "subprocess.Popen[bytes]") -> None:
        assert client.stdin and client.stdout and client.stderr
        super().__init__(
            name, client.stdout.fileno(), client.stdin.fileno(), self._hang_up, self._complaint
        )
        self._client = client
        self._errors = client.stderr.fileno()
        os.set_blocking(self._errors, False)
        self._said = b""
        self._first = b""

    def read(self, timeout_s: float) -> bytes:
        """Return what came, nothing after the time. Raises LineLost when the other side is gone."""
        first, self._first = self._first, b""
        self._hear()
        return first or super().read(timeout_s)

    def attach(self) -> None:
        """Wait until the server has let us in, and has attached. Raises LineLost."""
        deadline = Deadline.after(_LET_IN_S)
        while _LET_IN not in self._said:
            heard = select.select([self._errors], [], [], deadline.remaining)[0]
            if not heard:
                raise LineLost(
                    f"{self.name}: the console server has not let us in within {_LET_IN_S:.0f} s: "
                    "it stalls; try the same by hand with `ssh -T`"
                )
            if not self._hear():
                raise LineLost(f"{self.name}: {self._complaint() or 'ssh has ended'}")
        self._first = self._without_greeting()

    def _without_greeting(self) -> bytes:
        """Take out what consrv says before it attaches, and return what else has come."""
        came = super().read(_FIRST_LINE_S)
        deadline = Deadline.after(_FIRST_LINE_S)
        while _GREETING.startswith(came[: len(_GREETING)]) and b"\n" not in came and came:
            if deadline.expired or len(came) > _GREETING_BYTES:
                return came
            came += super().read(deadline.remaining)
        if came.startswith(_GREETING):
            came = came.partition(b"\n")[2]
            came += super().read(_ATTACHES_S)
        return came

    def _hear(self) -> bool:
        """Keep what the client says of itself; return whether it may say more."""
        try:
            said = os.read(self._errors, _SAID_BYTES)
        except BlockingIOError:
            return True
        self._said = (self._said + said)[-_SAID_BYTES:]
        return bool(said)

    def _complaint(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._client.wait(_END_S)
        while self._hear() and select.select([self._errors], [], [], 0)[0]:
            pass
        lines = [line.strip() for line in self._said.splitlines()]
        last = next((line for line in reversed(lines) if line and line != _LET_IN), b"")
        said = printable(last.decode("utf-8", "replace"))
        if "Permission denied" in said:
            return f"it asks for a password, or for another key ({said}): give it a key of yours"
        if "Host key verification failed" in said:
            return f"{said}: log in once by hand, to see whose key it is"
        return said

    def _hang_up(self) -> None:
        self._client.kill()
        self._client.wait()
        for pipe in (self._client.stdin, self._client.stdout, self._client.stderr):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


def ssh_address(address: str, name: str) -> re.Match[str]:
    """Return user, host and port of ``USER@HOST[:PORT]``. Raises UsageError for what is none."""
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"] or 22) not in range(1, 1 << 16):
        raise UsageError(f"{name}: it is ssh:USER@HOST or ssh:USER@HOST:PORT")
    return found


def ssh_line(address: str, name: str, config: str | None) -> SshLine:
    """Open ``USER@HOST[:PORT]``, with a configuration file of OpenSSH where one is given.

    Raises UsageError for what is no address, ToolMissing without ssh, LineLost where the server
    asks for a password or stalls.
    """
    found = ssh_address(address, name)
    SSH.check()
    options = {
        "BatchMode": "yes",  # who is asked for a password has nobody to type it
        "ConnectTimeout": f"{_LET_IN_S - 5:.0f}",
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "EscapeChar": "none",
        "RequestTTY": "no",
        "LogLevel": "ERROR",
        "ControlMaster": "no",
        "ControlPath": "none",
        "PermitLocalCommand": "yes",
        "LocalCommand": f"echo '{_LET_IN.decode()}' >&2",
    }
    words = ["ssh", "-T", *(["-F", config] if config else [])]
    words += [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    words += ["-p", found["port"] or "22", "-l", found["user"], "--", found["host"]]
    pipe = subprocess.PIPE
    try:
        client = subprocess.Popen(
            command(words), stdin=pipe, stdout=pipe, stderr=pipe, process_group=0
        )
    except OSError as error:
        raise ToolMissing(f"ssh cannot be run: {error.strerror}") from error
    line = SshLine(name, client)
    try:
        line.attach()
    except BaseException:
        line.close()
        raise
    return line
