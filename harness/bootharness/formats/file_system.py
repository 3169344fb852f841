"""Where on a disk file systems begin: what lies in one a boot manager finds by its tables."""

from collections.abc import Callable, Iterator

from bootharness.formats.gpt import gpt_partitions
from bootharness.formats.mbr import SECTOR_BYTES, Mbr

__all__ = ["file_system_around", "name_of_file_system", "starts_around"]

# where from its beginning on a file system has what tells that it is one, and its name
_MARKS = (
    (54, b"FAT", "FAT"),
    (82, b"FAT", "FAT"),
    (3, b"EXFAT", "exFAT"),
    (3, b"NTFS", "NTFS"),
    (0, b"XFSB", "XFS"),
    (1080, b"\x53\xef", "ext2, ext3 or ext4"),
    (0x10040, b"_BHRfS_M", "Btrfs"),
    (0x8001, b"CD001", "ISO 9660"),
)


def file_system_around(
    read: Callable[[int, int], bytes], lba: int, sector_bytes: int = SECTOR_BYTES
) -> bool:
    """Return whether a sector lies in a file system, of the whole disk or of a partition.

    ``read`` gives bytes from a sector on, as many as asked for.
    """
    read_bytes, starts = _by_byte(read, sector_bytes), starts_around(read, lba, sector_bytes)
    return any(name_of_file_system(read_bytes, start * sector_bytes) for start in starts)


def name_of_file_system(read: Callable[[int, int], bytes], start: int) -> str:
    """Return the name of the file system that begins at a byte, empty for none that is known.
    ``read`` gives bytes by offset and number."""
    found = (name for at, mark, name in _MARKS if read(start + at, len(mark)) == mark)
    return next(found, "")


def starts_around(
    read: Callable[[int, int], bytes], lba: int, sector_bytes: int = SECTOR_BYTES
) -> set[int]:
    """Return where the disk, and each partition that a sector is in, begins, in sectors."""
    return {0, *(start for start, end in _partitions(read, sector_bytes) if start <= lba < end)}


def _by_byte(read: Callable[[int, int], bytes], sector_bytes: int) -> Callable[[int, int], bytes]:
    """Return what gives bytes by offset and number, of what gives them from a sector on."""

    def read_bytes(at: int, count: int) -> bytes:
        sector, inside = divmod(at, sector_bytes)
        return read(sector, inside + count)[inside:]

    return read_bytes


def _partitions(read: Callable[[int, int], bytes], sector_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield where partitions begin and end, in sectors."""
    head = read(0, SECTOR_BYTES)
    for each in Mbr.parse(head).partitions if len(head) == SECTOR_BYTES else ():
        yield each.first_lba, each.first_lba + each.sector_count
    read_bytes = _by_byte(read, sector_bytes)
    for _, part in gpt_partitions(read_bytes, read(1, SECTOR_BYTES), sector_bytes):
        yield part.start, part.stop
