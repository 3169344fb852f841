"""Where a guest's HTTP connections go: a QEMU without a machine, for its slirp alone.

slirp is a TCP that runs without privileges. It answers at one address and hands each
connection over to our server; `restrict` keeps everything else from the guest.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from bootharness.host.tool import QEMU_64
from bootharness.host.workspace import Workspace
from bootharness.network.addresses import HTTP_HOST
from bootharness.network.http_server import OVER_TLS, PLAIN, HttpServer
from bootharness.network.network import Network, Plug
from bootharness.network.tls import tls_context

__all__ = ["Uplink", "handover_command", "uplink_argv"]

_HANDOVER = Path(__file__).with_name("handover.py")


class Uplink:
    """HTTP for one guest; ``redirects`` say which paths lead to another, ``certificate`` is a file
    with a certificate and its key, for HTTPS. Raises ToolMissing where there is no QEMU to run,
    UsageError for a certificate that is none."""

    def __init__(
        self,
        network: Network,
        plug: Plug,
        workspace: Workspace,
        redirects: Mapping[str, str],
        certificate: Path | None = None,
    ) -> None:
        socket_path = workspace.path / "http.sock"
        with ExitStack() as stack:
            server = HttpServer(
                socket_path,
                network.wire.files,
                network.wire.faults,
                redirects,
                plug.note,
                network.now,
                network.fail,
                tls_context(certificate) if certificate else None,
            )
            stack.callback(server.stop)
            end = stack.enter_context(network.connect_uplink(plug, server.transfers))
            log = stack.enter_context((workspace.path / "uplink.log").open("wb"))
            try:
                process = workspace.start_untrusted(
                    uplink_argv(
                        end.fileno(), Path(socket_path.name), https=certificate is not None
                    ),
                    reads=[_HANDOVER, Path(sys.executable), Path(os.__file__)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=workspace.path,
                    pass_fds=[end.fileno()],
                )
            except FileNotFoundError:
                raise QEMU_64.missing() from None
            stack.callback(process.wait)
            stack.callback(process.kill)
            self._process = process
            self._stack = stack.pop_all()

    @property
    def ended(self) -> bool:
        """Whether the process is gone, which it never is by itself."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the process and the server."""
        self._stack.close()


def handover_command(socket_path: Path, how: bytes = PLAIN) -> str:
    """Return the command by which slirp hands a connection over to the server at a socket."""
    words = [sys.executable, "-I", "-S", str(_HANDOVER), str(socket_path), how.decode()]
    return shlex.join(words)


def uplink_argv(fd: int, socket_path: Path, *, https: bool = False) -> list[str]:
    """Return the command line of a QEMU that is only slirp, on one end of a socket pair."""
    ways = ((80, PLAIN), (443, OVER_TLS))[: 1 + https]
    forward = ",".join(
        f"guestfwd=tcp:{HTTP_HOST}:{port}-cmd:{handover_command(socket_path, how)}".replace(
            ",", ",,"
        )
        for port, how in ways
    )
    return [
        *(QEMU_64.name, "-M", "none", "-nodefaults", "-no-user-config", "-display", "none"),
        # it must be able to start a process for each connection, and that to start its session
        *("-sandbox", "on,obsolete=deny,resourcecontrol=deny"),
        *("-netdev", f"user,id=user0,restrict=on,ipv6=off,{forward}"),
        *("-netdev", "hubport,hubid=0,id=port0,netdev=user0"),
        *("-netdev", f"dgram,id=wire0,local.type=fd,local.str={fd}"),
        *("-netdev", "hubport,hubid=0,id=port1,netdev=wire0"),
    ]
