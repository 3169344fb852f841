"""The routes from servers that somebody brought, each in a network namespace of its own.

guest --our wire, which watches--> dnsmasq, Kea, whatever a command starts
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv6Network
from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.host.regular import is_regular
from bootharness.host.workspace import Workspace
from bootharness.machine.device import Firmware
from bootharness.plan import BootPlan
from bootharness.plan.net_server import NetServer
from bootharness.routes.medium import Medium
from bootharness.routes.net_check import check_certificate, check_net
from bootharness.routes.net_image import NetImage, card_of
from bootharness.routes.net_route import net_route
from bootharness.routes.route import Route

__all__ = ["NET_SERVER", "NET_SERVERS", "NetServers"]

NET_SERVER = "net-server"
_OVER_HTTP = "uefi-http-server"
_FIRMWARE: dict[str, Firmware] = {NET_SERVER: "bios", "uefi-net-server": "uefi", _OVER_HTTP: "uefi"}
_CONFIG_BYTES = 1 << 24


class NetServers(Struct, frozen=True):
    """The first server of a boot, as it was given; others are in the plan."""

    source: str

    @property
    def path(self) -> Path:
        """Its configuration, or its command."""
        return Path(NetServer.parse(self.source).what)

    @property
    def sha256(self) -> str:
        """A digest of its configuration."""
        server = NetServer.parse(self.source)
        if not server.has_file:
            return hashlib.sha256(str(server).encode()).hexdigest()
        with Path(server.what).open("rb") as file:
            return hashlib.sha256(file.read(_CONFIG_BYTES)).hexdigest()


def _fetch(source: str) -> NetServers:
    _check(source)
    return NetServers(source)


def _expand(source: str) -> list[str]:
    _check(source)
    return [source]


def _check(text: str) -> None:
    server = NetServer.parse(text)
    if server.has_file and not is_regular(Path(server.what), most=_CONFIG_BYTES):
        what = "not a regular file" if Path(server.what).exists() else "no such file"
        raise UsageError(f"--net-server {text}: {what}")


def _refuse(plan: BootPlan) -> None:
    check_net(plan, _FIRMWARE[plan.route])
    check_certificate(plan)
    for each in plan.net.more_servers:
        _check(each)


@contextmanager
def _prepare(servers: NetServers, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    from bootharness.formats.ethernet import ip_bytes
    from bootharness.network.addressing import places_of
    from bootharness.network.arrived import Arrived
    from bootharness.network.namespace import Namespace
    from bootharness.network.network import Network
    from bootharness.network.server_kinds import setup_of
    from bootharness.network.watched_wire import WatchedWire
    from bootharness.routes.net import plugged_in  # most do without

    given = [NetServer.parse(each) for each in (servers.source, *plan.net.more_servers)]
    firmware = _FIRMWARE[plan.route]
    nic = "virtio" if plan.net.nic == "auto" else plan.net.nic
    pxe = () if plan.route == _OVER_HTTP else (4, 6)
    with ExitStack() as stack:
        # not in the machine's: what came is compared with its memory, and QEMU is not to write it
        own = stack.enter_context(Workspace())
        arrived, *folders = (own.path / str(number) for number in range(len(given) + 1))
        for folder in (arrived, *folders):
            folder.mkdir()
        setups = [setup_of(each, folder) for each, folder in zip(given, folders, strict=True)]
        files = Arrived(arrived)
        spaces = tuple(
            stack.enter_context(Namespace(setup, place, own, folder))
            for setup, place, folder in zip(setups, places_of(given, setups), folders, strict=True)
        )
        image = NetImage(
            plan.route,
            card_of(plan, firmware, nic, rom=firmware == "bios", http=False, pxe=pxe),
            files,
            (),
            {},
            servers=tuple(map(str, given)),
        )
        behind = {-number: ip_bytes(each.address) for number, each in enumerate(spaces, 1)
                  if each.place.gateway}  # fmt: skip
        networks6 = [IPv6Network(each) for setup in setups for each in setup.networks6]
        prefix6 = networks6[0].network_address.packed if networks6 else None
        wire = WatchedWire([each.setup.name for each in spaces], files, behind, prefix6)
        network = stack.enter_context(Network(wire))
        cables = [each.cables[0] for each in spaces]
        cables += [each.cables[1] for each in spaces if each.place.behind]
        for number, cable in enumerate(cables, 1):
            network.attach(-number, cable)
        yield stack.enter_context(plugged_in(network, image, workspace, spaces))


_TWINS = {NET_SERVER: "uefi-net-server", "uefi-net-server": NET_SERVER, _OVER_HTTP: NET_SERVER}


def _route(name: str, summary: str) -> Route:
    return net_route(
        name,
        summary,
        _FIRMWARE[name],
        {
            *("more_servers", "nic", "more_nics", "mac", "nic_rom"),
            *(("https_cert",) if name == _OVER_HTTP else ()),
        },
        blame="what the servers are told",
        prepare=_prepare,
        expand=_expand,
        fetch=_fetch,
        refuse=_refuse,
        twin=_TWINS[name],
    )


NET_SERVERS = (
    _route(NET_SERVER, "DHCP, TFTP and HTTP servers of your own, in network namespaces"),
    _route("uefi-net-server", "UEFI: the same, by the firmware's own PXE"),
    _route(_OVER_HTTP, "UEFI: the same over HTTP alone, without PXE and TFTP"),
)
