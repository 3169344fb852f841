"""The network of a boot, as it can be chosen."""

from pathlib import Path
from typing import Annotated

from msgspec import Struct

from bootharness.plan.allowed import check_values
from bootharness.plan.dhcp_option import check_dhcp_option
from bootharness.plan.fault import Faults
from bootharness.plan.goal import AUTO
from bootharness.plan.guest_address import check_mac
from bootharness.plan.net_server import check_server
from bootharness.plan.option import Option

__all__ = ["NetPlan"]


class NetPlan(Struct, frozen=True):
    """The network of a route that boots from one."""

    nic: Annotated[
        str,
        Option(
            "--nic",
            "The network card; auto is the fastest.",
            choices=(AUTO, "virtio", "e1000", "e1000e", "rtl8139"),
            by_route=True,
        ),
    ] = AUTO
    more_nics: Annotated[
        tuple[str, ...],
        Option(
            "--and-nic",
            "A further network card, in front of the first on the bus and without a cable; may be "
            "repeated.",
            choices=("virtio", "e1000", "e1000e", "rtl8139"),
            by_route=True,
            repeated=True,
        ),
    ] = ()
    ip: Annotated[
        str,
        Option(
            "--ip",
            "Which IP the network has: 4, 6 or both; over 6 addresses come from DHCPv6.",
            title="IP",
            choices=("4", "6", "both"),
            by_route=True,
        ),
    ] = "4"
    https_cert: Annotated[
        str | None,
        Option(
            "--https-cert",
            "A certificate and its key, in PEM, with which HTTPS is served; a UEFI is told to "
            "trust it.",
            title="certificate",
            kind=Path,
            metavar="FILE.pem",
            by_route=True,
        ),
    ] = None
    vlan: Annotated[
        int | None,
        Option(
            "--vlan",
            "The network is this VLAN: frames without its tag are not taken.",
            title="VLAN",
            kind=int,
            metavar="NUMBER",
            least=1,
            most=4094,
            by_route=True,
        ),
    ] = None
    nic_vlan: Annotated[
        int | None,
        Option(
            "--nic-vlan",
            "The VLAN that a UEFI's set-up gives the card: what it sends has that tag.",
            title="card's VLAN",
            kind=int,
            metavar="NUMBER",
            least=1,
            most=4094,
            by_route=True,
        ),
    ] = None
    bootfile: Annotated[
        str | None,
        Option(
            "--bootfile",
            "The file of a --net-root that the DHCP server names; without it a boot program of a "
            "name that is known.",
            title="boot file",
            metavar="NAME",
            by_route=True,
        ),
    ] = None
    answers: Annotated[
        str | None,
        Option(
            "--net-answers",
            "What the DHCP server answers to whom, in TOML, in the place of --bootfile; "
            "docs/network.md has an example.",
            title="answers",
            kind=Path,
            metavar="FILE.toml",
            by_route=True,
        ),
    ] = None
    dhcp_options: Annotated[
        tuple[str, ...],
        Option(
            "--dhcp-option",
            "An option of every DHCP answer, as 66=boot.example.org, 6=10.0.2.1 or 175=0xb00101, "
            "and 60= to leave one out; may be repeated.",
            title="DHCP option",
            metavar="N=VALUE",
            by_route=True,
            repeated=True,
            check=check_dhcp_option,
        ),
    ] = ()
    mac: Annotated[
        str | None,
        Option(
            "--mac",
            "The network card's address.",
            title="MAC",
            metavar="MAC",
            by_route=True,
            check=check_mac,
        ),
    ] = None
    nic_rom: Annotated[
        str | None,
        Option(
            "--nic-rom",
            "A ROM for the network card in the place of QEMU's, as iPXE's build makes one.",
            title="ROM",
            kind=Path,
            metavar="FILE",
            by_route=True,
        ),
    ] = None
    more_servers: Annotated[
        tuple[str, ...],
        Option(
            "--and-server",
            "A further server of your own on the same network, as --net-server; may be repeated.",
            metavar="SERVER",
            check=check_server,
            by_route=True,
            repeated=True,
        ),
    ] = ()
    faults: Annotated[
        Faults,
        Option(
            "--net-fault",
            "What goes wrong on the network, as stall:file=vmlinuz,block=100 or, for a while, "
            "link-down:seconds=10, no-offer:seconds=5, loss:rate=0.05; may be repeated.",
            metavar="FAULT",
            by_route=True,
            repeated=True,
        ),
    ] = Faults()
    cold: Annotated[
        bool,
        Option(
            "--cold",
            "Begin at the beginning: otherwise a boot from a network goes on from a machine that "
            "was saved before its first packet, and one by a UEFI before it looked for a disk.",
            kind=bool,
            by_route=True,
        ),
    ] = False

    def __post_init__(self) -> None:
        check_values(self)
