"""Floppies, by their size and their boot sector."""

import struct

from msgspec import Struct

from bootharness.formats.mbr import SECTOR_BYTES, Mbr

__all__ = ["FLOPPY_FORMATS", "FloppyFormat", "drive_format", "floppy_format"]

_BPB = struct.Struct("<HBHBHHBHHH")
"""bytes a sector, sectors a cluster, reserved, FATs, root entries, sectors, media, sectors a FAT,
sectors a track, heads"""
_BPB_AT = 11
_MEDIA = (0xF0, *range(0xF8, 0x100))


class FloppyFormat(Struct, frozen=True):
    """How a floppy is laid out."""

    cylinders: int
    heads: int
    sectors: int

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.cylinders * self.heads * self.sectors * SECTOR_BYTES


FLOPPY_FORMATS = tuple(
    FloppyFormat(*each)
    for each in (
        (40, 1, 8),
        (40, 1, 9),
        (40, 2, 8),
        (40, 2, 9),
        (80, 2, 9),
        (80, 2, 15),
        (80, 2, 18),
        (80, 2, 20),
        (80, 2, 21),
        (80, 2, 36),
    )
)
"""From 160 KiB to 2.88 MiB, as floppy drives have them."""


def floppy_format(boot_sector: bytes, size: int) -> FloppyFormat | None:
    """Return the format of an image of so many bytes if it is one of a floppy, else None.

    It is if its size is a floppy's, or its boot sector says so; a partition table speaks against
    both.
    """
    told = _told(boot_sector)
    if told and size <= told.bytes:
        return told
    found = next((each for each in FLOPPY_FORMATS if each.bytes == size), None)
    return None if found is None or _is_partitioned(boot_sector) else found


def drive_format(boot_sector: bytes, size: int) -> FloppyFormat | None:
    """Return the format that a drive has for an image that is asked for as a floppy: its own, or
    the smallest of two sides and 80 tracks that it goes into; None where it is too large."""
    usual = [each for each in FLOPPY_FORMATS if each.cylinders == 80 and each.sectors >= 18]
    fits = next((each for each in usual if each.bytes >= size), None)
    return floppy_format(boot_sector, size) or fits


def _told(boot_sector: bytes) -> FloppyFormat | None:
    """Return the format that a FAT file system's boot sector tells."""
    if len(boot_sector) < SECTOR_BYTES:
        return None
    size, cluster, _, tables, _, total, media, _, track, heads = _BPB.unpack_from(
        boot_sector, _BPB_AT
    )
    if size != SECTOR_BYTES or not cluster or tables not in (1, 2) or media not in _MEDIA:
        return None
    return next(
        (
            each
            for each in FLOPPY_FORMATS
            if (each.heads, each.sectors, each.bytes) == (heads, track, total * SECTOR_BYTES)
        ),
        None,
    )


def _is_partitioned(boot_sector: bytes) -> bool:
    if len(boot_sector) < SECTOR_BYTES:
        return False
    table = Mbr.parse(boot_sector).partitions
    return any(each.type for each in table) and all(each.status in (0, 0x80) for each in table)
