"""GUID partition tables: one with one partition, and where those of others are (UEFI specification
2.10, 5.3)."""

import struct
import zlib
from collections.abc import Callable, Iterator
from uuid import UUID

from bootharness.formats.mbr import BOOTSTRAP_BYTES, SECTOR_BYTES, Mbr, Partition

__all__ = ["ESP", "FIRST_LBA", "GPT", "gpt_of", "gpt_partitions"]

GPT = b"EFI PART"
"""What a header begins with."""
ESP = UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
"""The type of an EFI system partition."""
FIRST_LBA = 2048
"""Where the partition begins."""
_PROTECTIVE = 0xEE
_ENTRIES, _ENTRY_BYTES = 128, 128
_ENTRY_SECTORS = _ENTRIES * _ENTRY_BYTES // SECTOR_BYTES
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_REVISION, _HEADER_BYTES = 0x10000, 92
_CRC_AT, _TABLE_AT = 16, 72
_TYPE_BYTES, _BOUNDS_AT = 16, 32
"""Of an entry."""
# nobody compares these with another disk's, and images are to be the same each time
_DISK, _PARTITION = UUID(int=1), UUID(int=2)


def gpt_partitions(
    read: Callable[[int, int], bytes], head: bytes, sector_bytes: int
) -> Iterator[tuple[int, range]]:
    """Yield the number and the sectors of each partition that a table has, by its header; none for
    what is no header. ``read`` gives bytes by offset and number; nothing is checked."""
    if not head.startswith(GPT) or len(head) < _HEADER_BYTES:
        return
    lba, count, size = struct.unpack_from("<QII", head, _TABLE_AT)
    size = min(max(size, _ENTRY_BYTES), sector_bytes)
    table = read(lba * sector_bytes, min(count, _ENTRIES) * size)
    for number, at in enumerate(range(0, len(table) - _ENTRY_BYTES + 1, size), 1):
        if any(table[at : at + _TYPE_BYTES]):
            first, last = struct.unpack_from("<QQ", table, at + _BOUNDS_AT)
            yield number, range(first, last + 1)


def gpt_of(sectors: int, kind: UUID, name: str) -> tuple[int, dict[int, bytes]]:
    """Return how many sectors a disk has with one partition of so many from `FIRST_LBA` on, and
    what of it is the table: bytes by LBA."""
    last = FIRST_LBA + sectors - 1
    total = last + 1 + _ENTRY_SECTORS + 1
    entry = struct.pack(
        "<16s16sQQQ72s",
        kind.bytes_le,
        _PARTITION.bytes_le,
        FIRST_LBA,
        last,
        0,
        name.encode("utf-16-le"),
    )
    entries = entry.ljust(_ENTRIES * _ENTRY_BYTES, b"\0")
    protective = Mbr(
        bootstrap_code=bytes(BOOTSTRAP_BYTES),
        disk_signature=0,
        partitions=(
            Partition.at(1, total - 1, kind=_PROTECTIVE, active=False),
            *(Partition(),) * 3,
        ),
    )
    return total, {
        0: protective.build(),
        1: _header(1, total - 1, 2, total, entries),
        2: entries,
        total - 1 - _ENTRY_SECTORS: entries,
        total - 1: _header(total - 1, 1, total - 1 - _ENTRY_SECTORS, total, entries),
    }


def _header(own: int, other: int, entries_lba: int, total: int, entries: bytes) -> bytes:
    usable = 2 + _ENTRY_SECTORS, total - 2 - _ENTRY_SECTORS
    header = _HEADER.pack(
        GPT,
        _REVISION,
        _HEADER_BYTES,
        0,
        0,
        own,
        other,
        *usable,
        _DISK.bytes_le,
        entries_lba,
        _ENTRIES,
        _ENTRY_BYTES,
        zlib.crc32(entries),
    )
    crc = zlib.crc32(header).to_bytes(4, "little")
    return (header[:_CRC_AT] + crc + header[_CRC_AT + 4 :]).ljust(SECTOR_BYTES, b"\0")
