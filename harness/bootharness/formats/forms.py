"""What a file really is, whatever it was given for: one look at its first bytes."""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from bootharness.errors import FormatError
from bootharness.formats.bzimage import MINIMUM_BYTES, SetupHeader, is_uefi_program
from bootharness.formats.mbr import BOOTSTRAP_BYTES, SECTOR_BYTES, has_partitions

__all__ = [
    "ELF_MACHINES",
    "LOOK_BYTES",
    "MEDIA",
    "Form",
    "form_of",
    "is_bare_kernel",
    "is_bzimage",
    "never_an_initrd",
]

_ISO_AT = 0x8001
_BOOT_RECORD_AT, _BOOT_RECORD = 0x8800, b"\0CD001\1EL TORITO SPECIFICATION"
_EXT_MAGIC_AT, _EXT_MAGIC = 0x438, b"\x53\xef"
LOOK_BYTES = _BOOT_RECORD_AT + len(_BOOT_RECORD)
"""How much of the file has to be looked at."""


class Form(Struct, frozen=True):
    """What a file is.

    ``name`` as in "this is ...", ``instead`` what to do who wants a kernel, ``id`` short and for
    programs, where one of them can do something with it.
    """

    name: str
    instead: str = ""
    id: str = ""

    @property
    def of_no_pc(self) -> bool:
        """Whether it is what only another kind of computer boots."""
        return self.instead in (_OTHER_BOARD, _NO_PC)


_DISK = "boot it with --route disk"
_UNPACK = "unpack it, and give the kernel or the disk image that is in it"
_BZIMAGE = "give a bzImage (arch/x86/boot/bzImage, /boot/vmlinuz-*)"
_LOADER = "give it with --loader, and a kernel"
_INITRD = "give it with --initrd, and a kernel"
_OTHER_BOARD = "a PC boots from a bzImage instead"
_NO_PC = "a PC cannot boot it"

