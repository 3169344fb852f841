"""A network of IPv6: addresses, names and files over it, and what does not come over IPv4 then."""

from typing import Any

import pytest

from bootharness.network.boot_rule import BootRule
from bootharness.network.files import FileTable
from bootharness.network.wire import Wire
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEventKind
from tests.support.tcp_service import Service

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")
SERVER_MAC, MAC = "52:55:0a:00:02:01", "52:54:00:12:34:01"
SERVER, GUEST, ROUTER = "fd00:2::1", "fd00:2::f", "fe80::5055:aff:fe00:201"


class Guest:
    """A guest on a wire, as scapy speaks."""

    def __init__(self, *faults: str, ip: str = "6", file: str = "boot.ipxe") -> None:
        files = FileTable({"boot.ipxe": b"#!ipxe\n"})
        self.wire = Wire(files, (BootRule(file),), Faults.parse(faults), ip=ip)
        self.port = self.wire.plug()

    def send(self, body: Any, to: str = SERVER, mac: str = SERVER_MAC, src: str = GUEST) -> Any:
        frame = bytes(layers.Ether(src=MAC, dst=mac) / layers.IPv6(src=src, dst=to) / body)
        out = self.wire.receive(self.port, frame, 1.0)
        return [layers.Ether(each) for port, each in out if port == self.port]

    def dhcp(self, message: Any, *options: Any) -> Any:
        body = layers.UDP(sport=546, dport=547) / message
        for each in options:
            body /= each
        out = self.send(body, "ff02::1:2", "33:33:00:01:00:02", "fe80::5054:ff:fe12:3401")
        return out[0] if out else None

    def kinds(self) -> list[str]:
        return [str(each.kind) for each in self.wire.events(self.port)]


WHO = (
    layers.DHCP6OptClientId(duid=layers.DUID_LL(lladdr=MAC)),
    layers.DHCP6OptIA_NA(iaid=7),
    layers.DHCP6OptUserClass(userclassdata=[layers.USER_CLASS_DATA(data=b"iPXE")]),
)


def test_router_is_found() -> None:
    (seen,) = Guest().send(layers.ICMPv6ND_RS(), "ff02::2", "33:33:00:00:00:02")
    assert seen["ICMPv6 Neighbor Discovery - Router Advertisement"].M == 1


def test_client_gets_address_and_url() -> None:
    guest = Guest()
    offer = guest.dhcp(layers.DHCP6_Solicit(trid=5), *WHO)
    assert offer["DHCPv6 Advertise Message"].trid == 5
    server = offer["DHCP6 Server Identifier Option"]
    ack = guest.dhcp(layers.DHCP6_Request(trid=6), *WHO, layers.DHCP6OptServerId(duid=server.duid))
    assert ack["DHCPv6 Reply Message"].trid == 6
    assert ack["IPv6"].src == ROUTER
    assert ack["DHCP6 Identity Association for Non-temporary Addresses Option"].iaid == 7
    assert ack["DHCP6 IA Address Option (IA_TA or IA_NA suboption)"].addr == GUEST
    assert ack["DHCP6 Boot File URL Option"].optdata == b"tftp://[fd00:2::1]/boot.ipxe"
    assert ack["DHCP6 Option - DNS Recursive Name Server"].dnsservers == [SERVER]
    assert guest.kinds()[1:] == ["dhcp-discover", "dhcp-offer", "dhcp-request", "dhcp-ack"]


def test_uefi_that_boots_over_http_is_answered_as_one() -> None:
    guest = Guest(file="http://[fd00:2::1]/uki.efi")
    http = layers.DHCP6OptVendorClass(
        enterprisenum=343, vcdata=[layers.VENDOR_CLASS_DATA(data=b"HTTPClient:Arch:00016")]
    )
    offer = guest.dhcp(layers.DHCP6_Solicit(trid=5), *WHO[:2], http)
    assert offer["DHCP6 Vendor Class Option"].vcdata[0].data == b"HTTPClient"
    assert offer["DHCP6 Boot File URL Option"].optdata == b"http://[fd00:2::1]/uki.efi"


def test_offer_is_kept_back_as_over_ipv4() -> None:
    assert Guest().dhcp(layers.DHCP6_Solicit(trid=5), *WHO) is not None
    assert Guest("no-offer").dhcp(layers.DHCP6_Solicit(trid=5), *WHO) is None


