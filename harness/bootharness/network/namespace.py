"""A network namespace with a server in it, for one boot: it ends with us, however we end."""

import json
import os
import select
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from bootharness.errors import LaunchFailed, ServerLost, ToolMissing, UsageError
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace
from bootharness.network.addressing import Place
from bootharness.network.server_setup import (
    ServerSetup,
    is_installed,
    last_complaint,
    last_words,
)

__all__ = ["IP", "UNSHARE", "Namespace", "why_no_namespace"]

_INSIDE = Path(__file__).with_name("in_namespace.py")
UNSHARE = Tool("unshare", "util-linux")
IP = Tool("ip", "iproute2", version=("-V",))
_START_S = 10.0
_SLACK_S = 20.0
_MESSAGE_BYTES = 4096
_MOST_CABLES = 2
_TRIAL_S = 10.0
_REMEDY = (
    "run as root with CAP_SYS_ADMIN, or let users make namespaces "
    "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; "
    "in a container --cap-add SYS_ADMIN)"
)


def _unshare() -> list[str]:
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    spaces = ("--net", "--pid", "--mount", "--fork", "--kill-child=KILL")
    return [UNSHARE.name, *own_user, *spaces]


def why_no_namespace() -> str | None:
    """Say why no network namespace can be made here, None where it can."""
    for tool in (UNSHARE, IP):
        if not is_installed(tool):
            return str(tool.missing())
    link = ["ip", "link", "add", "trial0", "type", "veth", "peer", "name", "trial1"]
    try:
        done = subprocess.run(
            [*_unshare(), *link], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=_TRIAL_S, check=False, env=_environment(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no network namespace can be made here: {error}"
    return _unmade(done.stderr) if done.returncode else None


def _unmade(said: str) -> str:
    lines = said.strip().splitlines() or ["nothing was said"]
    return f"no network namespace can be made here ({lines[0].strip()}): {_REMEDY}"


def _environment() -> dict[str, str]:
    """Return ours, with the folders that not everybody has on PATH."""
    return {
        **os.environ,
        "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin",
    }


class Namespace(Closing):
    """A server in a network namespace, and our ends of its cables: of a relay the one to the
    guest's network, and the one to the network behind it.

    Raises ToolMissing where no namespace can be made, UsageError with the server's own words for
    a configuration that it refuses.
    """

    def __init__(
        self, setup: ServerSetup, place: Place, workspace: Workspace, folder: Path
    ) -> None:
        self.setup = setup
        self.place = place
        self.address = place.address
        self._ended: str | None = None
        self._log_bytes = 0
        self.log = folder / "said.log"
        """What the server says, all of it."""
        for tool in (UNSHARE, IP):
            if not is_installed(tool):
                raise tool.missing()
        with ExitStack() as stack:
            self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stack.callback(self._ours.close)
            errors = stack.enter_context((folder / "namespace.log").open("w+b"))
            with theirs:
                process = workspace.start(
                    [*_unshare(), sys.executable, "-I", "-S", str(_INSIDE), self._told()],
                    stdin=theirs.fileno(), stdout=errors, stderr=errors, env=_environment(),
                )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            self.cables = self._taken(errors.name)
            for each in self.cables:
                stack.callback(each.close)  # by then the network has it, if it was plugged in
            self._wait_until_it_serves()
            self._stack = stack.pop_all()

    def __str__(self) -> str:
        return f"{self.setup.name} at {self.address}"

    def _told(self) -> str:
        setup, place = self.setup, self.place
        about = {
            "BOOTHARNESS_INTERFACE": setup.interfaces[0],
            "BOOTHARNESS_ADDRESS": self.address,
            "BOOTHARNESS_ADDRESS6": next(
                (each.partition("/")[0] for each in place.addresses if ":" in each), ""
            ),
            "BOOTHARNESS_NETWORK": place.addresses[0] if place.addresses else "",
        }
        return json.dumps(
            {
                "interfaces": setup.interfaces,
                "addresses": [place.addresses, *([place.behind] if place.behind else [])],
                "gateway": place.gateway,
                "forwards": bool(place.behind),
                "argv": setup.argv,
                "checks": setup.checks,
                "folder": str(setup.folder.absolute()),
                "environment": {**setup.environment, **about},
                "log": str(self.log),
                "start_s": _START_S,
                "writes": str(self.setup.writes or ""),
                "started": self.setup.started,
            }
        )

    def _taken(self, errors: str) -> list[socket.socket]:
        self._ours.settimeout(_SLACK_S)
        try:
            said, fds, _, _ = socket.recv_fds(self._ours, _MESSAGE_BYTES, _MOST_CABLES)
        except TimeoutError:
            said, fds = b"", []
        if fds:
            ends = [socket.socket(fileno=each) for each in fds]
            for end in ends:
                end.setblocking(False)
            return ends
        why = said.decode(errors="replace").removeprefix("unmade ")
        raise ToolMissing(_unmade(why or Path(errors).read_text(errors="replace")))

    def _wait_until_it_serves(self) -> None:
        deadline = Deadline.after(_START_S + _SLACK_S)
        self._ours.settimeout(deadline.remaining)
        try:
            said = self._ours.recv(_MESSAGE_BYTES).decode(errors="replace")
        except TimeoutError:
            raise LaunchFailed(f"{self.setup.name} does not start: {self.words()}") from None
        if said.startswith("refused"):
            raise UsageError(f"{self.setup.name} refuses its configuration: {self.words()}")
        if said.startswith("ended"):
            raise self._too_soon(said)
        if said.startswith("silent"):
            raise UsageError(
                f"{self.setup.name} has opened no port in {_START_S:.0f} s: nothing would be "
                f"served; {self.words()}"
            )
        if not said:
            raise LaunchFailed(f"{self.setup.name}: its namespace went away: {self.words()}")
        self._ours.setblocking(False)

    def _too_soon(self, said: str) -> UsageError:
        return UsageError(
            f"{self.setup.name} ended before the boot began, {_how(said)}: {self.words()}"
        )

    def words(self) -> str:
        """Return what the server said last that tells something."""
        return self._plain(last_words(self._said())) or "it said nothing"

    def complaint(self) -> str:
        """Return what the server complained of last since the boot began, empty for nothing."""
        said = self._said()
        since = self._log_bytes if len(said) >= self._log_bytes else 0
        return self._plain(last_complaint(said[since:]))

    def started(self) -> None:
        """Note that the boot begins."""
        self._log_bytes = len(self._said())

    def _said(self) -> str:
        try:
            return self.log.read_text(errors="replace")
        except OSError:
            return ""

    def _plain(self, line: str) -> str:
        return "".join(c if c.isprintable() else "?" for c in self.setup.plain(line))

    def check(self, *, begun: bool) -> None:
        """Raise ServerLost when the server has ended, UsageError if the boot had not ``begun``."""
        if self._ended is None and select.select([self._ours], [], [], 0)[0]:
            self._ended = self._ours.recv(_MESSAGE_BYTES).decode(errors="replace")
        if (said := self._ended) is None:
            return
        if not begun:
            raise self._too_soon(said)
        raise ServerLost(
            f"{self.setup.name} ended in the middle of the boot, {_how(said)}: {self.words()}"
        )

    def close(self) -> None:
        """End the server and all that it has started."""
        self._stack.close()


def _how(said: str) -> str:
    status = said.partition(" ")[2].strip()
    if status.startswith("-"):
        return f"killed by signal {status[1:]}"
    return f"with status {status}" if status else "as did its namespace"
