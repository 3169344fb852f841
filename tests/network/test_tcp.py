"""Segments and flows of TCP against scapy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootharness.network.files import FileTable
from bootharness.network.http_server import HttpTransfer
from bootharness.network.tcp import RESET, SYN, Flow, Segment
from bootharness.network.wire import Wire
from bootharness.plan.fault import Faults

layers = pytest.importorskip("scapy.all", reason="scapy is not installed")


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
    del fresh[layers.IP].chksum, fresh[layers.TCP].chksum
    assert bytes(fresh) == answer
    return layers.Ether(answer)


@settings(max_examples=30)
@given(st.binary(max_size=1400), st.integers(0, 2**32 - 1))
def test_segment_is_what_scapy_sent(data: bytes, sequence: int) -> None:
    sent = frame(data, seq=sequence, options=[("MSS", 1460), ("NOP", None), ("WScale", 7)])
    segment = Segment.parse(sent.ljust(60, b"\0"))
    assert segment
    assert (segment.sequence, segment.acknowledged, segment.size) == (sequence, 7, len(data))
    assert (segment.source_port, segment.target_port) == (80, 5000)


def test_refusal_answers_a_syn_as_a_closed_port_does() -> None:
    segment = Segment.parse(frame(flags="S", seq=99, ack=0))
    assert segment
    assert segment.flags & SYN
    seen = valid(segment.refused())
    assert (seen.dst, seen[layers.IP].dst) == ("52:55:0a:00:02:02", "10.0.2.100")  # type: ignore[attr-defined,index]
    tcp = seen[layers.TCP]  # type: ignore[index]
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack, str(tcp.flags)) == (5000, 80, 0, 100, "RA")


def test_connection_is_broken_off_where_it_stands() -> None:
    segment = Segment.parse(frame(b"data"))
    assert segment
    seen = valid(segment.broken_off())
    tcp = seen[layers.TCP]  # type: ignore[index]
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack, str(tcp.flags)) == (80, 5000, 1000, 7, "RA")
    assert int(tcp.flags) & RESET


@pytest.mark.parametrize("begins", [1000, 2**32 - 5])
def test_flow_counts_what_arrived_over_the_wrap(begins: int) -> None:
    flow = Flow(begins)
    for at, data in ((0, b"x" * 10), (10, b"y" * 20), (0, b"x" * 10)):
        segment = Segment.parse(frame(data, seq=(begins + at) % 2**32))
        assert segment
        flow.pass_on(segment)
    assert flow.passed == 30
    flow.acknowledge((begins + 10) % 2**32)
    assert flow.arrived == 10
    flow.acknowledge((begins + 31) % 2**32)  # the end of the connection counts as a byte
    assert flow.arrived == 30
    flow.acknowledge((begins - 1) % 2**32)
    flow.acknowledge(begins)
    assert flow.arrived == 30


def test_card_with_little_room_gets_what_it_has_room_for() -> None:
    begins, size = 2**32 - 3000, 1460
    flow = Flow(begins, room=4)

    def hold(number: int, data: bytes = b"x" * size, **fields: object) -> None:
        raw = frame(data, seq=(begins + number * size) % 2**32, **fields)
        segment = Segment.parse(raw)
        assert segment
        flow.hold(segment, raw)

    def passed() -> list[int]:
        numbers = []
        while goes := flow.next():
            numbers.append(((goes[0].sequence - begins) % 2**32) // size)
        return numbers

    for number in range(8):
        hold(number)
    hold(8, b"", flags="FA")
    assert passed() == [0, 1, 2, 3]
    flow.acknowledge((begins + size) % 2**32)
    assert passed() == [4]
    hold(1)  # it was lost, and is sent again
    assert passed() == [1]
    flow.acknowledge((begins + 5 * size) % 2**32)
    assert passed() == [5, 6, 7, 8]


@pytest.mark.parametrize("room", [None, 4])
def test_nothing_waits_for_a_card_that_has_all(room: int | None) -> None:
    flow = Flow(1000, room)
    raw = frame(b"x" * 9000)
    segment = Segment.parse(raw)
    assert segment
    flow.hold(segment, raw)
    assert flow.next() == (segment, raw)
    assert flow.next() is None


def on_the_wire(*faults: str, ring: int | None = None) -> tuple[Wire, int]:
    """Return a wire whose guest has asked for boot.ipxe over HTTP, and the guest's port."""
    files = FileTable({"boot.ipxe": b"#!ipxe\n" * 4})
    wire = Wire(files, (), Faults.parse(faults), ring=ring)
    port = wire.plug()
    wire.connect_uplink(port, [HttpTransfer("boot.ipxe", 28, 0, 1.0, 1.0)])
    asks = (
        layers.Ether(src="52:54:00:12:34:01", dst="52:55:0a:00:02:01")
        / layers.IP(src="10.0.2.15", dst="10.0.2.100")
        / layers.TCP(sport=5000, dport=80, flags="S")
    )
    wire.receive(port, bytes(asks), 1.0)
    wire.receive(-port, frame(flags="SA", seq=999), 1.0)
    return wire, port


@pytest.mark.parametrize(("room", "passed"), [(4, 4), (None, 8)])
def test_wire_keeps_back_what_a_card_has_no_room_for(room: int | None, passed: int) -> None:
    wire, port = on_the_wire(ring=room)
    out = []
    for number in range(8):
        out += wire.receive(-port, frame(b"x" * 1460, seq=1000 + 1460 * number), 1.0)
    assert len(out) == passed


@pytest.mark.parametrize(("bytes_", "reset"), [(5, True), (27, True), (28, False)])
def test_wire_resets_a_response_that_fits_a_segment(bytes_: int, reset: bool) -> None:
    wire, port = on_the_wire(f"http-reset:file=boot.ipxe,bytes={bytes_}")
    ((_, answer),) = wire.receive(-port, frame(b"#!ipxe\n" * 4), 1.0)
    segment = Segment.parse(answer)
    assert segment
    assert bool(segment.flags & RESET) is reset


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(data: bytes) -> None:
    for raw in (data, frame()[:34] + data):
        segment = Segment.parse(raw)
        if segment:
            segment.refused()
            segment.broken_off()
            Flow(segment.sequence).pass_on(segment)
