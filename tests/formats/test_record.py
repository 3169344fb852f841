"""The recorder's log, against bytes put together by hand."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.errors import FormatError
from bootharness.formats.record import Decoder, Pairing

PACKET = struct.pack("<BBHHHQ", 16, 0, 127, 0, 0x2000, 2092)


def record(
    tag: str,
    number: int,
    function: int,
    *,
    time: int = 0,
    ip: int = 0x7D41,
    flags: int = 2,
    extra: bytes = b"",
) -> bytes:
    """Return a record: its general registers are 1 to 8 times 0x11111111, esp 0x7bd2."""
    general = [0x11111111 * number for number in range(1, 9)]
    general[3] = 0x7BD2
    head = struct.pack("<IHH8I", time, 0xE5, 0xD5, *general)
    return head + struct.pack("<HHBBHHH", 0, ord(tag), number, function, ip, 0, flags) + extra


def test_fields_are_where_the_recorder_puts_them() -> None:
    (call,) = Decoder().feed(record("C", 0x13, 0x42, time=7, extra=PACKET))
    registers = call.registers
    assert (call.tag, call.number, call.function, call.ticks) == ("C", 0x13, 0x42, 7)
    assert (registers.es, registers.ds, registers.ip, registers.cs) == (0xE5, 0xD5, 0x7D41, 0)
    # pushed by PUSHAD: edi esi ebp esp ebx edx ecx eax
    names = ("edi", "esi", "ebp", "ebx", "edx", "ecx", "eax")
    values = [getattr(registers, name) // 0x11111111 for name in names]
    assert values == [1, 2, 3, 5, 6, 7, 8]
    # 12 bytes lie between the caller's stack pointer and the PUSHAD
    assert registers.esp == 0x7BDE
    assert call.extra == PACKET


def test_log_may_come_in_any_pieces() -> None:
    log = record("C", 0x13, 0x42, extra=PACKET) + record("R", 0x13, 0x42)
    whole = Decoder().feed(log)
    decoder = Decoder()
    pieces = [found for byte in log for found in decoder.feed(bytes([byte]))]
    assert pieces == whole
    assert len(whole) == 2


def test_table_timer_and_segments_belong_to_their_records() -> None:
    table = bytes(range(48))
    log = (
        record("C", 0x15, 0x87, extra=table)
        + record("C", 0x19, 0, extra=b"\x01\x02\x03\x04")
        + record("H", 0x01, 0, extra=struct.pack("<HHH", 0x1000, 0xF5, 0x65))
        + record("I", 0, 0, extra=b"\xff\xff\xff\xff")
        + record("C", 0x15, 0x88)
    )
    move, bootstrap, handoff, installed, size = Decoder().feed(log)
    assert move.table_hex == table.hex()
    assert bootstrap.pm_timer == 0x030201  # 24 bits of it count
    assert (handoff.registers.ss, handoff.registers.fs, handoff.registers.gs) == (
        0x1000, 0xF5, 0x65,
    )  # fmt: skip
    assert handoff.exact
    assert installed.pm_timer is None  # there is no such timer
    assert size.extra == b""


def test_time_counts_on_when_the_counter_wraps() -> None:
    log = record("C", 0x15, 0x88, time=0xFFFFFFF0) + record("R", 0x15, 0x88, time=0x10)
    first, second = Decoder().feed(log)
    assert second.ticks - first.ticks == 0x20


def test_damaged_log_is_an_error_with_its_place() -> None:
    decoder = Decoder()
    decoder.feed(record("C", 0x15, 0x88))
    with pytest.raises(FormatError, match="byte 52 of the log"):
        decoder.feed(record("C", 0x15, 0x88)[::-1])


@given(st.binary(max_size=400))
def test_any_bytes_are_records_or_an_error(log: bytes) -> None:
    with suppress(FormatError):
        Decoder().feed(log)


def calls(log: bytes) -> list[tuple[int, int, bool]]:
    pairing = Pairing()
    pairing.feed(Decoder().feed(log))
    return [
        (call.number, call.function, call.registers_out is not None)
        for call in pairing.calls(float)
    ]


def test_calls_get_their_returns() -> None:
    log = record("C", 0x13, 0x42, extra=PACKET) + record("R", 0x13, 0x42, flags=3)
    pairing = Pairing()
    pairing.feed(Decoder().feed(log))
    (call,) = pairing.calls(float)
    assert call.packet
    assert (call.packet.lba, call.packet.sectors, call.packet.buffer) == (2092, 127, 0x20000)
    assert call.failed


def test_call_inside_a_call_is_its_own() -> None:
    # a keyboard interrupt comes in while a key is waited for
    log = (
        record("C", 0x16, 0x00)
        + record("C", 0x15, 0x4F, ip=0x100)
        + record("R", 0x15, 0x4F, ip=0x100)
        + record("R", 0x16, 0x00)
    )
    assert calls(log) == [(0x16, 0, True), (0x15, 0x4F, True)]


def test_call_that_did_not_return_stays_open() -> None:
    log = (
        record("C", 0x19, 0, ip=1, extra=bytes(4))
        + record("C", 0x13, 0x02, ip=2)
        + record("R", 0x13, 0x02, ip=2)
        + record("C", 0x15, 0x87, ip=3, extra=bytes(48))
    )
    assert calls(log) == [(0x19, 0, False), (0x13, 2, True), (0x15, 0x87, False)]
