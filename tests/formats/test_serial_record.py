"""What a recorder sends over a serial line, against bytes put together by hand."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.record import Pairing, Record
from bootharness.formats.serial_record import (
    End,
    Event,
    Installed,
    Memory,
    SerialDecoder,
    Sums,
    Text,
    sums_of,
)

CALLER = struct.pack("<HHBHH", 0, 0x7D41, 0x02, 0, 0x7BDE)
GENERAL = [0x11111111 * number for number in range(1, 9)]
GENERAL[3] = 0x44447BDE
REGISTERS = struct.pack("<HH8I", 0xE5, 0xD5, *GENERAL)
READ = CALLER + struct.pack("<BHHHI", 0x80, 127, 0, 0x2000, 2092)
SOURCE, DESTINATION = (bytes.fromhex(text) for text in ("fffd000002930000", "fffd00fe10930000"))
MOVE = CALLER + struct.pack("<H", 0x7F00) + SOURCE + DESTINATION
OF_THE_BIOS = bytes(range(16)), bytes(range(16, 32))
TABLE = OF_THE_BIOS[0] + SOURCE + DESTINATION + OF_THE_BIOS[1]


class Recorder:
    """Sends as mbr/resident.asm does."""

    def __init__(self) -> None:
        self.chain = self.frames = 0

    def frame(self, kind: int, body: bytes) -> bytes:
        item = bytes((0x1E, kind, self.chain & 0xFF)) + body
        self.chain += 1
        self.frames += 1
        one = two = 0
        for byte in item:
            one += byte
            two += one
        return item + bytes((one & 0xFF, two & 0xFF))

    def short(self, *item: int) -> bytes:
        self.chain += sum(item)
        return bytes(item)

    def installed(self) -> bytes:
        return self.frame(0x80, struct.pack("<BHHB", 1, 0x3F8, 0x9F40, 0x80))

    def end(self) -> bytes:
        return self.frame(0x8A, struct.pack("<I", self.frames + 1))


def boot() -> list[bytes]:
    """Return what is sent of a small boot, item by item."""
    to = Recorder()
    return [
        to.installed(),
        to.frame(0x83, b"\x13\x41" + CALLER + REGISTERS),
        to.frame(0x86, b"\x13\x41" + CALLER + b"\x46" + REGISTERS),
        to.frame(0x81, READ),
        to.short(0x1D, 0xDE),
        to.frame(0x82, MOVE),
        to.short(0x1D, 0xDE),
        to.frame(0x85, b"\x15\x87" + CALLER + REGISTERS + TABLE),
        to.short(0x1D, 0xDE),
        to.frame(0x82, MOVE),
        to.short(0x1D, 0xDE),
        to.frame(0x8B, b"\x10\x0e" + CALLER),
        to.short(0x1F, ord("o")),
        to.short(0x1F, ord("k")),
        to.frame(0x87, b"\x01\x00" + CALLER + b"\x46" + struct.pack("<HH", 7, 8) + REGISTERS),
        to.frame(0x88, struct.pack("<IH", 0x101E0, 4) + b"HdrS"),
        to.frame(0x89, struct.pack("<IIII", 0x100000, 8, 3, 5)),
        to.end(),
    ]


LOG = b"".join(boot())


def calls(events: list[Event]) -> tuple[BiosCall, ...]:
    pairing = Pairing()
    pairing.feed([each for each in events if isinstance(each, Record)])
    return pairing.calls(float)


def damage(decoder: SerialDecoder) -> int:
    return decoder.damaged + decoder.doubtful + decoder.lost


def test_a_boot_is_read_back() -> None:
    decoder = SerialDecoder()
    events = decoder.feed(LOG, 7)
    check, read, move, filled, again, *text = calls(events)
    assert (check.function, check.status, check.registers_in.es) == (0x41, 0x88, 0xE5)
    assert read.packet is not None
    assert (read.packet.lba, read.packet.sectors, read.packet.buffer) == (2092, 127, 0x20000)
    assert (read.registers_in.edx, read.registers_in.ss, read.status_name) == (0x80, 0, "ok")
    assert bytes.fromhex(move.table_hex) == bytes(16) + SOURCE + DESTINATION + bytes(16)
    assert move.registers_in.ecx == 0x7F00
    assert bytes.fromhex(filled.table_hex) == TABLE
    assert bytes.fromhex(again.table_hex) == TABLE  # what the BIOS has filled in stays
    assert [chr(call.registers_in.al) for call in text] == ["o", "k"]
    handoff = next(each for each in events if isinstance(each, Record) and each.tag == "H")
    assert (handoff.exact, handoff.registers.fs, handoff.registers.flags) == (True, 7, 0x246)
    assert Memory(0x101E0, b"HdrS") in events
    assert Sums(0x100000, 8, ((3, 5),)) in events
    assert isinstance(events[0], Installed)
    assert isinstance(events[-1], End)
    assert not damage(decoder)


@given(st.lists(st.integers(1, 400)))
def test_it_may_come_in_any_pieces(sizes: list[int]) -> None:
    decoder, events, at = SerialDecoder(), [], 0
    for size in (*sizes, len(LOG)):
        events += decoder.feed(LOG[at : at + size], 7)
        at += size
    assert events == SerialDecoder().feed(LOG, 7)


def test_text_of_others_is_kept_apart() -> None:
    words = "SeaBIOS (version 1.16)\r\n", "stage1: K\x1b[2J", "Linux ▲ \x1e\x1f\x1d\x1c"
    items = boot()
    log = words[0].encode() + b"".join(items[:6]) + words[1].encode() + b"".join(items[6:])
    decoder = SerialDecoder()
    events = decoder.feed(log + words[2].encode(), 0)
    assert (
        b"".join(each.data for each in events if isinstance(each, Text)) == "".join(words).encode()
    )
    assert calls(events) == calls(SerialDecoder().feed(LOG, 0))
    assert not damage(decoder)


@pytest.mark.parametrize("left_out", range(len(boot())))
def test_what_is_lost_is_noticed(left_out: int) -> None:
    items = boot()
    lost = items.pop(left_out)
    decoder = SerialDecoder()
    decoder.feed(b"".join(items), 0)
    if left_out == 0:  # then nobody knows that there is a recorder
        assert not decoder.recording
    elif lost[1] == 0x8A:
        assert decoder.recording
    else:
        assert damage(decoder)


@given(st.integers(12, len(LOG) - 1), st.integers(1, 255))
def test_a_byte_that_is_changed_is_noticed(at: int, by: int) -> None:
    decoder = SerialDecoder()
    log = bytearray(LOG)
    log[at] ^= by
    decoder.feed(bytes(log), 0)
    assert damage(decoder) or decoder.recording  # or it has no end


@given(st.integers(12, len(LOG) - 1))
def test_a_byte_that_is_lost_is_noticed(at: int) -> None:
    decoder = SerialDecoder()
    decoder.feed(LOG[:at] + LOG[at + 1 :], 0)
    assert damage(decoder) or decoder.recording


@given(st.binary())
def test_any_bytes_are_text_without_a_recorder(data: bytes) -> None:
    decoder = SerialDecoder()
    for each in decoder.feed(data, 0):
        assert isinstance(each, Text)
    assert not damage(decoder)


def test_a_second_recorder_is_seen_after_a_frame_that_was_cut() -> None:
    decoder = SerialDecoder()
    decoder.feed(LOG[:60], 0)
    events = decoder.feed(b"\xff" * 100 + LOG, 0)
    assert any(isinstance(each, Installed) for each in events)
    assert isinstance(events[-1], End)


def test_sums_are_of_the_dwords_of_64_kib() -> None:
    data = struct.pack("<4I", 1, 2, 0xFFFFFFFF, 4)
    assert sums_of(data) == ((6, 1 + 3 + 2 + 6),)
    assert sums_of(data + b"\5") == ((11, 1 + 3 + 2 + 6 + 11),)
    assert len(sums_of(bytes(1 << 16) + b"\1")) == 2


def test_the_gate_at_the_last_call_is_told_in_a_bit_that_flags_has_not() -> None:
    to, decoder = Recorder(), SerialDecoder()
    closed = CALLER[:4] + bytes((CALLER[4] | 0x80,)) + CALLER[5:]
    events = decoder.feed(to.installed() + to.frame(0x81, closed + READ[len(CALLER) :]), 0)
    assert decoder.a20_closed
    assert isinstance(events[1], Record)
    assert events[1].registers.flags == CALLER[4] << 8
    decoder.feed(to.frame(0x81, READ), 1)
    assert not decoder.a20_closed
