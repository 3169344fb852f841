"""Segment descriptors and the block-move table of INT 15h AH=87h.

A descriptor is 64 bits, read high bit to low (Intel SDM Vol. 3A, 3.4.5):

    base_31_24 | g d_b l avl | limit_19_16 | p dpl s type | base_23_0 | limit_15_0
         8         1  1 1  1        4        1  2  1   4       24          16
"""

from functools import lru_cache
from typing import Any, ClassVar, Self

from construct import BitsInteger, BitStruct, ByteSwapped, Flag
from msgspec import Struct

from bootharness.errors import FormatError

__all__ = ["BlockMoveTable", "SegmentDescriptor"]

_LAYOUT = ByteSwapped(
    BitStruct(
        "base_31_24" / BitsInteger(8),
        "g" / Flag,
        "d_b" / Flag,
        "l" / Flag,
        "avl" / Flag,
        "limit_19_16" / BitsInteger(4),
        "p" / Flag,
        "dpl" / BitsInteger(2),
        "s" / Flag,
        "type" / BitsInteger(4),
        "base_23_0" / BitsInteger(24),
        "limit_15_0" / BitsInteger(16),
    )
)
_KIND = ("g", "d_b", "l", "avl", "p", "dpl", "s", "type")


class SegmentDescriptor(Struct, frozen=True):
    """One segment descriptor; any eight bytes can be parsed, right or wrong."""

    base: int
    """The linear address, assembled of its three parts."""
    limit: int
    """The raw 20 bits."""
    access: int
    """The access byte: 0x93 is present, ring 0, data, writable, accessed."""
    g: bool
    """Granularity: the limit counts 4 KiB."""
    d_b: bool
    """Default operation size."""
    l: bool  # noqa: E741 - the SDM's own name
    """64-bit code."""
    avl: bool
    """Available to software."""
    p: bool
    """Present."""
    dpl: int
    """Privilege level."""
    s: bool
    """False for a system descriptor, True for code or data."""
    type: int
    """The four bits of the type."""

    @classmethod
    def parse(cls, raw: bytes) -> "SegmentDescriptor":
        """Parse eight bytes in memory order. Raises FormatError for another length."""
        if len(raw) != 8:
            raise FormatError(f"a segment descriptor has 8 bytes, not {len(raw)}")
        return _parse_descriptor(raw)

    def build(self) -> bytes:
        """Return the descriptor's eight bytes in memory order."""
        return bytes(
            _LAYOUT.build(
                {
                    "base_31_24": self.base >> 24,
                    "base_23_0": self.base & 0xFFFFFF,
                    "limit_19_16": self.limit >> 16,
                    "limit_15_0": self.limit & 0xFFFF,
                    **{name: getattr(self, name) for name in _KIND},
                }
            )
        )

    @property
    def effective_limit(self) -> int:
        """The last byte's offset in the segment, granularity applied."""
        return (self.limit << 12) | 0xFFF if self.g else self.limit

    def __str__(self) -> str:
        """Write what a person would: ``base=0x100000 limit=0xffff data,rw,accessed``."""
        return f"base=0x{self.base:06x} limit=0x{self.limit:04x} {self._kind()}"

    def _kind(self) -> str:
        if not (self.access or self.base or self.limit):
            return "null"
        words = ["code" if self.type & 8 else "data"] if self.s else [f"system-{self.type:x}"]
        if self.s:
            words.append(
                ("rx" if self.type & 2 else "x")
                if self.type & 8
                else ("rw" if self.type & 2 else "r")
            )
            words += ["accessed"] if self.type & 1 else []
        words += [] if self.p else ["not-present"]
        words += [f"ring{self.dpl}"] if self.dpl else []
        return ",".join(words)


@lru_cache(maxsize=4096)
def _parse_descriptor(raw: bytes) -> SegmentDescriptor:
    base = int.from_bytes(raw[2:5] + raw[7:], "little")
    limit = int.from_bytes(raw[:2], "little") | (raw[6] & 0x0F) << 16
    return SegmentDescriptor(base, limit, raw[5], **_kind(raw[5], raw[6] & 0xF0))


# Of the thousands of descriptors in one boot each has its base, and nearly all are of three kinds.
@lru_cache
def _kind(access: int, flags: int) -> dict[str, Any]:
    fields = _LAYOUT.parse(bytes((0, 0, 0, 0, 0, access, flags, 0)))
    return {name: fields[name] for name in _KIND}


class BlockMoveTable(Struct, frozen=True):
    """The six descriptors at ES:SI of INT 15h AH=87h; the BIOS fills in gdt, cs and ss."""

    null: SegmentDescriptor
    gdt: SegmentDescriptor
    source: SegmentDescriptor
    destination: SegmentDescriptor
    cs: SegmentDescriptor
    ss: SegmentDescriptor

    SIZE: ClassVar[int] = 48

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Parse 48 bytes in memory order. Raises FormatError for another length."""
        if len(raw) != cls.SIZE:
            raise FormatError(f"a block-move table has {cls.SIZE} bytes, not {len(raw)}")
        return cls(*(_parse_descriptor(raw[at : at + 8]) for at in range(0, cls.SIZE, 8)))

    def build(self) -> bytes:
        """Return the table's 48 bytes in memory order."""
        return b"".join(
            descriptor.build()
            for descriptor in (
                self.null,
                self.gdt,
                self.source,
                self.destination,
                self.cs,
                self.ss,
            )
        )
