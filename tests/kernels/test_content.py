"""Pieces against plain bytes: whatever is put where, the same is read."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bootharness.kernels.content import ZEROS, Bytes, File, Piece, PieceMap, Repeated, file_source

SPACE = 200
DATA = Bytes(bytes(range(1, 251)))
puts = st.lists(
    st.tuples(st.integers(0, SPACE - 1), st.integers(0, 249), st.integers(0, 60)), max_size=30
)


@given(puts, st.integers(0, SPACE), st.integers(0, SPACE))
def test_reads_what_a_plain_memory_would(
    writes: list[tuple[int, int, int]], start: int, size: int
) -> None:
    plain, pieces = bytearray(2 * SPACE), PieceMap()
    for address, offset, length in writes:
        piece = Piece(DATA, offset, min(length, 250 - offset))
        pieces.put(address, piece)
        plain[address : address + piece.size] = piece.read()
        ends = 0
        for at, each in pieces:
            assert at >= ends
            ends = at + each.size
            assert each.size
    assert pieces.read(start, size) == bytes(plain[start : start + size])
    assert sum(piece.size for piece in pieces.pieces(start, size)) == size


def test_what_follows_becomes_one_piece() -> None:
    pieces = PieceMap()
    for number in range(20):
        pieces.put(1000 + number * 10, Piece(DATA, number * 10, 10))
    assert list(pieces) == [(1000, Piece(DATA, 0, 200))]
    pieces.put(1200, Piece(DATA, 0, 10))
    assert len(list(pieces)) == 2


def test_gaps_are_zeros() -> None:
    pieces = PieceMap()
    pieces.put(10, Piece.of(b"x"))
    assert [piece.source for piece in pieces.pieces(5, 5)] == [ZEROS]
    assert pieces.read(8, 5) == b"\0\0x\0\0"


@given(st.integers(0, 60), st.integers(0, 60))
def test_repeated(start: int, size: int) -> None:
    whole = b"head" + b"abcde" * 40
    assert Repeated(b"head", b"abcde").read(start, size) == whole[start : start + size]


def test_file_is_the_same_source_as_long_as_it_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = file_source(path)
    assert first is file_source(path)
    assert first.read(1, 4) == b"ne\0\0"
    path.unlink()
    path.write_bytes(b"another")
    assert file_source(path) is not first
    assert file_source(path).read(0, 7) == b"another"
    assert first.read(0, 3) == b"one"  # still open


def test_truncated_file_reads_as_zeros(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes([1]) * 8192)
    source = File(path)
    with path.open("r+b") as file:
        file.truncate(10)
    assert source.read(0, 8192) == bytes([1]) * 10 + bytes(8182)
