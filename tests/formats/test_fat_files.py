"""Files in FAT, as mtools makes it."""

import random
import re
import subprocess
from pathlib import Path

import pytest

from bootharness.formats.fat import Fat
from bootharness.formats.fat_files import (
    file_in,
    file_on,
    files_ending,
    folder_on,
    system_partition_on,
)
from bootharness.kernels.content import file_source
from bootharness.routes.esp import write_esp
from tests.support.media import needs

CONTENT = random.Random(1).randbytes(300_000)


def reader(path: Path):  # type: ignore[no-untyped-def]
    data = path.read_bytes()
    return lambda at, size: data[at : at + size]


@pytest.mark.parametrize(("kib", "width"), [(1440, 12), (20_480, 16), (81_920, 32)])
def test_a_file_is_read_in_every_kind_of_fat(kib: int, width: int, tmp_path: Path) -> None:
    needs("mformat", "mcopy", "mmd")
    image, file = tmp_path / "fat.img", tmp_path / "content"
    file.write_bytes(CONTENT)
    with image.open("wb") as disk:
        disk.truncate(kib << 10)
    wide = ["-F"] if width == 32 else []
    small = ["-c", "1"] if width == 32 else []
    for argv in (
        ["mformat", "-i", image, "-T", str(kib * 2), "-h", "16", "-s", "63", *wide, *small, "::"],
        ["mmd", "-i", image, "::/EFI", "::/EFI/a long name"],
        ["mcopy", "-i", image, file, "::/EFI/a long name/Program.efi"],
        ["mcopy", "-i", image, file, "::/OTHER.EFI"],
        ["mdel", "-i", image, "::/OTHER.EFI"],
    ):
        subprocess.run(list(map(str, argv)), check=True, capture_output=True)
    read = reader(image)
    fat = Fat.at(read, 0)
    assert fat
    assert fat.bits == width
    assert file_in(read, fat, "\\efi\\A LONG NAME\\program.EFI") == CONTENT
    for other in ("\\EFI\\other.efi", "\\OTHER.EFI", "\\EFI"):
        assert file_in(read, fat, other) is None


@pytest.mark.parametrize(("kib", "wide"), [(1440, []), (20_480, []), (81_920, ["-F", "-c", "1"])])
def test_what_is_free_is_what_mtools_finds(kib: int, wide: list[str], tmp_path: Path) -> None:
    needs("mformat", "mcopy", "mdir")
    image, file = tmp_path / "fat.img", tmp_path / "content"
    file.write_bytes(CONTENT)
    image.write_bytes(bytes(kib << 10))
    for argv in (
        ["mformat", "-i", image, "-T", kib * 2, "-h", 16, "-s", 63, *wide, "::"],
        ["mcopy", "-i", image, file, "::/A"],
    ):
        subprocess.run(list(map(str, argv)), check=True, capture_output=True)
    said = subprocess.run(["mdir", "-i", image], check=True, capture_output=True, text=True).stdout
    (told,) = re.findall(r"([\d ]+) bytes free", said)
    fat = Fat.at(reader(image), 0)
    assert fat
    assert fat.free_bytes(reader(image)) == int(told.replace(" ", ""))
    assert system_partition_on(reader(image)) is None


