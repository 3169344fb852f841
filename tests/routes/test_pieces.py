"""A kernel in pieces, put together from what was read and what lies in memory."""

from random import Random

from bootharness.kernels.content import Bytes
from bootharness.routes.pieces import pieces

UNIT = 512
CONTENT = Random(1).randbytes(64 * UNIT)
DISK = Bytes(CONTENT)


def part(first: int, end: int) -> bytes:
    return CONTENT[first * UNIT : end * UNIT]


def units(*spans: tuple[int, int]) -> tuple[range, ...]:
    return tuple(range(first * UNIT, end * UNIT) for first, end in spans)


def test_file_in_one_piece() -> None:
    assert pieces(DISK, 4 * UNIT, part(4, 20), units((4, 20))) == units((4, 20))


def test_file_in_three_pieces_of_which_the_last_is_no_whole_unit() -> None:
    placed = part(4, 10) + part(30, 40) + part(20, 22)[:-100]
    read = units((4, 10), (50, 51), (30, 40), (20, 22))
    found = pieces(DISK, 4 * UNIT, placed, read)
    assert found
    assert found[:2] == units((4, 10), (30, 40))
    assert b"".join(CONTENT[each.start : each.stop] for each in found) == placed


def test_piece_that_begins_in_the_middle_of_a_read() -> None:
    assert pieces(DISK, 0, part(0, 2) + part(33, 35), units((0, 2), (30, 40))) == units(
        (0, 2), (33, 35)
    )


def test_what_was_not_read_is_no_piece() -> None:
    assert pieces(DISK, 0, part(0, 2) + part(33, 35), units((0, 2))) is None


def test_byte_that_differs_is_in_no_piece() -> None:
    placed = bytearray(part(0, 2) + part(30, 40))
    placed[5 * UNIT + 3] ^= 1
    assert pieces(DISK, 0, bytes(placed), units((0, 2), (30, 40))) is None


def test_zeros_that_were_read_somewhere_do_not_stand_for_what_is_missing() -> None:
    disk = Bytes(part(0, 8) + bytes(8 * UNIT))
    placed = part(0, 4) + bytes(4 * UNIT)
    assert pieces(disk, 0, placed, units((0, 4), (8, 16))) is None
