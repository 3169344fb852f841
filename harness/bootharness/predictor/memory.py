"""Guest memory: bytes below 1 MiB, and above it a map of what was put where.

A kernel of any size is loaded without one byte of it being copied above 1 MiB, as long as
the CPU itself does not reach there; once it does, all of it becomes bytes.
"""

import ctypes
import mmap
from collections.abc import Iterable, Iterator

from unicorn import UC_PROT_ALL, Uc

from bootharness.kernels.content import ZEROS, Piece, PieceMap
from bootharness.predictor.cpu import Cpu
from bootharness.predictor.ending import not_emulated
from bootharness.text import address
from bootharness.trace.handoff import Comparison
from bootharness.trace.proof import compare

__all__ = ["HIGH", "ROM", "Memory"]

ROM = range(0xC0000, 0x100000)
"""The BIOS and option ROMs: what is put there is lost."""

HIGH = 0x100000
_FREE = range(0x500, 0x9FC00)
_VIDEO = 0xA0000
_NOTHING = b"\xff"
_TOP = 1 << 32
_COMPARED_BYTES = _MIB = 1 << 20
# I/O APIC, HPET, local APIC, the BIOS's flash
_DEVICES = 0xFEC00000


class Memory:
    """The memory of one machine, ``size`` bytes of it; addresses are linear.

    ``wrapped`` tells whether the CPU has last gone above 1 MiB with the A20 gate closed.

    Conventional memory is full of the byte ``fill`` until somebody writes to it. It ends at
    ``low_end``, and only video memory comes behind it.
    """

    def __init__(self, cpu: Cpu, size: int, fill: int = 0, low_end: int = _FREE.stop) -> None:
        self.size = size
        self.low = mmap.mmap(-1, HIGH)
        if fill:
            self.low[_FREE.start : _FREE.stop] = bytes((fill,)) * len(_FREE)
        self._gone = range(low_end, _VIDEO) if low_end < _FREE.stop else range(0)
        self._there = (range(_VIDEO if not self._gone else low_end), range(_VIDEO, ROM.start))
        self._cpu = cpu
        self._origin = PieceMap()
        self._placed = PieceMap()
        self._high: mmap.mmap | None = None
        self._behind = self._mapped = False
        self._a20, self.wrapped = True, False
        self._map_low()

    def read_memory(self, linear: int, count: int) -> bytes:
        """Return so many bytes, fewer where the memory ends."""
        if linear + count <= HIGH:
            return self.low[linear : linear + count]
        inside = max(min(count, self.size - linear), 0)
        return b"".join(piece.read() for piece in self.pieces(linear, inside))

    def compare_memory(self, linear: int, expected: Piece) -> Comparison:
        """Compare what lies at an address with what should, reading only what may differ."""
        inside = max(min(expected.size, self.size - linear), 0)
        differing, first, at = expected.size - inside, None, 0
        for portion in range(0, inside, _COMPARED_BYTES):
            for piece in self.pieces(linear + portion, min(inside - portion, _COMPARED_BYTES)):
                wanted = expected.cut(at, piece.size)
                if (piece.source, piece.start) != (wanted.source, wanted.start):
                    found = compare(linear + at, wanted.read(), piece.read())
                    differing += found.differing_bytes
                    if first is None and found.first_difference is not None:
                        first = at + found.first_difference
                at += piece.size
        if not differing:
            return Comparison(linear, expected.size)
        at = inside if first is None else first
        wanted_byte, there = expected.cut(at, 1).read()[0], self.read_memory(linear + at, 1)
        return Comparison(
            linear, expected.size, differing, at, wanted_byte, there[0] if there else None
        )

    def pieces(self, linear: int, count: int) -> Iterator[Piece]:
        """Yield what lies in a range, zeros behind the end of memory."""
        if linear + count <= HIGH:
            yield from self._low_pieces(linear, count)
            return
        low = max(HIGH - linear, 0)
        if low:
            yield from self._low_pieces(linear, low)
        yield from self._high_pieces(linear + low, count - low)

    def put(self, linear: int, pieces: Iterable[Piece]) -> None:
        """Put pieces at an address, one behind the other; what is behind the end is lost."""
        for piece in pieces:
            end = linear + piece.size
            if any(linear >= part.start and end <= part.stop for part in self._there):
                self._put_low(linear, piece)
            elif linear < HIGH:
                for part in (*self._there, range(HIGH, self.size)):
                    first, last = max(linear, part.start), min(end, part.stop)
                    if first < last:
                        self.put(first, [piece.cut(first - linear, last - first)])
            elif end <= self.size:
                self._put_high(linear, piece)
            elif linear < self.size:
                self._put_high(linear, piece.cut(0, self.size - linear))
            linear = end

    def write(self, linear: int, data: bytes) -> None:
        """Put bytes at an address."""
        self.put(linear, [Piece.of(data)])

    def poke(self, linear: int, data: bytes) -> None:
        """Put a few bytes below 1 MiB where no code is."""
        if linear + len(data) <= ROM.start and linear not in self._gone:
            self.low[linear : linear + len(data)] = data

    def reached(self, linear: int) -> None:
        """Let the CPU reach an address above 1 MiB: memory, or nothing behind its end.

        Raises Ended for what is not emulated.
        """
        if linear >= _DEVICES:
            raise not_emulated(f"the device at {address(linear)}")
        if linear >= self.size and not self._behind:
            self._behind = True
            self._cpu.uc.mmio_map(
                self.size, _TOP - self.size, _read_nothing, None, _write_nothing, None
            )
        elif linear < self.size and not self._mapped:
            self._mapped = True
            if self._high is None:
                self._high = mmap.mmap(-1, self.size - HIGH)
                for at, piece in self._placed:
                    self._high[at - HIGH : at - HIGH + piece.size] = piece.read()
            self._map_high(self._high)

    def _map_low(self) -> None:
        uc, gone = self._cpu.uc, self._gone
        if not gone:
            uc.mem_map_ptr(0, HIGH, UC_PROT_ALL, _pointer(self.low))
            return
        self.low[gone.start : gone.stop] = _NOTHING * len(gone)
        uc.mem_map_ptr(0, gone.start, UC_PROT_ALL, _pointer(self.low))
        uc.mmio_map(gone.start, len(gone), _read_open_bus, None, _write_nothing, None)
        uc.mem_map_ptr(gone.stop, HIGH - gone.stop, UC_PROT_ALL, _pointer(self.low) + gone.stop)

    def _map_high(self, high: mmap.mmap) -> None:
        """Map what is above 1 MiB; while A20 is closed every odd MiB is the even one below it."""
        self.wrapped = not self._a20
        if self._a20:
            self._cpu.uc.mem_map_ptr(HIGH, self.size - HIGH, UC_PROT_ALL, _pointer(high))
            return
        for at in range(HIGH, self.size, _MIB):
            physical = at & ~_MIB
            pointer = _pointer(high) + physical - HIGH if physical else _pointer(self.low)
            self._cpu.uc.mem_map_ptr(at, _MIB, UC_PROT_ALL, pointer)

    @property
    def a20(self) -> bool:
        """Whether the A20 gate is open: bit 20 of an address counts."""
        return self._a20

    def gate_a20(self, *, opened: bool) -> None:
        """Open or close the A20 gate."""
        if self._a20 != opened and self._mapped:
            self._cpu.uc.mem_unmap(HIGH, self.size - HIGH)
            self._mapped = False
        self._a20 = opened

    def _low_pieces(self, linear: int, count: int) -> Iterator[Piece]:
        for piece in self._origin.pieces(linear, count):
            data = self.low[linear : linear + piece.size]
            # the CPU may have written there since
            intact = piece.source is not ZEROS and piece.read() == data
            yield piece if intact else Piece.of(data)
            linear += piece.size

    def _high_pieces(self, linear: int, count: int) -> Iterator[Piece]:
        if self._high is None:
            yield from self._placed.pieces(linear, count)
            return
        inside = max(min(count, self.size - linear), 0)
        if inside:
            yield Piece.of(self._high[linear - HIGH : linear - HIGH + inside])
        if count > inside:
            yield Piece(ZEROS, 0, count - inside)

    def _put_low(self, linear: int, piece: Piece) -> None:
        end = linear + piece.size
        self.low[linear:end] = piece.read()
        self._cpu.forget(linear, end)  # there may have been code
        self._origin.put(linear, piece)

    def _put_high(self, linear: int, piece: Piece) -> None:
        if self._high is None:
            self._placed.put(linear, piece)
            return
        self._high[linear - HIGH : linear - HIGH + piece.size] = piece.read()
        self._cpu.forget(linear, linear + piece.size)


def _pointer(area: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(area))


def _read_nothing(_uc: Uc, _offset: int, _size: int, _data: object) -> int:
    return 0


def _read_open_bus(_uc: Uc, _offset: int, size: int, _data: object) -> int:
    return (1 << 8 * size) - 1


def _write_nothing(_uc: Uc, _offset: int, _size: int, _value: int, _data: object) -> None:
    """What is written where no memory is, is lost."""
