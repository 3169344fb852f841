"""Segments of TCP against scapy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootharness.formats.ipv6 import Packet
from bootharness.network.tcp import ACK, RESET, SYN, Head, Segment

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")
MACS = bytes.fromhex("525400123401") + bytes.fromhex("52550a000201")


def frame(data: bytes = b"", **fields: object) -> bytes:
    """Return a frame from the HTTP server to a guest."""
    return bytes(
        layers.Ether(src="52:55:0a:00:02:02", dst="52:54:00:12:34:01")
        / layers.IP(src="10.0.2.100", dst="10.0.2.15")
        / layers.TCP(sport=80, dport=5000, **{"seq": 1000, "ack": 7, "flags": "A", **fields})
        / layers.Raw(data)
    )


def valid(answer: bytes) -> object:
    """Return a frame as scapy sees it; its checksums are right."""
    fresh = layers.Ether(answer)
    del fresh[layers.TCP].chksum
    if layers.IP in fresh:
        del fresh[layers.IP].chksum
    assert bytes(fresh) == answer
    return layers.Ether(answer)


@settings(max_examples=30)
@given(st.binary(max_size=1400), st.integers(0, 2**32 - 1))
def test_segment_is_what_scapy_sent(data: bytes, sequence: int) -> None:
    sent = frame(
        data, seq=sequence, window=99, options=[("MSS", 1460), ("NOP", None), ("WScale", 7)]
    )
    segment = Segment.parse(sent.ljust(60, b"\0"))
    assert segment
    assert (segment.sequence, segment.acknowledged, segment.payload) == (sequence, 7, data)
    assert (segment.source_port, segment.target_port, segment.window) == (80, 5000, 99)
    assert segment.options == bytes.fromhex("020405b4 01 030307")


def test_segment_over_ipv6_is_what_scapy_sent() -> None:
    sent = bytes(
        layers.Ether(src="52:55:0a:00:02:02", dst="52:54:00:12:34:01")
        / layers.IPv6(src="fd00:2::f", dst="fd00:2::1")
        / layers.TCP(sport=5000, dport=80, seq=5, ack=6, flags="PA")
        / layers.Raw(b"GET")
    )
    segment = Segment.parse6(Packet.parse(sent))
    assert segment
    assert (segment.sequence, segment.acknowledged, segment.payload) == (5, 6, b"GET")
    assert Segment.parse6(Packet.parse(sent)._replace(protocol=17)) is None


@settings(max_examples=60)
@given(
    st.binary(max_size=1460),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.sampled_from([b"", bytes.fromhex("020405b4"), bytes.fromhex("020405b401030300")]),
    st.booleans(),
)
def test_what_is_built_is_what_scapy_reads(
    data: bytes, sequence: int, acknowledged: int, options: bytes, over_ipv6: bool
) -> None:
    source, target = (
        (bytes(15) + b"\1", bytes(15) + b"\2") if over_ipv6 else (b"\n\0\2\1", b"\n\0\2\x0f")
    )
    head = Head(MACS, source, target, (80, 5000))
    for _ in range(2):
        made = head.frame(sequence, acknowledged, ACK, 65535, data, options)
        seen = valid(made)
        tcp = seen[layers.TCP]  # type: ignore[index]
        assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack) == (80, 5000, sequence, acknowledged)
        assert (bytes(tcp.payload), tcp.window) == (data, 65535)


def test_refusal_answers_a_syn_as_a_closed_port_does() -> None:
    segment = Segment.parse(frame(flags="S", seq=99, ack=0))
    assert segment
    assert segment.flags & SYN
    seen = valid(segment.refused())
    assert (seen.dst, seen[layers.IP].dst) == ("52:55:0a:00:02:02", "10.0.2.100")  # type: ignore[attr-defined,index]
    tcp = seen[layers.TCP]  # type: ignore[index]
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack, str(tcp.flags)) == (5000, 80, 0, 100, "RA")
    assert int(tcp.flags) & RESET


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(data: bytes) -> None:
    for raw in (data, frame()[:34] + data, frame()[:46] + data):
        segment = Segment.parse(raw)
        if segment:
            assert valid(segment.refused())
    packet = Packet(MACS[:6], MACS[6:], 6, bytes(16), bytes(16), data)
    if segment := Segment.parse6(packet):
        assert valid(segment.refused())
