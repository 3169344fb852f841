"""Where the bytes of a file lie in a FAT file system (Microsoft, FAT32 File System Specification
1.03; UEFI specification 2.10, 13.3)."""

import struct
from collections.abc import Callable

from msgspec import Struct

__all__ = ["Fat"]

_BPB = struct.Struct("<11xHBHBHHxH8xII")
"""bytes of a sector, sectors of a cluster, reserved sectors, FATs, root entries, sectors in all and
of a FAT, and both again where they do not fit there"""
_SECTOR_BYTES = (512, 1024, 2048, 4096)
_ENTRY_BYTES = 32
_FAT12_BELOW, _FAT16_BELOW = 4085, 65525
_FIRST = 2

Read = Callable[[int, int], bytes]
"""Gives bytes by offset and number."""


class Fat(Struct, frozen=True):
    """A FAT file system; ``table`` and ``data`` are where in bytes its first FAT and its first
    cluster begin, ``bits`` how wide an entry is."""

    table: int
    data: int
    cluster_bytes: int
    clusters: int
    bits: int

    @classmethod
    def at(cls, read: Read, start: int) -> "Fat | None":
        """Return the one that begins at a byte, None where none does."""
        boot_sector = read(start, 512)
        if len(boot_sector) < 512 or boot_sector[510:] != b"\x55\xaa":
            return None
        sector, cluster, reserved, fats, root, small, short, large, long = _BPB.unpack_from(
            boot_sector
        )
        if sector not in _SECTOR_BYTES or not cluster or cluster & (cluster - 1) or not reserved:
            return None
        total, of_fat = small or large, short or long
        if not fats or not of_fat:
            return None
        before = reserved + fats * of_fat + -(-root * _ENTRY_BYTES // sector)
        clusters = (total - before) // cluster
        if clusters <= 0:
            return None
        bits = 12 if clusters < _FAT12_BELOW else 16 if clusters < _FAT16_BELOW else 32
        return cls(
            table=start + reserved * sector,
            data=start + before * sector,
            cluster_bytes=cluster * sector,
            clusters=clusters,
            bits=bits,
        )

    def holds(self, at: int) -> bool:
        """Return whether a byte is in one of its clusters."""
        return self.data <= at < self.data + self.clusters * self.cluster_bytes

    def pieces(self, read: Read, at: int, size: int) -> list[range]:
        """Return where ``size`` bytes of a file lie from the byte ``at`` on, fewer where it ends;
        none where no file has that byte."""
        number, inside = divmod(at - self.data, self.cluster_bytes)
        if not self.holds(at) or not self._next(read, number + _FIRST):
            return []
        found = [range(at, at + min(size, self.cluster_bytes - inside))]
        left, cluster = size - len(found[0]), number + _FIRST
        while left > 0:
            cluster = self._next(read, cluster)
            if not _FIRST <= cluster < self.clusters + _FIRST:
                break
            start = self.data + (cluster - _FIRST) * self.cluster_bytes
            more = min(left, self.cluster_bytes)
            if found[-1].stop == start:
                found[-1] = range(found[-1].start, start + more)
            else:
                found.append(range(start, start + more))
            left -= more
        return found

    def _next(self, read: Read, cluster: int) -> int:
        """Return the entry of a cluster: the number of the next, 0 where it is free."""
        at = cluster * self.bits // 8
        entry = int.from_bytes(read(self.table + at, 4 if self.bits == 32 else 2), "little")
        if self.bits == 12:
            return entry >> 4 if cluster & 1 else entry & 0xFFF
        return entry & 0x0FFFFFFF
