"""Files in FAT, where a UEFI finds what it starts (UEFI specification 2.10, 13.3; Microsoft FAT
specification)."""

import struct
from collections.abc import Callable, Iterator

from msgspec import Struct

__all__ = ["FatVolume", "file_on"]

_Read = Callable[[int, int], bytes]

_SECTOR, _CD_SECTOR = 512, 2048
_BOOT = struct.Struct("<11xHBHBHHxH8xII4xI")
"""sector bytes, sectors of a cluster, reserved, tables, root entries, sectors, sectors of a table,
the same two of a larger one, cluster of the root"""
_ENTRY = 32
_LONG, _FOLDER, _VOLUME, _FREE, _DELETED = 0x0F, 0x10, 0x08, 0, 0xE5
_MOST_BYTES, _MOST_ENTRIES = 1 << 28, 1 << 16
_GPT_AT, _GPT, _GPT_ENTRIES, _GPT_ENTRY = 1, b"EFI PART", 128, 128
_CATALOGUE_AT, _CATALOGUE = 0x8847, b"EL TORITO SPECIFICATION"
_FAT12, _FAT16 = 4085, 65525


def file_on(read: _Read, path: str) -> bytes | None:
    """Return a file of a disk or a CD by its name, with backslashes, on the first FAT that has it;
    None where none has. ``read`` gives bytes by their offset and number."""
    for start in dict.fromkeys(_starts(read)):
        volume = FatVolume.at(read, start)
        if volume and (found := volume.file(path)) is not None:
            return found
    return None


class FatVolume(Struct, frozen=True):
    """A file system: where it begins and how it is laid out, in bytes; ``width`` is how many bits
    an entry of its table has."""

    read: _Read
    fat: int
    width: int
    root: int
    root_bytes: int
    data: int
    cluster_bytes: int
    clusters: int

    @classmethod
    def at(cls, read: _Read, start: int) -> "FatVolume | None":
        """Return the file system that begins at an offset, None where none does."""
        head = read(start, _SECTOR)
        if len(head) < _SECTOR or head[510:] != b"\x55\xaa":
            return None
        sector, per_cluster, reserved, fats, entries, small, fat16, large, fat32, root = (
            _BOOT.unpack_from(head)
        )
        total, of_fat = small or large, fat16 or fat32
        if sector not in (512, 1024, 2048, 4096) or not (per_cluster and fats and of_fat and total):
            return None
        root_at = reserved + fats * of_fat
        data = root_at + -(-entries * _ENTRY // sector)
        clusters = max(total - data, 0) // per_cluster
        width = 12 if clusters < _FAT12 else 16 if clusters < _FAT16 else 32
        return cls(
            read, start + reserved * sector, width,
            root if width == 32 else start + root_at * sector,
            0 if width == 32 else entries * _ENTRY,
            start + data * sector, per_cluster * sector, clusters,
        )  # fmt: skip

    def file(self, path: str) -> bytes | None:
        """Return a file by its name, with backslashes, None where there is none."""
        names = [each for each in path.replace("/", "\\").split("\\") if each]
        folder = self._root()
        for number, name in enumerate(names):
            found = next((each for each in _entries(folder) if each[0] == name.lower()), None)
            if found is None:
                return None
            _, is_folder, cluster, size = found
            last = number == len(names) - 1
            if last == is_folder:
                return None
            content = self._chain(cluster, None if is_folder else size)
            if last:
                return content
            folder = content
        return None

    def _root(self) -> bytes:
        if self.width == 32:
            return self._chain(self.root, None)
        return self.read(self.root, self.root_bytes)

    def _chain(self, cluster: int, size: int | None) -> bytes:
        """Return what lies in a chain of clusters, at most ``size`` bytes."""
        most = _MOST_ENTRIES * _ENTRY if size is None else min(size, _MOST_BYTES)
        pieces, done, seen = [], 0, 0
        while 2 <= cluster < self.clusters + 2 and done < most and seen <= self.clusters:
            first, run = cluster, 1
            while (following := self._next(first + run - 1)) == first + run and (
                done + run * self.cluster_bytes < most
            ):
                run += 1
            pieces.append(self.read(self.data + (first - 2) * self.cluster_bytes,
                                    run * self.cluster_bytes))  # fmt: skip
            done, seen, cluster = done + run * self.cluster_bytes, seen + run, following
        return b"".join(pieces)[:most]

    def _next(self, cluster: int) -> int:
        at = cluster * self.width // 8
        entry = int.from_bytes(self.read(self.fat + at, 4), "little")
        if self.width == 12:
            return (entry >> 4 * (cluster & 1)) & 0xFFF
        return entry & (0xFFFF if self.width == 16 else 0x0FFFFFFF)


def _entries(folder: bytes) -> Iterator[tuple[str, bool, int, int]]:
    """Yield name, whether it is a folder, first cluster and size of what is in a folder; a long
    name comes beside the short one."""
    long = ""
    for at in range(0, min(len(folder), _MOST_ENTRIES * _ENTRY), _ENTRY):
        entry = folder[at : at + _ENTRY]
        if len(entry) < _ENTRY or entry[0] == _FREE:
            return
        kind = entry[11]
        if entry[0] == _DELETED:
            long = ""
        elif kind == _LONG:
            part = (entry[1:11] + entry[14:26] + entry[28:32]).decode("utf-16le", "replace")
            long = part.partition("\0")[0].rstrip("\uffff") + long
        elif kind & _VOLUME:
            long = ""
        else:
            base = entry[:8].decode("latin-1").rstrip()
            extension = entry[8:11].decode("latin-1").rstrip()
            short = f"{base}.{extension}" if extension else base
            high, low, size = struct.unpack("<20xH4xHI", entry)
            place = bool(kind & _FOLDER), high << 16 | low, size
            if long:
                yield (long.lower(), *place)
            yield (short.lower(), *place)
            long = ""


def _starts(read: _Read) -> Iterator[int]:
    """Yield where file systems may begin: partitions, images of a CD, the disk itself."""
    for sector in (_SECTOR, 4096):
        head = read(sector * _GPT_AT, 512)
        if head.startswith(_GPT):
            lba, number, size = struct.unpack_from("<QLL", head, 72)
            size = max(size, _GPT_ENTRY)
            table = read(lba * sector, min(number, _GPT_ENTRIES) * size)
            for at in range(0, len(table) - _GPT_ENTRY + 1, size):
                if any(table[at : at + 16]):
                    yield int.from_bytes(table[at + 32 : at + 40], "little") * sector
    mbr = read(0, _SECTOR)
    for at in range(446, 510, 16):
        if start := int.from_bytes(mbr[at + 8 : at + 12], "little"):
            yield start * _SECTOR
    if read(0x8807, len(_CATALOGUE)) == _CATALOGUE:
        catalogue = read(int.from_bytes(read(_CATALOGUE_AT, 4), "little") * _CD_SECTOR, _CD_SECTOR)
        for at in range(_ENTRY, len(catalogue), _ENTRY):
            if catalogue[at] == 0x88:
                yield int.from_bytes(catalogue[at + 8 : at + 12], "little") * _CD_SECTOR
    yield 0
