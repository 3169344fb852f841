"""Bytes that nobody has to read: which part of which file, or of what else, lies where."""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from weakref import finalize

from msgspec import Struct

__all__ = ["ZEROS", "Bytes", "File", "Piece", "PieceMap", "Repeated", "Source", "file_source"]

_LONGEST_FILE = (1 << 63) - 1


class Source(Protocol):
    """Bytes by their offset. Two pieces are known to be equal when they have the same source
    object and the same offset; so a source never changes."""

    def read(self, start: int, size: int) -> bytes:
        """Return ``size`` bytes from ``start`` on, zeros behind the end."""


class Bytes:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, start: int, size: int) -> bytes:
        if not start and size == len(self.data):
            return self.data
        return self.data[start : start + size].ljust(size, b"\0")


class File:
    """A file, open as long as somebody holds this object. It is not mapped into memory: a
    build that truncates it would end us."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finalize(self, os.close, self.fd)

    def read(self, start: int, size: int) -> bytes:
        # a damaged table says of offsets that no file can have
        found = os.pread(self.fd, size, start) if start + size <= _LONGEST_FILE else b""
        return found.ljust(size, b"\0")


def file_source(path: Path) -> File:
    """Return a file as a source: the same object as long as the file is the same."""
    status = path.stat()
    return _file(path, status.st_ino, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _file(path: Path, _inode: int, _mtime_ns: int, _size: int) -> File:
    return File(path)


class Repeated:
    """A beginning, and behind it one run of bytes over and over."""

    def __init__(self, beginning: bytes, period: bytes) -> None:
        self._beginning = beginning
        self.period = period

    def read(self, start: int, size: int) -> bytes:
        head = self._beginning[start : start + size]
        if len(head) == size:
            return head
        skip = max(start - len(self._beginning), 0) % len(self.period)
        rest = size - len(head)
        return head + (self.period * (1 + (skip + rest) // len(self.period)))[skip : skip + rest]


class _Zeros:
    def read(self, start: int, size: int) -> bytes:
        return bytes(size)


ZEROS: Source = _Zeros()
"""What lies where nothing was put; no two of its pieces are told apart."""


class Piece(Struct, frozen=True):
    """``size`` bytes of a source, from offset ``start`` on."""

    source: Source
    start: int
    size: int

    @classmethod
    def of(cls, data: bytes) -> "Piece":
        """Return bytes as a piece."""
        return cls(Bytes(data), 0, len(data))

    def cut(self, offset: int, size: int) -> "Piece":
        """Return a part of this piece."""
        if size == self.size:
            return self
        return Piece(self.source, 0 if self.source is ZEROS else self.start + offset, size)

    def read(self) -> bytes:
        """Return the bytes."""
        return self.source.read(self.start, self.size)


class PieceMap:
    """Pieces by address; a later one covers what of earlier ones lies below it."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[Piece] = []

    def put(self, address: int, piece: Piece) -> None:
        """Let a piece lie at an address."""
        if not piece.size:
            return
        end = address + piece.size
        first = bisect_right(self._starts, address)
        if first and self._end(first - 1) > address:
            first -= 1
        last = bisect_left(self._starts, end, first)
        kept: list[tuple[int, Piece]] = []
        if first < last:
            start, old = self._starts[first], self._pieces[first]
            if start < address:
                kept.append((start, old.cut(0, address - start)))
        elif first and self._end(first - 1) == address:  # right behind another: perhaps one
            before = self._pieces[first - 1]
            if before.source is piece.source and before.start + before.size == piece.start:
                self._pieces[first - 1] = Piece(
                    piece.source, before.start, before.size + piece.size
                )
                return
        kept.append((address, piece))
        if first < last:
            start, old = self._starts[last - 1], self._pieces[last - 1]
            if start + old.size > end:
                kept.append((end, old.cut(end - start, start + old.size - end)))
        self._starts[first:last] = [start for start, _ in kept]
        self._pieces[first:last] = [each for _, each in kept]

    def pieces(self, address: int, size: int) -> Iterator[Piece]:
        """Yield what lies in a range, zeros where nothing was put."""
        end = address + size
        index = bisect_right(self._starts, address) - 1
        if index < 0 or self._end(index) <= address:
            index += 1
        while address < end:
            start = self._starts[index] if index < len(self._starts) else end
            if start > address:
                gap = min(start, end) - address
                yield Piece(ZEROS, 0, gap)
                address += gap
                continue
            piece = self._pieces[index]
            offset = address - start
            taken = min(piece.size - offset, end - address)
            yield piece.cut(offset, taken)
            address += taken
            index += 1

    def read(self, address: int, size: int) -> bytes:
        """Return the bytes of a range."""
        return b"".join(piece.read() for piece in self.pieces(address, size))

    def __iter__(self) -> Iterator[tuple[int, Piece]]:
        """Yield every address and what was put there, upwards."""
        return iter(zip(self._starts, self._pieces, strict=True))

    def _end(self, index: int) -> int:
        return self._starts[index] + self._pieces[index].size
