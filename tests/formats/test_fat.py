"""Where files lie in a FAT, against mkfs.vfat and mtools."""

import random
import struct
from pathlib import Path

import pytest

from bootharness.formats.fat import Fat
from tests.support.uefi_programs import file_system

SIZES = {
    12: ("-F", "12", "-s", "64"),
    16: ("-F", "16", "-s", "4"),
    32: ("-F", "32", "-s", "1"),
}
CONTENT = random.Random(5).randbytes(3_000_001)


@pytest.fixture(scope="module", params=SIZES)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"fat{request.param}")
    return file_system(
        folder / "disk.img", {"a/file": CONTENT}, *SIZES[request.param], scattered=True
    )


def test_a_file_in_many_pieces_is_put_together(image: Path) -> None:
    disk = image.read_bytes()

    def read(at: int, count: int) -> bytes:
        return disk[at : at + count]

    fat = Fat.at(read, 0)
    assert fat
    assert f"fat{fat.bits}" in str(image)
    for offset in (0, 512, 1_000_000 & -512):
        at = disk.index(CONTENT[offset : offset + 512])
        found = fat.pieces(read, at, len(CONTENT) - offset)
        assert len(found) > 1
        assert b"".join(disk[each.start : each.stop] for each in found) == CONTENT[offset:]
    more = fat.pieces(read, disk.index(CONTENT[:512]), 2 * len(CONTENT))
    assert 0 <= sum(map(len, more)) - len(CONTENT) < fat.cluster_bytes


def test_what_no_file_has_is_in_no_piece(image: Path) -> None:
    disk = image.read_bytes()

    def read(at: int, count: int) -> bytes:
        return disk[at : at + count]

    fat = Fat.at(read, 0)
    assert fat
    end = fat.data + fat.clusters * fat.cluster_bytes
    for at in (0, fat.data - 1, end):
        assert fat.pieces(read, at, 10) == []


def test_a_chain_in_a_circle_ends_with_what_was_asked_for() -> None:
    """Of 100 clusters the one that follows each is itself."""
    boot = bytearray(512)
    struct.pack_into("<HBHBHH", boot, 11, 512, 1, 1, 1, 0, 102)
    struct.pack_into("<H", boot, 22, 1)
    boot[510:] = b"\x55\xaa"
    table = bytearray(512)
    table[3:6] = bytes((0x02, 0xF0, 0xFF))
    disk = bytes(boot + table) + bytes(512 * 100)

    def read(at: int, count: int) -> bytes:
        return disk[at : at + count]

    fat = Fat.at(read, 0)
    assert fat
    assert sum(map(len, fat.pieces(read, fat.data, 5000))) == 5000


@pytest.mark.parametrize(
    ("at", "value"),
    [(11, 513), (13, 0), (13, 3), (14, 0), (16, 0), (19, 1), (22, 0)],
)
def test_what_is_no_fat_is_none(at: int, value: int) -> None:
    boot = bytearray(512)
    struct.pack_into("<HBHBHH", boot, 11, 512, 1, 1, 1, 0, 102)
    struct.pack_into("<H", boot, 22, 1)
    boot[510:] = b"\x55\xaa"
    assert Fat.at(lambda start, count: bytes(boot)[start : start + count], 0)
    width = "<B" if at in (13, 16) else "<H"
    struct.pack_into(width, boot, at, value)
    assert Fat.at(lambda start, count: bytes(boot)[start : start + count], 0) is None
    assert Fat.at(lambda _start, _count: b"short", 0) is None
