"""IPv6 frames against scapy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootharness.errors import FormatError
from bootharness.formats.dhcp6 import Dhcp6Message
from bootharness.formats.ethernet import Datagram, mac_bytes
from bootharness.formats.ipv6 import (
    Packet,
    advertise_router,
    answering,
    link_local,
    neighbour_answer,
    parse_udp6,
)

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")
MAC, GUEST_MAC = "52:55:0a:00:02:01", "52:54:00:12:34:01"
SERVER, GUEST = "fd00:2::1", "fd00:2::f"


def packet(body: object, **addresses: str) -> Packet:
    ends = {"src": GUEST, "dst": SERVER, **addresses}
    return Packet.parse(bytes(layers.Ether(src=GUEST_MAC, dst=MAC) / layers.IPv6(**ends) / body))


def right(frame: bytes, layer: str) -> object:
    """Return a frame as scapy sees it; the checksum of this layer is right."""
    fresh = layers.Ether(frame)
    field = "cksum" if layer.startswith("ICMPv6") else "chksum"
    assert getattr(fresh[layer], field)
    fresh[layer].delfieldval(field)
    assert bytes(fresh) == frame
    return layers.Ether(frame)


@settings(max_examples=30)
@given(st.binary(max_size=1440))
def test_datagram_is_answered_with_a_checksum(data: bytes) -> None:
    asked = parse_udp6(packet(layers.UDP(sport=2000, dport=69) / b"ask"))
    assert asked.payload == b"ask"
    seen = right(answering(asked, mac_bytes(MAC), 5000).frame(data), "UDP")
    assert (seen["IPv6"].src, seen["IPv6"].dst) == (SERVER, GUEST)  # type: ignore[index]
    assert (seen["UDP"].sport, seen["UDP"].dport) == (5000, 2000)  # type: ignore[index]
    assert bytes(seen["UDP"].payload)[: len(data)] == data  # type: ignore[index]


def test_datagram_over_ipv4_is_answered_over_that() -> None:
    asked = Datagram(b"a" * 6, b"b" * 6, b"\1\2\3\4", b"\5\6\7\x08", 1, 2, b"")
    assert answering(asked, b"b" * 6, 9).frame(b"x")[12:15] == b"\x08\0\x45"


def test_router_says_that_addresses_come_from_dhcp() -> None:
    seen = right(
        advertise_router(mac_bytes(MAC), link_local(b"x" * 6)),
        "ICMPv6 Neighbor Discovery - Router Advertisement",
    )
    told = seen["ICMPv6 Neighbor Discovery - Router Advertisement"]  # type: ignore[index]
    assert (told.M, told.O, told.routerlifetime) == (1, 1, 3600)
    prefix = seen["ICMPv6 Neighbor Discovery Option - Prefix Information"]  # type: ignore[index]
    assert (prefix.prefixlen, prefix.L, prefix.A) == (64, 1, 0)


def test_neighbours_are_told_of_our_addresses_and_of_no_others() -> None:
    own = (layers.IPv6(src=SERVER).build()[8:24],)
    asked = packet(layers.ICMPv6ND_NS(tgt=SERVER))
    answer = neighbour_answer(asked, mac_bytes(MAC), own)
    assert answer
    seen = right(answer, "ICMPv6 Neighbor Discovery - Neighbor Advertisement")
    assert seen["ICMPv6 Neighbor Discovery Option - Destination Link-Layer Address"].lladdr == MAC  # type: ignore[index]
    assert neighbour_answer(packet(layers.ICMPv6ND_NS(tgt=GUEST)), mac_bytes(MAC), own) is None
    doubting = packet(layers.ICMPv6ND_NS(tgt=SERVER), src="::")
    assert neighbour_answer(doubting, mac_bytes(MAC), own) is None


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    head = bytes(layers.Ether(src=GUEST_MAC, dst=MAC) / layers.IPv6(src=GUEST, dst=SERVER))
    for frame in (data, head + data, head[:18] + len(data).to_bytes(2, "big") + head[20:] + data):
        try:
            found = Packet.parse(frame)
            neighbour_answer(found, mac_bytes(MAC), (found.payload[8:24],))
            parse_udp6(found)
        except FormatError:
            pass
    try:
        message = Dhcp6Message.parse(data, b"x" * 6)
        assert isinstance(message.vendor_class, bytes)
        assert isinstance(message.user_classes, tuple)
        assert message.association is None or message.association >= 0
    except FormatError:
        pass
