"""A router that passes DHCP on to a server behind it: dnsmasq does, and Linux forwards the rest."""

from bootharness.network.dnsmasq import DNSMASQ, as_who
from bootharness.network.server_setup import ServerSetup, is_installed
from bootharness.plan.net_server import NetServer

__all__ = ["relay_setup"]


def relay_setup(relay: NetServer) -> ServerSetup:
    """Return how a relay is run. Raises ToolMissing where dnsmasq is not installed."""
    if not is_installed(DNSMASQ):
        raise DNSMASQ.missing()
    own = str(relay.address).partition("/")[0]
    return ServerSetup(
        name="relay",
        argv=(
            *("dnsmasq", "--keep-in-foreground", *as_who(), "--conf-file=/dev/null", "--port=0"),
            *("--log-facility=-", "--log-dhcp", "--pid-file=", f"--dhcp-relay={own},{relay.what}"),
        ),
        interfaces=("eth0", "eth1"),
        started="started, version",
    )
