"""The recorder's log, against bytes put together by hand."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.formats.record import Decoder, Pairing
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.machine.rom import return_addresses

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


OWN = record("C", 0x15, 0x88)
TEXT = b"loader: hello, reading the CHIRP of it\r\n"


@pytest.mark.parametrize("text", [TEXT, b"X" * 100, b"\0" * 200])
@pytest.mark.parametrize("step", [1, 17, 4096])
def test_what_a_guest_writes_to_the_port_is_passed_over(text: bytes, step: int) -> None:
    log = text + OWN + text + text + record("R", 0x15, 0x88)
    decoder = Decoder()
    found = [each for at in range(0, len(log), step) for each in decoder.feed(log[at : at + step])]
    assert [(each.tag, each.function) for each in found] == [("C", 0x88), ("R", 0x88)]
    assert decoder.foreign_bytes == 3 * len(text)


def test_forged_record_is_known_by_its_return_address() -> None:
    own = bytearray(OWN)
    own[40:42] = (0x19).to_bytes(2, "little")
    decoder = Decoder(frozenset((0x19,)))
    assert [each.tag for each in decoder.feed(OWN * 3 + own + OWN)] == ["C"]
    assert decoder.foreign_bytes >= 3 * len(OWN)
    assert len(Decoder().feed(OWN * 3 + own)) == 4


def test_addresses_of_the_recorder_itself_are_in_its_records() -> None:
    rom = assemble_flat(shipped("mbr/recorder.asm"))
    addresses = return_addresses(rom)
    for at in addresses:  # behind a call, all of them of the same place
        assert rom[at - 3] == 0xE8
    assert (
        len({(at + int.from_bytes(rom[at - 2 : at], "little")) & 0xFFFF for at in addresses}) == 1
    )
    assert len(addresses) == 13


@given(st.binary(max_size=400))
def test_any_bytes_are_records_or_foreign(log: bytes) -> None:
    decoder = Decoder()
    size = sum(52 + len(each.extra) for each in decoder.feed(log))
    assert size + decoder.foreign_bytes + len(decoder.pending) == len(log)


def test_of_too_many_calls_both_ends_are_kept() -> None:
    pairing, decoder, many = Pairing(), Decoder(), 200_000
    for at in range(0, many, 1000):
        log = b"".join(record("C", 0x13, 0x02, time=time) for time in range(at, at + 1000))
        pairing.feed(decoder.feed(log))
    kept = [int(call.called_at) for call in pairing.calls(float)]
    assert pairing.total == many == len(kept) + pairing.left_out
    assert kept[:15_000] == list(range(15_000))
    assert kept[-15_000:] == list(range(many - 15_000, many))
    assert len(kept) < 45_000
    assert pairing.kept(1000) == 1000
    assert kept[pairing.kept(many - 10)] == many - 10
    assert pairing.kept(100_000) == 15_000


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
