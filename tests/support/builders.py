"""Test inputs, made of good parts by a small change."""

import re
import struct
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from bootharness.formats.bzimage import offset_of
from bootharness.host.assembler import shipped
from bootharness.routes.loader import Loader

__all__ = [
    "bzimage",
    "edited_stage1",
    "no_carry",
    "patched_kernel",
    "serial_writer",
    "without_carry",
]

_SIZES = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}


def bzimage(
    payload: bytes = b"",
    *,
    setup_sects: int = 4,
    version: int = 0x20F,
    syssize: int | None = None,
    loadflags: int = 1,
    header_end: int = 0x26C,
) -> bytes:
    """Return a bzImage with the given header fields; its setup code is zeros."""
    image = bytearray((1 + (setup_sects or 4)) * 512)
    struct.pack_into("<B", image, 0x1F1, setup_sects)
    struct.pack_into("<I", image, 0x1F4, len(payload) // 16 if syssize is None else syssize)
    struct.pack_into("<HBB", image, 0x1FE, 0xAA55, 0xEB, header_end - 0x202)
    struct.pack_into("<4sH", image, 0x202, b"HdrS", version)
    struct.pack_into("<B", image, 0x211, loadflags)
    struct.pack_into("<I", image, 0x214, 0x100000)
    struct.pack_into("<II", image, 0x22C, 0x7FFFFFFF, 0x200000)
    struct.pack_into("<I", image, 0x238, 2047)
    struct.pack_into("<I", image, 0x260, 0x1000)
    return bytes(image) + payload


def patched_kernel(source: Path, target: Path, *, size: int, **fields: int) -> Path:
    """Copy a kernel, header fields of ``size`` bytes set to other values."""
    image = bytearray(source.read_bytes())
    for name, value in fields.items():
        struct.pack_into(_SIZES[size], image, offset_of(name), value)
    target.write_bytes(image)
    return target


def edited_stage1(folder: Path, edit: Callable[[str], str], name: str = "edited.asm") -> Loader:
    """Return stage1 assembled from an edited source; the edit must have changed something."""
    source = shipped("mbr/stage1.asm").read_text()
    edited = edit(source)
    assert edited != source, "the edit found nothing to change"
    path = folder / name
    path.write_text(edited)
    return Loader.read(path)


def no_carry(folder: Path) -> Path:
    """Write the loader of the story: it loses the carry out of bit 23, and takes no initrd."""
    path = edited_stage1(
        folder,
        lambda source: re.sub(r"(destination_carry:.*\n).*\n", r"\1", source),
        "no-carry.asm",
    ).name
    profile = '[patch]\nkernel_lba = "kernel_lba"\ncmdline_lba = "cmdline_lba"\n'
    Path(path).with_suffix(".toml").write_text(profile)
    return Path(path)


def without_carry(loader: Loader) -> Loader:
    """Return stage1 without the instruction that stores bits 24 to 31 of the destination."""
    at = loader.symbols["destination_carry"] - 0x7C00
    size = 3  # MOV [SI + disp8], AL
    assert loader.binary[at : at + 2] == b"\x88\x44"
    binary = loader.binary[:at] + b"\x90" * size + loader.binary[at + size :]
    return replace(loader, name="without-carry", binary=binary)


def serial_writer(folder: Path, text: bytes, then: str) -> Loader:
    """Return a loader that writes to the serial line and loads nothing.

    ``then`` is the assembly that follows: ``jmp again`` for writing on and on.
    """
    path = folder / "writer.asm"
    path.write_text(
        f"""
        bits 16
        xor ax, ax
        mov ds, ax
again:  mov si, text
        mov cx, {len(text)}
        mov dx, 0x3f8
next:   lodsb
        out dx, al
        loop next
        {then}
text:   db {", ".join(map(str, text))}
        """
    )
    return Loader.read(path)
