"""A proxy beside somebody else's DHCP server: what it names, and what a client's words prove."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootharness.formats.dhcp import DISCOVER, REQUEST, DhcpMessage, DhcpOption
from bootharness.formats.ethernet import (
    BROADCAST_MAC,
    ArpMessage,
    Datagram,
    build_udp,
    ip_bytes,
    mac_bytes,
    parse_arp,
    parse_udp,
)
from bootharness.network.boot_rule import BootRule
from bootharness.network.files import FileTable
from bootharness.network.wire import Wire

PROXY, GIVEN, OTHER = map(ip_bytes, ("192.168.77.250", "192.168.77.20", "192.168.77.1"))
CARD, OTHERS_MAC = mac_bytes("52:54:00:ab:cd:ef"), mac_bytes("02:00:00:00:00:01")
PROXY_MAC = b"\x52\x55" + PROXY
PXE = {DhcpOption.VENDOR_CLASS: b"PXEClient:Arch:00000", DhcpOption.ARCHITECTURE: b"\0\0"}
NOBODY = bytes(4)
EVERYBODY = b"\xff" * 4


@pytest.fixture
def wire() -> Wire:
    wire = Wire(FileTable({"a.0": b"it"}), (BootRule("a.0", pxe=True),), proxy=PROXY)
    assert wire.plug() == 1
    return wire


def said(wire: Wire, kind: int, port: int = 67, **more: object) -> DhcpMessage | None:
    options = {DhcpOption.MESSAGE_TYPE: bytes([kind]), **more.pop("options", PXE)}  # type: ignore[dict-item]
    message = DhcpMessage(1, 7, CARD, options=options, **more)  # type: ignore[arg-type]
    ends = (CARD, BROADCAST_MAC, message.client_ip, EVERYBODY)
    if port != 67:
        ends = (CARD, PROXY_MAC, message.client_ip, PROXY)
    out = wire.receive(1, build_udp(Datagram(*ends, 68, port, message.build())), 1.0)
    if not out:
        return None
    answer = parse_udp(out[0][1])
    assert answer and answer.source_ip == PROXY and answer.source_mac == PROXY_MAC
    return DhcpMessage.parse(answer.payload)


def arp(wire: Wire, sender: bytes, target: bytes) -> list[tuple[int, bytes]]:
    return wire.receive(1, ArpMessage(1, CARD, sender, bytes(6), target).build(), 1.0)


def test_it_names_the_file_and_gives_no_address(wire: Wire) -> None:
    offer = said(wire, DISCOVER)
    assert offer and (offer.your_ip, offer.next_server, offer.boot_file) == (NOBODY, PROXY, "a.0")
    given = {DhcpOption.LEASE_TIME, DhcpOption.SUBNET_MASK, DhcpOption.ROUTER}
    assert not given & set(offer.options)
    taken = PXE | {DhcpOption.SERVER_ID: OTHER, DhcpOption.REQUESTED_IP: GIVEN}
    assert said(wire, REQUEST, options=taken) is None
    assert arp(wire, NOBODY, GIVEN) == []  # whether anybody has it
    kinds = [event.kind for event in wire.events(1)]
    assert kinds == ["link-up", "dhcp-discover", "proxy-offer", "dhcp-offer", "dhcp-request"]
    [(_, answer)] = arp(wire, GIVEN, PROXY)
    assert parse_arp(answer).sender_mac == PROXY_MAC
    last = wire.events(1)[-1]
    assert (last.kind, last.text) == ("dhcp-ack", "192.168.77.20 by another server, 192.168.77.1")
    asked = said(wire, REQUEST, port=4011, client_ip=GIVEN)
    assert asked and asked.boot_file == "a.0"


def test_what_is_for_others_is_left_to_them(wire: Wire) -> None:
    assert said(wire, DISCOVER, options={}) is None  # a kernel that wants an address
    assert arp(wire, GIVEN, OTHER) == []
    asks = b"\0\1a.0\0octet\0"
    elsewhere = Datagram(CARD, OTHERS_MAC, GIVEN, OTHER, 2000, 69, asks)
    assert wire.receive(1, build_udp(elsewhere), 1.0) == []
    assert [event.kind for event in wire.events(1)] == ["link-up", "dhcp-discover"]
    here = Datagram(CARD, PROXY_MAC, GIVEN, PROXY, 2000, 69, asks)
    [(_, data)] = wire.receive(1, build_udp(here), 1.0)
    served = parse_udp(data)
    assert served and served.source_ip == PROXY and served.payload.endswith(b"it")


@settings(max_examples=200)
@given(st.binary(max_size=600), st.sampled_from((67, 4011)))
def test_no_message_harms_it(payload: bytes, port: int) -> None:
    wire = Wire(FileTable({}), (BootRule("a.0"),), proxy=PROXY)
    wire.plug()
    wire.receive(1, build_udp(Datagram(CARD, PROXY_MAC, GIVEN, PROXY, 68, port, payload)), 1.0)
