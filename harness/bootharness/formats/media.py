"""What a file that is to be a disk really is, by its first bytes."""

from bootharness.errors import FormatError
from bootharness.formats.bzimage import MINIMUM_BYTES, SetupHeader
from bootharness.formats.mbr import BOOTSTRAP_BYTES, SECTOR_BYTES

__all__ = ["LOOK_BYTES", "foreign_form", "is_bare_kernel"]

_ISO_AT = 0x8001
LOOK_BYTES = _ISO_AT + 5
"""How much of the file has to be looked at."""

# where, what stands there, what it is: an image format that a machine cannot boot as it is
_FORMS = (
    (0, b"QFI\xfb", "a qcow2 image"),
    (0, b"QED\0", "a QED image"),
    (0, b"KDMV", "a VMDK image"),
    (0, b"COWD", "a VMDK image"),
    (0, b"# Disk DescriptorFile", "a VMDK descriptor"),
    (64, b"\x7f\x10\xda\xbe", "a VDI image"),
    (0, b"vhdxfile", "a VHDX image"),
    (0, b"conectix", "a VHD image"),
    (0, b"WithoutFreeSpace", "a Parallels image"),
    (0, b"WithouFreSpacExt", "a Parallels image"),
    (0, b"MSWIM\0\0\0", "a WIM archive"),
    (0, b"LUKS\xba\xbe", "an encrypted (LUKS) image"),
    (0, b"hsqs", "a SquashFS image"),
    (0, b"\x1f\x8b\x08", "compressed with gzip"),
    (0, b"\xfd7zXZ\0", "compressed with xz"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (0, b"\x04\x22\x4d\x18", "compressed with lz4"),
    (0, b"BZh", "compressed with bzip2"),
    (0, b"LZIP", "compressed with lzip"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"!<arch>\ndebian", "a Debian package"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x7fELF", "an ELF file"),
    (0, b"0707", "a cpio archive, as an initrd is"),
)
_BOOT_SIGNATURE = b"\x55\xaa"
# what the boot sectors of Linux kernels say that can only be loaded
_USE_A_LOADER = (b"boot loader", b"ooting from floppy", b"loppy boot")


def foreign_form(head: bytes) -> str | None:
    """Return what the file is that begins so, as in "this is ...", when it is no raw disk.

    ``head`` are its first `LOOK_BYTES`. An ISO 9660 image that can be booted as a disk, too, is
    taken for one.
    """
    for at, magic, name in _FORMS:
        if head.startswith(magic, at):
            return name
    iso = head.startswith(b"CD001", _ISO_AT)
    if iso and head[SECTOR_BYTES - 2 : SECTOR_BYTES] != _BOOT_SIGNATURE:
        return "a CD image (ISO 9660) without a boot sector for disks"
    return None


def is_bare_kernel(head: bytes) -> bool:
    """Return whether a Linux kernel begins here whose boot sector cannot load it.

    (boot protocol, "The Real-Mode Kernel Header"; such a sector is an EFI program's header, a
    message, or zeros.)
    """
    try:
        SetupHeader.parse(head[:MINIMUM_BYTES])
    except FormatError:
        return False
    code = head[:BOOTSTRAP_BYTES]
    return code.startswith(b"MZ") or not any(code) or any(each in code for each in _USE_A_LOADER)
