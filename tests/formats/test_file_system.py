"""Whether a sector lies in a file system, by the partition tables and what begins there."""

import pytest

from bootharness.formats.file_system import file_system_around
from bootharness.formats.mbr import Mbr, Partition


def disk(*parts: tuple[int, bytes], size: int = 1 << 20) -> bytes:
    content = bytearray(size)
    for at, part in parts:
        content[at : at + len(part)] = part
    return bytes(content)


def around(content: bytes, lba: int, sector_bytes: int = 512) -> bool:
    def read(at: int, count: int) -> bytes:
        return content[at * sector_bytes : at * sector_bytes + count]

    return file_system_around(read, lba, sector_bytes)


TABLE = Mbr(b"", partitions=(Partition(0, 0x83, 64, 512), *(Partition(),) * 3)).build()


@pytest.mark.parametrize(
    ("at", "mark"),
    [(54, b"FAT16"), (82, b"FAT32"), (3, b"NTFS"), (0, b"XFSB"), (1080, b"\x53\xef")],
)
def test_file_system_of_a_partition(at: int, mark: bytes) -> None:
    content = disk((0, TABLE), (64 * 512 + at, mark))
    assert around(content, 64)
    assert around(content, 575)
    assert not around(content, 63)
    assert not around(content, 576)


def test_file_system_of_a_whole_floppy() -> None:
    assert around(disk((54, b"FAT12")), 100)


def test_disk_of_sectors_of_4096_bytes() -> None:
    content = disk((0, TABLE), (64 * 4096 + 1080, b"\x53\xef"))
    assert around(content, 64, 4096)
    assert not around(content, 64)


def test_file_system_of_a_gpt_partition() -> None:
    entry = b"\1" * 16 + bytes(16) + (100).to_bytes(8, "little") + (199).to_bytes(8, "little")
    header = b"EFI PART".ljust(72, b"\0") + (2).to_bytes(8, "little") + b"\4\0\0\0\x80\0\0\0"
    content = disk((512, header), (2 * 512 + 128, entry), (100 * 512 + 82, b"FAT32"))
    assert around(content, 199)
    assert not around(content, 200)


@pytest.mark.parametrize("content", [b"", bytes(700), b"\xff" * 4096])
def test_what_is_no_disk_has_none(content: bytes) -> None:
    assert not around(content, 1 << 60)
