"""UEFI programs of a few instructions, and disks that have one or a boot manager on them."""

import struct
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from bootharness.formats.gpt import FIRST_LBA
from bootharness.routes.esp import write_esp
from tests.support.media import run

__all__ = [
    "AARCH64", "FALLBACK", "I386", "X64", "break_chain", "disk", "fat_at", "file_system",
    "for_machine", "program",
]  # fmt: skip

FALLBACK = "EFI/BOOT/BOOTX64.EFI"
I386, X64, AARCH64 = 0x14C, 0x8664, 0xAA64
_APPLICATION = 10
_AT, _PAGE, _BLOCK = 0x80, 0x1000, 0x200
_SECTOR = 512
_DISK_KIB = 64 << 10
_HOLES, _HOLE_BYTES = 92, 700_000


def program(code: bytes, subsystem: int = _APPLICATION) -> bytes:
    """Return a UEFI program (PE32+) for x64 with such code at its entry."""
    headers = bytearray(_BLOCK)
    headers[:2] = b"MZ"
    struct.pack_into("<I", headers, 0x3C, _AT)
    size = -(-len(code) // _BLOCK) * _BLOCK
    struct.pack_into("<4sHHIIIHH", headers, _AT, b"PE\0\0", X64, 1, 0, 0, 0, 0xF0, 0x222E)
    optional = _AT + 24
    struct.pack_into("<HBBIIIIIQII", headers, optional, 0x20B, 0, 0, size, 0, 0, _PAGE, _PAGE, 0,
                     _PAGE, _BLOCK)  # fmt: skip
    whole = _PAGE - len(code) // -_PAGE * _PAGE
    struct.pack_into("<IIIH", headers, optional + 56, whole, _BLOCK, 0, subsystem)
    struct.pack_into("<I", headers, optional + 108, 16)
    struct.pack_into("<8sIIIIIIHHI", headers, optional + 0xF0, b".text", len(code), _PAGE, size,
                     _BLOCK, 0, 0, 0, 0, 0x60000020)  # fmt: skip
    return bytes(headers) + code.ljust(size, b"\0")


def for_machine(image: bytes, machine: int) -> bytes:
    """Return a program that says that it is for another machine."""
    (at,) = struct.unpack_from("<I", image, 0x3C)
    return image[: at + 4] + struct.pack("<H", machine) + image[at + 6 :]


def disk(folder: Path, files: Mapping[str, bytes | Path]) -> Path:
    """Write a disk with files on its EFI system partition, which are there or are made."""
    named = {}
    for number, (name, content) in enumerate(files.items()):
        named[name] = content if isinstance(content, Path) else folder / f"file{number}"
        if isinstance(content, bytes):
            named[name].write_bytes(content)
    write_esp(folder / "disk.img", named)
    return folder / "disk.img"


def file_system(
    path: Path, files: Mapping[str, bytes], *options: str, scattered: bool = False
) -> Path:
    """Write a disk that is all one FAT, made with options of mkfs.vfat, with files on it; the
    clusters of those that are ``scattered`` do not lie in a row."""
    run("mkfs.vfat", "-C", *options, path, str(_DISK_KIB))
    holes = [f"hole{number}" for number in range(_HOLES if scattered else 0)]
    hole = path.with_suffix(".hole")
    hole.write_bytes(bytes(_HOLE_BYTES))
    for name in holes:
        run("mcopy", "-i", path, hole, f"::{name}")
    for name in holes[::2]:
        run("mdel", "-i", path, f"::{name}")
    folders = dict.fromkeys(
        str(each) for name in files for each in reversed(PurePosixPath(name).parents[:-1])
    )
    for folder in folders:
        run("mmd", "-i", path, f"::{folder}")
    content = path.with_suffix(".file")
    for name, each in files.items():
        content.write_bytes(each)
        run("mcopy", "-i", path, content, f"::{name}")
    return path


def fat_at(image: bytes | bytearray) -> tuple[int, int]:
    """Return where on such a disk, in bytes, the first FAT begins, and the cluster 2."""
    start = FIRST_LBA * _SECTOR
    reserved, copies = struct.unpack_from("<HB", image, start + 14)
    (sectors,) = struct.unpack_from("<I", image, start + 36)
    fat = start + reserved * _SECTOR
    return fat, fat + copies * sectors * _SECTOR


def break_chain(image: bytearray, name: bytes, after: int, value: int) -> None:
    """Set the FAT's entry for a cluster of a file, which lies in a row, to a value, in both FATs.

    ``name`` is as in its directory, 11 characters.
    """
    at = image.index(name)
    high, _, _, low = struct.unpack_from("<HHHH", image, at + 20)
    fat, clusters = fat_at(image)
    cluster = (high << 16 | low) + after
    for copy in (fat, fat + (clusters - fat) // 2):
        struct.pack_into("<I", image, copy + 4 * cluster, value)
