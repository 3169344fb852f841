"""Frames against scapy, and what must not come through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.errors import FormatError
from bootharness.formats.ethernet import (
    ArpMessage,
    Datagram,
    ReplyHeaders,
    build_udp,
    echo_reply,
    ethertype,
    ip_bytes,
    mac_bytes,
    parse_arp,
    parse_udp,
    router_advertisement,
    solicits_router,
)

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")

OURS, THEIRS = mac_bytes("52:55:0a:00:02:01"), mac_bytes("52:54:00:12:34:01")
SERVER, GUEST = ip_bytes("10.0.2.1"), ip_bytes("10.0.2.15")


@given(st.binary(max_size=1472), st.integers(1, 65535), st.integers(1, 65535))
def test_scapy_reads_our_datagrams(payload: bytes, source: int, target: int) -> None:
    datagram = Datagram(OURS, THEIRS, SERVER, GUEST, source, target, payload)
    frame = build_udp(datagram)
    seen = layers.Ether(frame)
    assert (seen.src, seen.dst) == ("52:55:0a:00:02:01", "52:54:00:12:34:01")
    assert (seen[layers.IP].src, seen[layers.IP].dst) == ("10.0.2.1", "10.0.2.15")
    assert (seen[layers.UDP].sport, seen[layers.UDP].dport) == (source, target)
    assert bytes(seen[layers.UDP].payload) == payload
    rebuilt = layers.Ether(frame)
    del rebuilt[layers.IP].chksum
    assert layers.Ether(bytes(rebuilt))[layers.IP].chksum == seen[layers.IP].chksum
    assert parse_udp(frame) == datagram


@given(st.binary(max_size=1472))
def test_we_read_scapys_datagrams(payload: bytes) -> None:
    packet = (
        layers.Ether(src="52:54:00:12:34:01", dst="ff:ff:ff:ff:ff:ff")
        / layers.IP(src="0.0.0.0", dst="255.255.255.255")
        / layers.UDP(sport=68, dport=67)
        / layers.Raw(payload)
    )
    # Ethernet fills short frames up; that is not payload
    found = parse_udp(bytes(packet).ljust(60, b"\xaa"))
    assert found
    assert found.payload == payload
    assert (found.source_mac, found.target_mac) == (THEIRS, b"\xff" * 6)
    assert (found.source_port, found.target_port) == (68, 67)


def test_reply_headers_turn_the_flow_around() -> None:
    asked = Datagram(THEIRS, OURS, GUEST, SERVER, 2001, 69, b"")
    headers = ReplyHeaders.answering(asked, OURS, 49152)
    for payload in (b"one", b"two", b"longer than that", b""):
        found = parse_udp(headers.frame(payload))
        assert found == Datagram(OURS, THEIRS, SERVER, GUEST, 49152, 2001, payload)


def test_arp_both_ways() -> None:
    asked = layers.Ether(src="52:54:00:12:34:01", dst="ff:ff:ff:ff:ff:ff") / layers.ARP(
        op=1, hwsrc="52:54:00:12:34:01", psrc="10.0.2.15", pdst="10.0.2.1"
    )
    message = parse_arp(bytes(asked))
    assert (message.operation, message.sender_ip, message.target_ip) == (1, GUEST, SERVER)
    answer = layers.Ether(ArpMessage(2, OURS, SERVER, THEIRS, GUEST).build())
    assert (answer.dst, answer[layers.ARP].op) == ("52:54:00:12:34:01", 2)
    assert (answer[layers.ARP].hwsrc, answer[layers.ARP].psrc) == ("52:55:0a:00:02:01", "10.0.2.1")


@given(st.binary(max_size=1400))
def test_ping_is_answered_as_scapy_expects(data: bytes) -> None:
    ping = (
        layers.Ether(src="52:54:00:12:34:01", dst="52:55:0a:00:02:01")
        / layers.IP(src="10.0.2.15", dst="10.0.2.1")
        / layers.ICMP(type=8, id=7, seq=3)
        / layers.Raw(data)
    )
    answer = echo_reply(bytes(ping).ljust(60, b"\0"), OURS, SERVER)
    assert answer
    seen = layers.Ether(answer)
    assert (seen.dst, seen[layers.IP].dst) == ("52:54:00:12:34:01", "10.0.2.15")
    assert (seen[layers.ICMP].type, seen[layers.ICMP].id, seen[layers.ICMP].seq) == (0, 7, 3)
    assert bytes(seen[layers.ICMP].payload) == data
    fresh = layers.Ether(answer)
    del fresh[layers.ICMP].chksum, fresh[layers.IP].chksum
    assert bytes(fresh) == answer
    assert echo_reply(bytes(ping), OURS, GUEST) is None


def test_router_advertisement_is_valid_and_empty() -> None:
    seen = layers.Ether(router_advertisement(OURS))
    assert seen.dst == "33:33:00:00:00:01"
    assert seen[layers.IPv6].dst == "ff02::1"
    assert seen[layers.IPv6].hlim == 255
    advertisement = seen[layers.ICMPv6ND_RA]
    assert advertisement.routerlifetime == 0
    fresh = layers.Ether(bytes(seen))
    del fresh[layers.ICMPv6ND_RA].cksum
    assert bytes(fresh) == bytes(seen)
    asked = layers.Ether() / layers.IPv6(dst="ff02::2") / layers.ICMPv6ND_RS()
    assert solicits_router(bytes(asked))
    assert not solicits_router(bytes(seen))


@pytest.mark.parametrize(
    "change",
    [
        lambda ip: setattr(ip, "frag", 5),
        lambda ip: setattr(ip, "flags", "MF"),
        lambda ip: setattr(ip, "len", 2000),
        lambda ip: setattr(ip, "options", [layers.IPOption(b"\x01\x01\x01\x00")]),
    ],
)
def test_what_cannot_be_a_whole_datagram_is_refused(change) -> None:  # type: ignore[no-untyped-def]
    packet = layers.Ether() / layers.IP(src="10.0.2.15", dst="10.0.2.1") / layers.UDP() / b"data"
    change(packet[layers.IP])
    with pytest.raises(FormatError):
        parse_udp(bytes(packet))


@pytest.mark.parametrize("length", [0, 7, 13, 2000])
def test_impossible_udp_lengths_are_refused(length: int) -> None:
    frame = bytearray(build_udp(Datagram(THEIRS, OURS, GUEST, SERVER, 1, 2, b"data")))
    frame[38:40] = length.to_bytes(2, "big")
    with pytest.raises(FormatError):
        parse_udp(bytes(frame))


@given(st.binary(max_size=100))
def test_any_bytes_are_taken(frame: bytes) -> None:
    ethertype(frame)
    echo_reply(frame, OURS, SERVER)
    solicits_router(frame)
    for parse in (parse_udp, parse_arp):
        try:
            parse(frame)
        except FormatError as error:
            assert str(error)
