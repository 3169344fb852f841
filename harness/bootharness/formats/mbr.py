"""The master boot record: 512 bytes at LBA 0.

000  bootstrap_code (440)
1b8  disk_signature (4)
1bc  copy_protect (2)
1be  partitions (4 x 16)
1fe  boot_signature: 55 aa
"""

import struct
from typing import Self

from msgspec import Struct

from bootharness.errors import FormatError

__all__ = ["BOOTSTRAP_BYTES", "SECTOR_BYTES", "Mbr", "Partition", "has_partitions"]

SECTOR_BYTES = 512
BOOTSTRAP_BYTES = 440

_PARTITION = struct.Struct("<B3sB3sII")
"""status, first_chs, type, last_chs, first_lba, sector_count"""
_HEAD = struct.Struct("<440sIH")
_TABLE_AT = _HEAD.size
_SIGNATURE_AT = 510

# the geometry that partitioning tools write since disks stopped having one
_HEADS, _SECTORS = 255, 63
_CHS_LIMIT = (1023, _HEADS - 1, _SECTORS)


class Partition(Struct, frozen=True):
    """One entry of the partition table; CHS addresses are (cylinder, head, sector from 1)."""

    status: int = 0
    type: int = 0
    first_lba: int = 0
    sector_count: int = 0
    first_chs: tuple[int, int, int] = (0, 0, 0)
    last_chs: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def at(cls, first_lba: int, sector_count: int, *, kind: int, active: bool) -> Self:
        """Return the entry for a range of sectors, its CHS addresses as tools write them."""
        return cls(
            status=0x80 if active else 0,
            type=kind,
            first_lba=first_lba,
            sector_count=sector_count,
            first_chs=_chs(first_lba),
            last_chs=_chs(first_lba + sector_count - 1),
        )


class Mbr(Struct, frozen=True):
    """A parsed master boot record; a wrong boot signature is data, not an error."""

    bootstrap_code: bytes
    disk_signature: int = 0
    copy_protect: int = 0
    partitions: tuple[Partition, ...] = (Partition(),) * 4
    boot_signature: bytes = b"\x55\xaa"

    @classmethod
    def parse(cls, sector: bytes) -> Self:
        """Parse one sector. Raises FormatError for another length."""
        if len(sector) != SECTOR_BYTES:
            raise FormatError(f"a master boot record has {SECTOR_BYTES} bytes, not {len(sector)}")
        code, signature, protect = _HEAD.unpack_from(sector)
        table = sector[_TABLE_AT:_SIGNATURE_AT]
        return cls(
            bootstrap_code=code,
            disk_signature=signature,
            copy_protect=protect,
            partitions=tuple(
                Partition(status, kind, lba, sectors, _unpack_chs(first), _unpack_chs(last))
                for status, first, kind, last, lba, sectors in _PARTITION.iter_unpack(table)
            ),
            boot_signature=sector[_SIGNATURE_AT:],
        )

    def build(self) -> bytes:
        """Return the sector. Raises FormatError when the code or an LBA does not fit."""
        if len(self.bootstrap_code) > BOOTSTRAP_BYTES:
            raise FormatError(
                f"the bootstrap code has {len(self.bootstrap_code)} bytes, and there is room for "
                f"{BOOTSTRAP_BYTES} before the disk signature"
            )
        for entry in self.partitions:
            if max(entry.first_lba, entry.sector_count) >= 1 << 32:
                raise FormatError(
                    f"sector {max(entry.first_lba, entry.sector_count):,} is beyond the 2 TiB that "
                    "an MBR partition table can describe"
                )
        head = _HEAD.pack(self.bootstrap_code, self.disk_signature, self.copy_protect)
        table = (
            _PARTITION.pack(
                entry.status,
                _pack_chs(entry.first_chs),
                entry.type,
                _pack_chs(entry.last_chs),
                entry.first_lba,
                entry.sector_count,
            )
            for entry in self.partitions
        )
        return b"".join([head, *table, self.boot_signature])


def has_partitions(sector: bytes) -> bool:
    """Return whether a first sector has a partition table, with a boot signature or without.

    Each entry is active or not, and those of a type have sectors behind the first.
    """
    if len(sector) != SECTOR_BYTES:
        return False
    entries = Mbr.parse(sector).partitions
    used = [each for each in entries if each.type]
    return (
        bool(used)
        and all(each.status in (0, 0x80) for each in entries)
        and all(each.first_lba and each.sector_count for each in used)
    )


def _chs(lba: int) -> tuple[int, int, int]:
    cylinder, rest = divmod(lba, _HEADS * _SECTORS)
    head, sector = divmod(rest, _SECTORS)
    return (cylinder, head, sector + 1) if cylinder <= _CHS_LIMIT[0] else _CHS_LIMIT


# head (8) | cylinder bits 9-8 (2), sector (6) | cylinder bits 7-0 (8)
def _pack_chs(chs: tuple[int, int, int]) -> bytes:
    cylinder, head, sector = chs
    return bytes((head, cylinder >> 8 << 6 | sector, cylinder & 0xFF))


def _unpack_chs(raw: bytes) -> tuple[int, int, int]:
    head, middle, low = raw
    return (middle >> 6 << 8 | low, head, middle & 0x3F)