def test_client_that_has_chosen_another_server_is_not_ours() -> None:
    other = layers.DHCP6OptServerId(duid=layers.DUID_LL(lladdr="02:00:00:00:00:01"))
    assert Guest().dhcp(layers.DHCP6_Request(trid=5), *WHO, other) is None


@pytest.mark.parametrize(("ip", "kinds"), [("6", ["AAAA"]), ("both", ["A", "AAAA"])])
def test_names_have_the_addresses_that_the_network_has(ip: str, kinds: list[str]) -> None:
    guest = Guest(ip=ip)
    found = []
    for kind in ("A", "AAAA"):
        query = layers.DNS(qd=layers.DNSQR(qname="boot.example.org", qtype=kind))
        (seen,) = guest.send(layers.UDP(sport=2000, dport=53) / query)
        found += [kind for each in (seen["DNS"].an or ()) if each.rdata in (SERVER, "10.0.2.1")]
    assert found == kinds


@pytest.mark.parametrize(("to", "at"), [(SERVER, ""), ("fd00:9::7", "fd00:9::7")])
def test_file_comes_from_whatever_address_it_is_asked_for(to: str, at: str) -> None:
    guest = Guest()
    (seen,) = guest.send(layers.UDP(sport=2000, dport=69) / b"\0\1boot.ipxe\0octet\0", to)
    assert (seen["IPv6"].src, bytes(seen["UDP"].payload)[4:]) == (to, b"#!ipxe\n")
    (asked,) = [each for each in guest.wire.events(guest.port) if each.file]
    assert (asked.kind, asked.at) == (NetEventKind.FILE_REQUESTED, at)


def test_block_fits_a_frame() -> None:
    ask = b"\0\1boot.ipxe\0octet\0blksize\x001468\0"
    (seen,) = Guest().send(layers.UDP(sport=2000, dport=69) / ask)
    assert b"blksize\x001448\0" in bytes(seen["UDP"].payload)


def test_http_comes_over_ipv6() -> None:
    guest = Guest()
    guest.wire.serve_http(guest.port, [], lambda *_: Service(b"answer", stays=True))
    at = {"sport": 5000, "dport": 8080}
    (came,) = guest.send(layers.TCP(**at, flags="S", options=[("MSS", 1460)]), "fd00:9::7")
    assert (came["IPv6"].src, came["IPv6"].dst) == ("fd00:9::7", GUEST)
    assert (came["TCP"].sport, came["TCP"].dport, str(came["TCP"].flags)) == (8080, 5000, "SA")
    assert came["TCP"].options == [("MSS", 1440)]
    ack = layers.TCP(**at, flags="A", seq=1, ack=came["TCP"].seq + 1)
    (data,) = guest.send(ack, "fd00:9::7")
    assert bytes(data["TCP"].payload) == b"answer"


def test_refusal_comes_over_ipv6() -> None:
    guest = Guest()
    (seen,) = guest.send(layers.TCP(sport=5000, dport=443, flags="S"))
    assert (seen["IPv6"].src, str(seen["TCP"].flags)) == (SERVER, "RA")


@pytest.mark.parametrize(("ip", "answered"), [("6", False), ("both", True)])
def test_network_without_ipv4_answers_nothing_over_it(ip: str, answered: bool) -> None:
    guest = Guest(ip=ip)
    arp = layers.Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / layers.ARP(pdst="10.0.2.1")
    assert bool(guest.wire.receive(guest.port, bytes(arp), 1.0)) is answered


def test_client_that_asks_over_both_gets_it_over_both() -> None:
    """From the same port, so that only the address tells them apart."""
    guest = Guest(ip="both")
    ask = layers.UDP(sport=2000, dport=69) / b"\0\1boot.ipxe\0octet\0"
    (over_ipv6,) = guest.send(ask)
    frame = layers.Ether(src=MAC, dst=SERVER_MAC) / layers.IP(src="10.0.2.15", dst="10.0.2.1") / ask
    ((_, over_ipv4),) = guest.wire.receive(guest.port, bytes(frame), 2.0)
    assert over_ipv6["IPv6"].dst == GUEST
    assert layers.Ether(over_ipv4)["IP"].dst == "10.0.2.15"
