"""What each kind of server that somebody brings needs."""

from pathlib import Path

from bootharness.network.command import command_setup
from bootharness.network.dnsmasq import dnsmasq_setup
from bootharness.network.kea import kea_setup
from bootharness.network.relay import relay_setup
from bootharness.network.server_setup import ServerSetup
from bootharness.plan.net_server import NetServer

__all__ = ["setup_of"]


def setup_of(server: NetServer, folder: Path) -> ServerSetup:
    """Return how a server is run, with its own files in a folder of its own.

    Raises ToolMissing where it is not installed, UsageError for a configuration that cannot be
    read.
    """
    if server.kind == "command":
        return command_setup(server.what)
    if server.is_relay:
        return relay_setup(server)
    setup = dnsmasq_setup if server.kind == "dnsmasq" else kea_setup
    return setup(server.what, folder)
