"""Where the bytes of a file lie in a FAT file system (Microsoft, FAT32 File System Specification
1.03; UEFI specification 2.10, 13.3)."""

import struct
from collections.abc import Callable

from msgspec import Struct

__all__ = ["ENTRY_BYTES", "Fat", "Read"]

_BPB = struct.Struct("<11xHBHBHHxH8xII4xI")
"""bytes of a sector, sectors of a cluster, reserved sectors, FATs, root entries, sectors in all and
of a FAT, both again where they do not fit there, and the first cluster of the root"""
_SECTOR_BYTES = (512, 1024, 2048, 4096)
ENTRY_BYTES = 32
"""Of an entry of a folder."""
_FAT12_BELOW, _FAT16_BELOW = 4085, 65525
_FIRST = 2
_AT_ONCE = 1 << 16

Read = Callable[[int, int], bytes]
"""Gives bytes by offset and number."""


class Fat(Struct, frozen=True):
    """A FAT file system; ``table`` and ``data`` are where in bytes its first FAT and its first
    cluster begin, ``bits`` how wide an entry is. ``root`` is where the root folder lies, empty
    where that is a chain from ``root_cluster`` on."""

    table: int
    root: range
    root_cluster: int
    data: int
    cluster_bytes: int
    clusters: int
    bits: int
    size: int
    """How many bytes it has, by what it says."""

    @classmethod
    def at(cls, read: Read, start: int) -> "Fat | None":
        """Return the one that begins at a byte, None where none does."""
        boot_sector = read(start, 512)
        if len(boot_sector) < 512 or not _is_marked(boot_sector):
            return None
        sector, cluster, reserved, fats, root, small, short, large, long, root_cluster = (
            _BPB.unpack_from(boot_sector)
        )
        if sector not in _SECTOR_BYTES or not cluster or cluster & (cluster - 1) or not reserved:
            return None
        total, of_fat = small or large, short or long
        if not fats or not of_fat:
            return None
        root_at = reserved + fats * of_fat
        before = root_at + -(-root * ENTRY_BYTES // sector)
        clusters = (total - before) // cluster
        if clusters <= 0:
            return None
        bits = 12 if clusters < _FAT12_BELOW else 16 if clusters < _FAT16_BELOW else 32
        clusters = min(clusters, of_fat * sector * 8 // bits - _FIRST)  # of each there is an entry
        return cls(
            table=start + reserved * sector,
            root=range(start + root_at * sector, start + root_at * sector + root * ENTRY_BYTES),
            root_cluster=root_cluster,
            data=start + before * sector,
            cluster_bytes=cluster * sector,
            clusters=clusters,
            bits=bits,
            size=total * sector,
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
        found = self.chain(read, number + _FIRST, size + inside)
        return [range(at, found[0].stop), *found[1:]]

    def chain(self, read: Read, cluster: int, size: int) -> list[range]:
        """Return where ``size`` bytes lie from the beginning of a cluster on, fewer where its file
        ends, or follows itself."""
        found: list[range] = []
        for _ in range(self.clusters):
            if size <= 0 or not _FIRST <= cluster < self.clusters + _FIRST:
                break
            start = self.data + (cluster - _FIRST) * self.cluster_bytes
            more = min(size, self.cluster_bytes)
            if found and found[-1].stop == start:
                found[-1] = range(found[-1].start, start + more)
            else:
                found.append(range(start, start + more))
            size -= more
            cluster = self._next(read, cluster)
        return found

    def free_bytes(self, read: Read) -> int:
        """Return how much can still be written, in bytes: the clusters whose entry is 0."""
        last, free = self.clusters + _FIRST, 0
        for start in range(_FIRST, last, _AT_ONCE):
            clusters = range(start, min(start + _AT_ONCE, last))
            begins = self.table + start * self.bits // 8
            entries = read(begins, len(clusters) * self.bits // 8 + 2)
            if not entries:  # the image has been cut
                break

            def of_entries(
                at: int, size: int, entries: bytes = entries, begins: int = begins
            ) -> bytes:
                return entries[at - begins : at - begins + size]

            free += sum(not self._next(of_entries, each) for each in clusters)
        return free * self.cluster_bytes

    def _next(self, read: Read, cluster: int) -> int:
        """Return the entry of a cluster: the number of the next, 0 where it is free."""
        at = cluster * self.bits // 8
        entry = int.from_bytes(read(self.table + at, 4 if self.bits == 32 else 2), "little")
        if self.bits == 12:
            return entry >> 4 if cluster & 1 else entry & 0xFFF
        return entry & 0x0FFFFFFF


def _is_marked(boot_sector: bytes) -> bool:
    """Whether it has the signature, or the name that is there as well; firmware does without."""
    named = any(boot_sector.startswith(b"FAT", at) for at in (54, 82))
    return boot_sector.endswith(b"\x55\xaa") or named
