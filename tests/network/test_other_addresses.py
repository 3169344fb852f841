"""Names and addresses of somebody else's network: they lead to our server, and are told."""

from typing import Any

import pytest

from bootharness.formats.dhcp import DhcpOption
from bootharness.formats.ethernet import ip_bytes, mac_bytes
from bootharness.network.boot_rule import BootRule
from bootharness.network.http_server import HttpTransfer
from bootharness.network.wire import SERVER_ADDRESS
from bootharness.trace.network_facts import NetEventKind
from tests.support.netclient import SERVER_MAC, NetClient, wire_with
from tests.support.tcp_service import Service

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")
ELSEWHERE = "192.168.1.10"


@pytest.fixture
def guest() -> NetClient:
    made = NetClient(wire_with({"boot.ipxe": b"#!ipxe\n"}))
    made.lease()
    return made


def test_server_is_router_and_name_server() -> None:
    ack = NetClient(wire_with({"boot.ipxe": b""})).lease()
    assert ack.options[DhcpOption.ROUTER] == ack.options[DhcpOption.NAME_SERVER] == SERVER_ADDRESS


def test_name_is_answered_and_noted(guest: NetClient) -> None:
    query = bytes(layers.DNS(id=1, qd=layers.DNSQR(qname="boot.example.org")))
    (answer,) = guest.udp(53, query)
    assert layers.DNS(answer.payload).an[0].rdata == "10.0.2.1"
    assert [each.text for each in guest.events(NetEventKind.NAME_ASKED)] == ["boot.example.org"]


def test_name_server_that_says_nothing_or_knows_no_name_is_told() -> None:
    query = bytes(layers.DNS(id=1, qd=layers.DNSQR(qname="boot.example.org")))
    silent = NetClient(wire_with({"boot.ipxe": b""}, "dns-silent"))
    for _ in range(2):
        assert silent.udp(53, query) == []
        silent.now += 1
    asked = silent.events(NetEventKind.NAME_UNANSWERED)
    assert [(each.text, each.repeats) for each in asked] == [
        ("boot.example.org", 0), ("boot.example.org", 1),
    ]  # fmt: skip
    knows_none = NetClient(wire_with({"boot.ipxe": b""}, "dns-no-name"))
    (answer,) = knows_none.udp(53, query)
    assert (layers.DNS(answer.payload).rcode, layers.DNS(answer.payload).ancount) == (3, 0)
    assert [each.text for each in knows_none.events(NetEventKind.NAME_UNKNOWN)]


@pytest.mark.parametrize(("address", "at"), [(ELSEWHERE, ELSEWHERE), ("10.0.2.1", "")])
def test_file_is_served_at_whatever_address_it_is_asked_for(
    guest: NetClient, address: str, at: str
) -> None:
    (data,) = guest.udp(69, b"\0\1boot.ipxe\0octet\0", to=ip_bytes(address))
    assert data.source_ip == ip_bytes(address)
    assert data.payload[4:] == b"#!ipxe\n"
    assert [each.at for each in guest.events(NetEventKind.FILE_REQUESTED)] == [at]
    guest.udp(69, b"\0\1none\0octet\0", to=ip_bytes(address), source=2001)
    (missing,) = guest.events(NetEventKind.FILE_MISSING)
    assert missing.at == at
    assert (f"(asked at {at})" in str(missing)) == bool(at)


def tcp(guest: NetClient, to: str, port: int, **fields: object) -> Any:
    return layers.Ether(
        bytes(
            layers.Ether(src=guest.mac, dst=SERVER_MAC)
            / layers.IP(src="10.0.2.15", dst=to)
            / layers.TCP(sport=5000, dport=port, seq=1, **fields)
        )
    )


def right(frame: bytes) -> Any:
    """Return a frame as scapy sees it; its checksums are right."""
    fresh = layers.Ether(frame)
    del fresh[layers.IP].chksum, fresh[layers.TCP].chksum
    assert bytes(fresh) == frame
    return layers.Ether(frame)


@pytest.mark.parametrize(("address", "port"), [(ELSEWHERE, 5248), ("10.0.2.1", 80)])
def test_http_is_answered_from_where_it_was_asked(
    guest: NetClient, address: str, port: int
) -> None:
    guest.wire.serve_http(guest.port, [], lambda *_: Service(b""))
    (frame,) = guest.send(bytes(tcp(guest, address, port, flags="S")))
    came = right(frame)
    assert mac_bytes(came.src) == SERVER_MAC
    assert (came[layers.IP].src, came[layers.TCP].sport) == (address, port)
    assert (str(came[layers.TCP].flags), came[layers.TCP].ack) == ("SA", 2)


@pytest.mark.parametrize("http", [True, False])
@pytest.mark.parametrize(
    ("port", "why"),
    [
        (443, "HTTPS is served with --https-cert"),
        (8443, "HTTPS is served with --https-cert"),
        (2049, "no HTTP is expected there, and nothing else is served"),
    ],
)
def test_connection_to_a_port_of_another_protocol_is_refused_and_told(
    guest: NetClient, port: int, why: str, http: bool
) -> None:
    if http:
        guest.wire.serve_http(guest.port, [], lambda *_: Service(b""))
    asked = bytes(tcp(guest, ELSEWHERE, port, flags="S"))
    ((there, frame),) = guest.wire.receive(guest.port, asked, 2.0)
    assert there == guest.port
    assert str(right(frame)[layers.TCP].flags) == "RA"
    (refused,) = guest.events(NetEventKind.HTTP_REFUSED)
    told = f"the connection to port {port} was refused: {why}"
    assert (refused.text, refused.at) == (told, ELSEWHERE)


def test_uefi_that_boots_over_http_is_answered_as_one(guest: NetClient) -> None:
    http = b"HTTPClient:Arch:00016:UNDI:003001"
    ack = guest.lease(vendor_class=http, architecture=b"\0\x10")
    assert ack.options[DhcpOption.VENDOR_CLASS] == b"HTTPClient"
    assert ack.boot_file == "boot.ipxe"
    assert guest.events(NetEventKind.ACK)[-1].text == "10.0.2.15"


def test_file_that_came_over_http_is_one_that_was_fetched() -> None:
    rules = (BootRule("menu.ipxe", after="ipxe.efi"), BootRule("http://10.0.2.1/ipxe.efi"))
    guest = NetClient(wire_with({"ipxe.efi": b"0123456789"}, rules=rules))
    assert guest.lease().boot_file == "http://10.0.2.1/ipxe.efi"
    transfers = [HttpTransfer("ipxe.efi", 10, 1, 0, 1.0, 1.0, written=10, outcome="written")]
    guest.wire.serve_http(guest.port, transfers, lambda *_: Service(b"0123456789"))
    (frame,) = guest.send(bytes(tcp(guest, "10.0.2.1", 80, flags="S")))
    begins = right(frame)[layers.TCP].seq + 1
    guest.send(bytes(tcp(guest, "10.0.2.1", 80, flags="A", ack=begins)))
    assert guest.lease().boot_file == "http://10.0.2.1/ipxe.efi"
    guest.send(bytes(tcp(guest, "10.0.2.1", 80, flags="A", ack=begins + 10)))
    assert guest.lease().boot_file == "menu.ipxe"
