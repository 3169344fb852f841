"""The comparison of two accounts: every difference that could be is found."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis.agreement import disagreement
from bootharness.formats.bioscall import BiosCall
from tests.support.traces import move, read, registers, teletype

CALLS = [read(2048, 4), read(2052, 127), move(0x100000), *teletype("ok")]


def test_same_calls_agree() -> None:
    assert disagreement(CALLS, CALLS) is None


def test_what_only_one_looks_at_is_not_compared() -> None:
    unseen = [replace(call, registers_out=None, returned_at=None) for call in CALLS]
    assert disagreement(CALLS, unseen) is None
    mode = BiosCall(0x10, 0x03, registers(), None, 0, None)
    assert disagreement(CALLS, [*CALLS, mode]) is None
    for poll in (0x01, 0x11):
        polled = BiosCall(0x16, poll, registers(), None, 0, None)
        assert disagreement(CALLS, [*CALLS, polled]) is None


def test_key_that_only_one_saw_read_is_a_difference() -> None:
    key = BiosCall(0x16, 0x00, registers(), None, 0, None)
    assert "only gdb saw call 5: " in (disagreement(CALLS, [*CALLS, key]) or "")


@pytest.mark.parametrize("known", ["the recorder", "gdb", "both"])
def test_of_a_packet_the_bios_changed_as_the_read_failed_only_the_sector_is_compared(
    known: str,
) -> None:
    failed, none_read = read(2052, 127, status=4), read(2052, 0, status=4)
    if known == "gdb":
        failed = replace(failed, registers_out=None)
    elif known == "the recorder":
        none_read = replace(none_read, registers_out=None)
    assert disagreement([failed], [none_read]) is None
    elsewhere = replace(none_read, packet=read(2053, 127).packet)
    assert disagreement([failed], [elsewhere]) == (
        "call 0: the packet is 2052 for the recorder and 2053 for gdb"
    )


def test_packets_of_a_read_that_worked_are_compared_whole() -> None:
    words = disagreement([read(2052, 127)], [read(2052, 126)]) or ""
    assert words.startswith("call 0: the packet is ")
    assert "126" in words


def test_drive_counts_only_where_one_is_named() -> None:
    first, second = ([replace(CALLS[3], registers_in=registers(edx=dx))] for dx in (1, 2))
    assert disagreement(first, second) is None


def test_move_whose_table_one_could_not_read_is_a_difference() -> None:
    words = disagreement(CALLS, changed(2, table_hex="")) or ""
    assert words.startswith("call 2: the block move is 0x020000 to 0x100000, 32512 words, 0000")
    assert words.endswith(" for the recorder and None for gdb")


def changed(index: int, **fields: object) -> list[BiosCall]:
    return [replace(call, **fields) if at == index else call for at, call in enumerate(CALLS)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (CALLS[:-1], "only the recorder saw call 4"),
        ([*CALLS, read(1, 1)], "only gdb saw call 5"),
        (CALLS[1:], "call 0: the packet"),
        (changed(1, function=0x02), "call 1: the service"),
        (changed(1, registers_in=registers(edx=0x81, ip=0x7D41)), "call 1: the drive"),
        (changed(1, registers_in=registers(edx=0x80, ip=0x7D40)), "call 1: the caller"),
        (changed(1, packet=read(2053, 127).packet), "call 1: the packet"),
        (changed(2, table_hex=move(0x100010).table_hex), "call 2: the block move"),
        (changed(2, registers_in=registers(ecx=1, ip=0x7D18)), "call 2: the block move"),
        (changed(1, registers_out=registers(flags=1, eax=0x400)), "call 1: the recorder says ok"),
    ],
)
def test_each_difference_is_found(other: list[BiosCall], words: str) -> None:
    assert words in (disagreement(CALLS, other) or "")