_FORMS = (
    (0, b"QFI\xfb", Form("a qcow2 image", _DISK, "container")),
    (0, b"QED\0", Form("a QED image", _DISK, "container")),
    (0, b"KDMV", Form("a VMDK image", _DISK, "container")),
    (0, b"COWD", Form("a VMDK image", _DISK, "container")),
    (
        0,
        b"# Disk DescriptorFile",
        Form(
            "a VMDK descriptor, which only names the files of a disk",
            "`qemu-img convert -O qcow2` makes one file of them",
            "parts",
        ),
    ),
    (64, b"\x7f\x10\xda\xbe", Form("a VDI image", _DISK, "container")),
    (0, b"vhdxfile", Form("a VHDX image", _DISK, "container")),
    (0, b"conectix", Form("a VHD image", _DISK, "container")),
    (0, b"WithoutFreeSpace", Form("a Parallels image", _DISK, "container")),
    (0, b"WithouFreSpacExt", Form("a Parallels image", _DISK, "container")),
    (0, b"MSWIM\0\0\0", Form("a WIM archive", _UNPACK)),
    (0, b"LUKS\xba\xbe", Form("an encrypted (LUKS) image", _UNPACK)),
    (0, b"hsqs", Form("a SquashFS image", _UNPACK)),
    (0, b"\x1f\x8b\x08", Form("compressed with gzip", id="gzip")),
    (0, b"\xfd7zXZ\0", Form("compressed with xz", id="xz")),
    (0, b"\x28\xb5\x2f\xfd", Form("compressed with zstd", id="zstd")),
    (0, b"\x04\x22\x4d\x18", Form("compressed with lz4", id="lz4")),
    (0, b"\x02\x21\x4c\x18", Form("compressed with lz4", id="lz4")),
    (0, b"BZh", Form("compressed with bzip2", id="bzip2")),
    (0, b"\x5d\0\0", Form("compressed with lzma", id="lzma")),
    (0, b"\x89LZO\0\r\n\x1a\n", Form("compressed with lzop", _UNPACK)),
    (0, b"LZIP", Form("compressed with lzip", _UNPACK)),
    (0, b"PK\x03\x04", Form("a ZIP archive", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Form("a 7z archive", _UNPACK)),
    (0, b"!<arch>\ndebian", Form("a Debian package", id="deb")),
    (0, b"!<arch>\n", Form("an archive of object files (ar)", _BZIMAGE)),
    (
        0,
        b"\xed\xab\xee\xdb",
        Form("an RPM package", f"{_UNPACK} (rpm2cpio, lib/modules/*/vmlinuz)"),
    ),
    (257, b"ustar", Form("a tar archive", _UNPACK)),
    (0, b"0707", Form("a cpio archive, as an initrd is", _INITRD)),
    (0, b"\xc7\x71", Form("a cpio archive, as an initrd is", _INITRD)),
    (0, b"\x27\x05\x19\x56", Form("a U-Boot image (uImage)", _OTHER_BOARD)),
    (0, b"\xd0\x0d\xfe\xed", Form("a device tree or a FIT image", _OTHER_BOARD)),
    (
        0,
        b"MZ\0\0zimg",
        Form("a compressed EFI kernel (zboot) of another architecture", _OTHER_BOARD),
    ),
    (56, b"ARM\x64", Form("a Linux Image for arm64", _NO_PC)),
    (56, b"RSC\x05", Form("a Linux Image for RISC-V", _NO_PC)),
    (36, b"\x18\x28\x6f\x01", Form("a Linux zImage for 32-bit ARM", _NO_PC)),
    (0, b"%PDF", Form("a PDF document", _BZIMAGE)),
)
"""Where, what stands there, and what the file is then; the first that fits."""

ELF_MACHINES = {3: "i386", 40: "ARM", 62: "x86-64", 183: "arm64", 243: "RISC-V", 21: "POWER"}
_PE_MACHINES = {
    0x14C: "i386",
    0x8664: "x86-64",
    0xAA64: "arm64",
    0x5064: "RISC-V",
    0x6264: "LoongArch",
}
_OURS = ("i386", "x86-64")
_BOOT_SIGNATURE = b"\x55\xaa"
# what the boot sectors of Linux kernels say that can only be loaded
_USE_A_LOADER = (b"boot loader", b"ooting from floppy", b"loppy boot")
_TEXT_BYTES = 512
# NASM's; a text may have these words, but not alone on a line with a number
_DIRECTIVE = re.compile(
    rb"^[ \t]*\[?[ \t]*(?:bits[ \t]+(?:16|32|64)|org[ \t]+[0-9]\w*)[ \t]*\]?[ \t]*(?:;.*)?\r?$",
    re.IGNORECASE | re.MULTILINE,
)
MEDIA = ("disk", "cd", "container")
"""The ids of what a machine boots from."""
_NO_INITRDS = ("elf", "efi", "deb", *MEDIA)


def form_of(head: bytes) -> Form | None:
    """Return what the file is that begins so, None for a bzImage and for what nobody knows.

    ``head`` are its first `LOOK_BYTES`.
    """
    if not head:
        return Form("empty", "give a kernel that was built to its end")
    if is_bzimage(head):
        return None
    return next(_forms(head), None)


def never_an_initrd(head: bytes) -> str | None:
    """Return what a file is that begins so and that no kernel takes for an initrd, else None."""
    if is_bzimage(head):
        return "a Linux kernel"
    form = form_of(head)
    return form.name if form and form.id in _NO_INITRDS else None


def is_bzimage(head: bytes) -> bool:
    """Return whether a file that begins so has a Linux kernel's setup header."""
    try:
        SetupHeader.parse(head[:MINIMUM_BYTES])
    except FormatError:
        return False
    return True


def is_bare_kernel(head: bytes) -> bool:
    """Return whether a Linux kernel begins here whose boot sector cannot load it.

    (boot protocol, "The Real-Mode Kernel Header"; such a sector is an EFI program's header, a
    message, or zeros.)
    """
    if not is_bzimage(head):
        return False
    code = head[:BOOTSTRAP_BYTES]
    return code.startswith(b"MZ") or not any(code) or any(each in code for each in _USE_A_LOADER)


def _forms(head: bytes) -> Iterator[Form]:
    for at, magic, form in _FORMS:
        if head.startswith(magic, at):
            yield form
    if head.startswith(b"\x7fELF"):
        yield _elf(head)
    if is_uefi_program(head):
        yield _pe(head)
    signed = head[SECTOR_BYTES - 2 : SECTOR_BYTES] == _BOOT_SIGNATURE
    if head.startswith(b"CD001", _ISO_AT):
        boots = head.startswith(_BOOT_RECORD, _BOOT_RECORD_AT)
        kind = "disk" if signed and not boots else "cd"
        yield Form("a CD image (ISO 9660)", _DISK, kind)
    if signed:
        yield Form("a disk image", _DISK, "disk")
    elif has_partitions(head[:SECTOR_BYTES]):
        yield Form("a disk image without a boot signature", _DISK, "disk")
    if head.startswith(_EXT_MAGIC, _EXT_MAGIC_AT):
        yield Form("an ext2, ext3 or ext4 file system without a boot sector", _UNPACK)
    if _is_text(head):
        yield _text(head)


def _elf(head: bytes) -> Form:
    order: Literal["big", "little"] = "big" if head[5:6] == b"\2" else "little"
    machine = ELF_MACHINES.get(int.from_bytes(head[18:20], order), "another architecture")
    if machine not in _OURS:
        return Form(f"an ELF file for {machine}", _NO_PC)
    kind = int.from_bytes(head[16:18], order)
    if kind == 1:
        return Form(
            "an ELF object file", "give the bzImage, arch/x86/boot/bzImage of the same tree"
        )
    return Form(
        "an ELF file, as a vmlinux is",
        "give the bzImage, arch/x86/boot/bzImage of the same tree",
        "elf",
    )


def _pe(head: bytes) -> Form:
    at = int.from_bytes(head[0x3C:0x40], "little")
    machine = _PE_MACHINES.get(
        int.from_bytes(head[at + 4 : at + 6], "little"), "another architecture"
    )
    if machine not in _OURS:
        return Form(f"an EFI application for {machine}", _NO_PC)
    return Form("an EFI application without a kernel in it", _BZIMAGE, "efi")


def _is_text(head: bytes) -> bool:
    try:
        text = head[:_TEXT_BYTES].decode("ascii")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)


def _text(head: bytes) -> Form:
    words = head.lower().split()
    if head.startswith(b"#!"):
        return Form("a script", _BZIMAGE)
    if _DIRECTIVE.search(head):
        return Form("a program in assembly language", _LOADER)
    if head.startswith(b"version https://git-lfs"):
        return Form("a pointer to a file in Git LFS", "fetch the file itself (`git lfs pull`)")
    if words and words[0].startswith((b"<!doctype", b"<html")):
        return Form("a page of HTML, perhaps an error of the server it came from", _BZIMAGE)
    return Form("text", _BZIMAGE)
