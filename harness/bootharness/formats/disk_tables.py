"""What is wrong with a disk's partition table and with what its partitions begin with, for a UEFI
(UEFI specification 2.10, 5.2 "LBA 0 Format", 5.3 "GUID Partition Table", 13.3 "FAT")."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from bootharness.formats.fat import Fat, Read
from bootharness.formats.file_system import name_of_file_system
from bootharness.formats.gpt import GPT, gpt_partitions
from bootharness.formats.mbr import SECTOR_BYTES, Mbr

__all__ = ["flaws_of_tables"]

_HEADER = struct.Struct("<8s4xII4xQQQQ16sQIII")
"""signature, size of the header, its checksum, own place, the other's, first and last sector for
partitions, disk, table, entries, bytes of an entry, the table's checksum"""
_LONGEST_HEADER, _CRC_AT = 512, 16
_ENTRY_BYTES, _MOST_ENTRIES = 128, 1024
_PROTECTIVE = 0xEE
_MOST_FLAWS = 8
_LOOK_BYTES = 4096
_SECTOR_BYTES = (512, 1024, 2048, 4096)
_JUMPS = (0xEB, 0xE9)


_Part = tuple[int, range]
"""The number of a partition, and its sectors."""


class _Header(Struct, frozen=True):
    """A header of a GPT as far as it is right, and ``wrong`` says what is not."""

    wrong: str
    first: int = 0
    last: int = 0
    parts: tuple[_Part, ...] = ()


def flaws_of_tables(read: Read, sectors: int, sector_bytes: int = SECTOR_BYTES) -> tuple[str, ...]:
    """Return what is wrong with a disk of so many sectors, in words; nothing where all is right.

    ``read`` gives bytes by offset and number.
    """
    return tuple(_flaws(read, sectors, sector_bytes))[:_MOST_FLAWS]


def _flaws(read: Read, sectors: int, sector: int) -> Iterator[str]:
    if Fat.at(read, 0):
        return
    headers = [_header(read, at, sectors, sector) for at in (1, sectors - 1)]
    if all(each is None for each in headers):
        if _is_protected(read):
            yield "its MBR says that it has a GPT, and neither of that one's headers is there"
            return
        parts = _of_mbr(read)
        if not parts:
            yield "it has neither a partition table nor a FAT"
        yield from _misplaced(parts, 0, sectors - 1, f"the disk, which has {sectors:,} sectors")
    else:
        if not _is_protected(read):
            yield (
                f"its MBR has no partition of type {_PROTECTIVE:x} from sector 1 on, without which "
                "a UEFI reads no GPT"
            )
        right = next((each for each in headers if each and not each.wrong), None)
        if right is None:
            first, second = (each.wrong if each else "is not there" for each in headers)
            said = "too" if first == second else second
            yield f"of its GPT the first header {first}, and the second one {said}"
            return
        parts = right.parts
        where = f"what its GPT has for partitions, sectors {right.first:,} to {right.last:,}"
        yield from _misplaced(parts, right.first, right.last, where)
        if not parts:
            yield "its GPT has no partition"
    for number, part in parts:
        if part.start < sectors:
            yield from _content(read, number, part, sector)


def _header(read: Read, at: int, sectors: int, sector: int) -> _Header | None:
    """Return the header of a GPT in a sector, None where there is none."""
    head = read(max(at, 0) * sector, _LONGEST_HEADER)
    if not head.startswith(GPT) or len(head) < _HEADER.size:
        return None
    _, size, crc, own, _, first, last, _, table, entries, each, table_crc = _HEADER.unpack_from(
        head
    )
    if not _HEADER.size <= size <= len(head):
        return _Header(f"says that it is of {size:,} bytes")
    blank = head[:_CRC_AT] + bytes(4) + head[_CRC_AT + 4 : size]
    if zlib.crc32(blank) != crc:
        return _Header("has a wrong checksum")
    if own != at:
        return _Header(f"is made for sector {own:,} and lies in {at:,}")
    if not _ENTRY_BYTES <= each <= sector or entries > _MOST_ENTRIES or table >= sectors:
        return _Header(f"says of {entries:,} entries of {each:,} bytes from sector {table:,} on")
    if zlib.crc32(read(table * sector, entries * each)) != table_crc:
        return _Header("has a table with a wrong checksum")
    return _Header("", first, last, tuple(gpt_partitions(read, head, sector)))


def _of_mbr(read: Read) -> tuple[_Part, ...]:
    head = read(0, SECTOR_BYTES)
    if len(head) < SECTOR_BYTES or not head.endswith(b"\x55\xaa"):
        return ()
    found = enumerate(Mbr.parse(head).partitions, 1)
    return tuple(
        (number, range(each.first_lba, each.first_lba + each.sector_count))
        for number, each in found
        if each.sector_count and each.type
    )


def _is_protected(read: Read) -> bool:
    head = read(0, SECTOR_BYTES)
    return len(head) == SECTOR_BYTES and any(
        each.type == _PROTECTIVE and each.first_lba == 1 for each in Mbr.parse(head).partitions
    )


def _misplaced(parts: Sequence[_Part], first: int, last: int, where: str) -> Iterator[str]:
    for number, part in parts:
        if not first <= part.start < part.stop <= last + 1:
            lies = f"partition {number}, sectors {part.start:,} to {part.stop - 1:,}"
            yield f"{lies}, is not within {where}"
    for (one, before), (other, behind) in pairwise(sorted(parts, key=lambda each: each[1].start)):
        if behind.start < before.stop:
            yield f"partitions {one} and {other} lie on each other"


def _content(read: Read, number: int, part: range, sector: int) -> Iterator[str]:
    """Yield what is wrong with what a partition begins with."""
    start = part.start * sector
    head = read(start, _LOOK_BYTES)
    if fat := Fat.at(read, start):
        has = (part.stop - part.start) * sector
        if fat.size > has:
            yield f"partition {number} has {has:,} bytes, and its FAT says of {fat.size:,}"
    elif not any(head):
        yield f"partition {number} begins with zeros: no file system has been made in it"
    elif name := name_of_file_system(read, start):
        if name != "FAT":
            yield f"partition {number} has {name}, which a UEFI does not read"
        else:
            yield f"the FAT of partition {number} {_wrong_fat(head)}"
    elif head[0] in _JUMPS and head[510:512] == b"\x55\xaa":
        yield f"partition {number} begins with a boot sector, and no file system that is known"


def _wrong_fat(head: bytes) -> str:
    size, cluster, reserved, fats = struct.unpack_from("<HBHB", head, 11)
    if size not in _SECTOR_BYTES:
        return f"says of {size:,} bytes to a sector"
    if not cluster or cluster & (cluster - 1):
        return f"says of {cluster} sectors to a cluster"
    return f"says of {reserved} reserved sectors and {fats} tables"