def test_a_file_is_found_in_a_partition(tmp_path: Path) -> None:
    needs("mformat", "mcopy")
    file = tmp_path / "content"
    file.write_bytes(CONTENT)
    write_esp(tmp_path / "disk.img", {"EFI/BOOT/BOOTX64.EFI": file})
    assert file_on(reader(tmp_path / "disk.img"), "\\EFI\\BOOT\\BOOTX64.EFI") == CONTENT
    assert file_on(reader(tmp_path / "disk.img"), "\\EFI\\\\BOOT\\bootx64.efi") == CONTENT
    assert file_on(reader(tmp_path / "disk.img"), "\\EFI\\BOOT\\BOOTIA32.EFI") is None
    assert system_partition_on(reader(tmp_path / "disk.img"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    needs("mformat", "mcopy")
    write_esp(tmp_path / "disk.img", {"EFI/BOOT/BOOT/a": Path(__file__)})
    read = reader(tmp_path / "disk.img")
    assert folder_on(read, "\\EFI\\BOOT\\BOOT") and file_on(read, "\\EFI\\BOOT\\BOOT") is None
    assert not folder_on(read, "\\EFI\\BOOT\\BOOT\\a")
    assert not folder_on(read, "\\EFI\\BOOT\\BOOT\\a\\b")
    assert not folder_on(read, "\\EFI\\NONE")
    assert not folder_on(read, "")


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (512 + 72, bytes([255]) * 8),
        (512 + 72, (1 << 54).to_bytes(8, "little")),
        (512 + 84, bytes([255]) * 4),
        (1024 + 32, bytes([255]) * 16),
        (1024 + 32, (1 << 62).to_bytes(8, "little")),
    ],
    ids=["table", "table far away", "entry's size", "partition", "partition far away"],
)
def test_a_table_that_says_of_places_that_no_disk_has_is_passed_over(
    at: int, value: bytes, tmp_path: Path
) -> None:
    needs("mformat", "mcopy")
    path = tmp_path / "disk.img"
    write_esp(path, {"EFI/BOOT/BOOTX64.EFI": Path(__file__)})
    image = bytearray(path.read_bytes())
    image[at : at + len(value)] = value
    path.write_bytes(image)
    found = file_on(file_source(path).read, "\\EFI\\BOOT\\BOOTX64.EFI")
    assert found == Path(__file__).read_bytes()  # by the second table, at the disk's end


def test_what_is_free_is_asked_of_no_more_than_there_is(tmp_path: Path) -> None:
    needs("mformat")
    image = tmp_path / "fat.img"
    image.write_bytes(bytes(1440 << 10))
    subprocess.run(["mformat", "-i", str(image), "-f", "1440", "::"], check=True)
    data = bytearray(image.read_bytes())
    data[19:21], data[32:36] = bytes(2), bytes([255]) * 4  # 2 TB, by what it says
    image.write_bytes(data)
    asked = []

    def read(at: int, size: int) -> bytes:
        asked.append(size)
        return bytes(data[at : at + size])

    fat = Fat.at(read, 0)
    assert fat
    assert fat.clusters < 1 << 12  # its table has entries for no more
    assert fat.free_bytes(read) <= len(data)
    assert max(asked) < 1 << 20


def test_a_chain_that_has_no_end_is_left(tmp_path: Path) -> None:
    """Of a damaged table, or one that somebody made to be read for ever."""
    needs("mformat", "mcopy")
    image, file = tmp_path / "fat.img", tmp_path / "content"
    file.write_bytes(CONTENT)
    image.write_bytes(bytes(1440 << 10))
    for argv in (
        ["mformat", "-i", image, "-f", "1440", "::"],
        ["mcopy", "-i", image, file, "::/A"],
    ):
        subprocess.run(list(map(str, argv)), check=True, capture_output=True)
    data = bytearray(image.read_bytes())
    data[512 + 3 : 512 + 6] = b"\x02\x20\x00"  # the first cluster follows itself
    image.write_bytes(data)
    read = reader(image)
    fat = Fat.at(read, 0)
    assert fat
    found = file_in(read, fat, "\\A")
    assert found is not None
    assert len(found) <= len(CONTENT)


def test_what_is_no_file_system_has_no_files() -> None:
    noise = random.Random(2).randbytes(1 << 20)
    assert file_on(lambda at, size: noise[at : at + size], "\\EFI\\BOOT\\BOOTX64.EFI") is None
    assert file_on(lambda _at, _size: b"", "\\A") is None


def test_files_of_a_name_are_found_in_every_folder(tmp_path: Path) -> None:
    needs("mformat")
    content = tmp_path / "content"
    content.write_bytes(b"1")
    names = ("grub.cfg", "EFI/debian/grub.cfg", "EFI/debian/grub.cfg.old", "boot/grub/GRUB.CFG")
    write_esp(tmp_path / "disk.img", dict.fromkeys(names, content))
    assert sorted(files_ending(reader(tmp_path / "disk.img"), "\\grub.cfg")) == [
        "\\boot\\grub\\grub.cfg", "\\efi\\debian\\grub.cfg", "\\grub.cfg",
    ]  # fmt: skip
    assert not [*files_ending(lambda _at, size: bytes(size), "\\grub.cfg")]
