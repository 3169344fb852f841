"""What is wrong with partition tables that sfdisk made and somebody changed."""

import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bootharness.formats.disk_tables import flaws_of_tables
from tests.support.media import needs
from tests.support.uefi_programs import file_system

SECTORS = 70 << 11
START = 2048
Edit = Callable[[bytearray], None]


def partitioned(folder: Path, label: str, *parts: str, fat_at: int | None = START) -> bytearray:
    """Return a disk that sfdisk has partitioned, with a FAT of 64 MiB somewhere."""
    needs("sfdisk", "mkfs.vfat")
    path = folder / "disk.img"
    with path.open("wb") as file:
        file.truncate(SECTORS * 512)
    script = "\n".join([f"label: {label}", *parts, ""])
    subprocess.run(["/usr/sbin/sfdisk", "-q", path], input=script, text=True, check=True)
    image = bytearray(path.read_bytes())
    if fat_at is not None:
        fat = file_system(folder / "fat.img", {}).read_bytes()
        image[fat_at * 512 : fat_at * 512 + len(fat)] = fat
    return image


def flaws(image: bytes | bytearray) -> list[str]:
    def read(at: int, size: int) -> bytes:
        return bytes(image[at : at + size]).ljust(size, b"\0")

    return [*flaws_of_tables(read, len(image) // 512)]


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("right")
    return bytes(partitioned(folder, "gpt", "start=2048, size=131072, type=U"))


@pytest.mark.parametrize(
    ("label", "part"),
    [("gpt", "start=2048, size=131072, type=U"), ("dos", "start=2048, size=131072, type=ef")],
)
def test_what_sfdisk_makes_is_right(label: str, part: str, tmp_path: Path) -> None:
    image = partitioned(tmp_path, label, part, "start=135168, size=2048", fat_at=None)
    for start in (2048, 135_168):
        fat = file_system(tmp_path / f"{start}.img", {}).read_bytes()
        image[start * 512 : start * 512 + len(fat)] = fat
    found = flaws(image[: SECTORS * 512])
    assert found == ["partition 2 has 1,048,576 bytes, and its FAT says of 67,108,864"]


def test_a_disk_that_is_all_one_fat_is_right(tmp_path: Path) -> None:
    needs("mkfs.vfat")
    assert flaws(file_system(tmp_path / "fat.img", {}).read_bytes()) == []
    assert flaws(bytes(1 << 20)) == ["it has neither a partition table nor a FAT"]


def both(edit: Edit) -> Edit:
    """Change both headers, and make their own checksums right."""

    def change(image: bytearray) -> None:
        for at in (512, len(image) - 512):
            header = image[at : at + 92]
            edit(header)
            header[16:20] = bytes(4)
            header[16:20] = zlib.crc32(header).to_bytes(4, "little")
            image[at : at + 92] = header

    return change


def flipped(at: int) -> Edit:
    def flip(image: bytearray) -> None:
        image[at] ^= 1

    return flip


def put(at: int, layout: str, *values: int) -> Edit:
    return lambda image: struct.pack_into(layout, image, at, *values)


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ([flipped(512 + 56)], []),
        ([flipped(512 + 56), flipped(SECTORS * 512 - 512 + 56)],
         ["of its GPT the first header has a wrong checksum, and the second one too"]),
        ([put(512, "8x"), flipped(SECTORS * 512 - 512 + 56)],
         ["of its GPT the first header is not there, and the second one has a wrong checksum"]),
        ([put(512, "8x"), put(SECTORS * 512 - 512, "8x")],
         ["its MBR says that it has a GPT, and neither of that one's headers is there"]),
        ([flipped(1024 + 130), flipped(SECTORS * 512 - 33 * 512 + 130)],
         ["of its GPT the first header has a table with a wrong checksum, and the second one too"]),
        ([both(put(84, "<I", 1 << 31))],
         ["of its GPT the first header says of 128 entries of 2,147,483,648 bytes from sector 2 "
          "on, and the second one says of 128 entries of 2,147,483,648 bytes from sector "
          "143,327 on"]),
        ([both(put(40, "<Q", 3000))],
         ["partition 1, sectors 2,048 to 133,119, is not within what its GPT has for partitions, "
          "sectors 3,000 to 143,326"]),
        ([put(1024 + 40, "<Q", 1000), both(put(88, "<I", 0))],
         ["of its GPT the first header has a table with a wrong checksum, and the second one too"]),
        ([put(450, "B", 0x83)], ["its MBR has no partition of type ee from sector 1 on, without "
                                 "which a UEFI reads no GPT"]),
        ([put(START * 512 + 13, "B", 3)],
         ["the FAT of partition 1 says of 3 sectors to a cluster"]),
    ],
    ids=["one header", "both headers", "first gone", "both gone", "tables", "entries", "bounds",
         "no checksum", "mbr", "cluster"],
)  # fmt: skip
def test_what_is_wrong_is_said(edits: list[Edit], says: list[str], right: bytes) -> None:
    image = bytearray(right)
    for edit in edits:
        edit(image)
    assert flaws(image) == says


def test_a_partition_that_ends_before_it_begins_is_told(right: bytes) -> None:
    image = bytearray(right)
    struct.pack_into("<Q", image, 1024 + 40, 1000)
    both(put(88, "<I", zlib.crc32(image[1024 : 1024 + 128 * 128])))(image)
    assert flaws(image)[0] == (
        "partition 1, sectors 2,048 to 1,000, is not within what its GPT has for partitions, "
        "sectors 2,048 to 143,326"
    )


def test_a_partition_that_was_never_formatted_is_told(tmp_path: Path) -> None:
    image = partitioned(tmp_path, "gpt", "start=2048, size=131072, type=U", fat_at=None)
    assert flaws(image) == ["partition 1 begins with zeros: no file system has been made in it"]


def test_another_file_system_is_named(tmp_path: Path) -> None:
    needs("mkfs.ext4")
    image = partitioned(tmp_path, "gpt", "start=2048, size=131072, type=U", fat_at=None)
    made = tmp_path / "ext4.img"
    made.write_bytes(bytes(64 << 20))
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", made], check=True)
    image[START * 512 : START * 512 + (64 << 20)] = made.read_bytes()
    assert flaws(image) == ["partition 1 has ext2, ext3 or ext4, which a UEFI does not read"]


def test_partitions_of_an_mbr_lie_on_the_disk_and_beside_each_other(tmp_path: Path) -> None:
    image = partitioned(tmp_path, "dos", "start=2048, size=131072, type=ef")
    struct.pack_into("<B3xB3xII", image, 462, 0, 0x83, 4096, 1 << 30)
    assert flaws(image)[:2] == [
        "partition 2, sectors 4,096 to 1,073,745,919, is not within the disk, which has 143,360 "
        "sectors",
        "partitions 1 and 2 lie on each other",
    ]
