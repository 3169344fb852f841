"""The records of the UEFI recorder, as its assembly source writes them."""

import struct

import pytest

from bootharness.formats.uefi_record import Decoder, Record
from bootharness.trace.uefi_calls import CallLog, UefiCall, spans_read
from bootharness.trace.uefi_shell import rests_in_shell

FRAME = "<BBHIQQQ5Q8s"
NOT_FOUND = 1 << 63 | 14


def record(
    kind: str, *values: int, extra: bytes = b"", status: int = 0, ticks: int = 256, caller: int = 0
) -> bytes:
    given = [*values, 0, 0, 0, 0, 0][:5]
    return struct.pack(FRAME, 0xEB, ord(kind), len(extra), 7, ticks, caller, status, *given,
                       b"UEFIcall") + extra  # fmt: skip


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def calls(*records: bytes) -> tuple[UefiCall, ...]:
    log = CallLog()
    log.feed(Decoder().feed(b"".join(records)))
    return log.calls(float)


def test_a_record_is_read_as_it_was_written() -> None:
    data = record("R", 1, 2, 3, 4, 5, status=NOT_FOUND, ticks=0x1234500, caller=9)
    assert Decoder().feed(data) == [Record("R", 0x12345, 7, 9, NOT_FOUND, (1, 2, 3, 4, 5), b"")]


@pytest.mark.parametrize("size", [1, 7, 79, 81])
def test_records_come_in_pieces_of_any_size(size: int) -> None:
    data = record("O", 1, 2, extra=wide("a")) + record("E", 1)
    decoder, found = Decoder(), []
    for at in range(0, len(data), size):
        found += decoder.feed(data[at : at + size])
    assert [each.kind for each in found] == ["O", "E"]
    assert decoder.foreign_bytes == 0


@pytest.mark.parametrize("noise", [b"hello", b"\xebW\xff\xff" + b"UEFIcall" * 20, b"UEFIcall"])
def test_what_others_write_to_the_port_is_passed_over_and_counted(noise: bytes) -> None:
    decoder = Decoder()
    found = decoder.feed(record("E", 1) + noise + record("E", 2) + record("E", 3))
    assert [each.values[0] for each in found] == [1, 2, 3]
    assert decoder.foreign_bytes == len(noise)


def test_what_is_read_has_the_name_under_which_it_was_opened() -> None:
    opened = record("O", 1, 0x10)
    folder = record("O", 0x10, 0x20, extra=wide("\\loader\\entries"))
    file = record("O", 0x20, 0x30, extra=wide("a.conf"))
    read = record("F", 0x30, 100, 60, 0x5000)
    found = calls(opened, folder, file, read)[-1]
    assert (found.service, found.path) == ("Read", "\\loader\\entries\\a.conf")
    assert (found.wanted, found.bytes, found.lies) == (100, 60, range(0x5000, 0x503C))


def test_an_error_has_its_name() -> None:
    (found,) = calls(record("O", 1, 0, extra=wide("\\x"), status=NOT_FOUND))
    assert found.failed
    assert found.error == "Not Found"


def test_the_sectors_that_were_read_are_those_of_the_disk_that_has_so_many() -> None:
    found = calls(
        record("P", 0x1, 0, 512, 99), record("P", 0x2, 0, 2048, 9),
        record("R", 0x1, 10, 1024, 0), record("R", 0x2, 1, 2048, 0), record("R", 0x1, 98, 4096, 0),
    )  # fmt: skip
    assert spans_read(found, 100) == (range(10, 12), range(98, 100))


@pytest.mark.parametrize("prompt", ["Shell> ", "FS0:\\> ", "\r\nFS1:\\EFI\\> "])
def test_a_shell_rests_at_its_prompt(prompt: str) -> None:
    missing = record("O", 1, 0, extra=wide("\\startup.nsh"), status=NOT_FOUND)
    asks = record("W", extra=wide(prompt))
    assert rests_in_shell(calls(missing, asks))
    assert not rests_in_shell(calls(asks, missing))
    assert not rests_in_shell(calls(missing, record("W", extra=wide("Press any key to go on > "))))
    assert not rests_in_shell(())


def test_of_too_many_calls_both_ends_are_kept() -> None:
    log = CallLog()
    for number in range(50_000):
        log.feed([Record("R", number, None, 0, 0, (0, number, 0, 0, 0), b"")])
    kept = log.calls(float)
    assert log.left_out
    assert len(kept) + log.left_out == 50_000
    assert (kept[0].lba, kept[-1].lba) == (0, 49_999)


def test_a_program_may_ask_for_more_memory_than_there_can_be() -> None:
    [asked] = calls(record("A", 0, 0, (1 << 64) - 1, status=1 << 63 | 9))
    assert asked.service == "AllocatePages"
    assert asked.wanted == (1 << 64) - 1  # as a trace may have it
