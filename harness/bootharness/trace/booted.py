"""What was booted: the kernel, the loader, and what lies on the disk."""

from typing import Literal

from msgspec import Struct

from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.mbr import SECTOR_BYTES

__all__ = ["DiskFacts", "KernelFacts", "LoaderFacts", "MediumKind"]

MediumKind = Literal["disk", "cdrom", "floppy"]
"""What a machine can boot from that is not a network."""


class KernelFacts(Struct, frozen=True):
    """The kernel build under test; sizes in bytes."""

    source: str
    """What the person calls it."""
    sha256: str
    """The file's digest."""
    release: str
    """The version that it tells."""
    compression: str
    """What its payload is compressed with."""
    file_bytes: int
    """The size of the file."""
    real_mode_bytes: int
    """The size of boot sector and setup code."""
    payload_bytes: int
    """The size of the protected-mode kernel."""
    missing_bytes: int
    """How much of what the header promises the file does not have."""
    header: SetupHeader
    """The setup header."""
    efi_stub: bool = True
    """Whether a UEFI can start it."""
    inside: str = ""
    """What it was unpacked from; empty for a file that is a bzImage itself."""


class LoaderFacts(Struct, frozen=True):
    """The loader."""

    name: str
    """``stage1``, or its file."""
    sha256: str
    """The digest of its bytes."""
    symbols: dict[str, int]
    """Its labels as linear addresses."""
    manager: bool = False
    """Whether it finds its kernel by itself: nobody tells it where that lies."""

    def symbol_at(self, linear: int) -> str | None:
        """Write an address by the label before it, ``load_high+0x5``; None outside the loader."""
        below = [(place, name) for name, place in self.symbols.items() if place <= linear]
        if not below or linear > max(self.symbols.values()):
            return None
        place, name = max(below)
        return f"{name}+0x{linear - place:x}" if linear > place else name


class DiskFacts(Struct, frozen=True):
    """The medium, and what lies where on it."""

    path: str
    """The image."""
    bytes: int
    """How much it holds."""
    kernel_lba: int | None
    """Where the kernel lies, in sectors; None where that is not known."""
    cmdline_lba: int | None
    """Where the command line lies that a loader of ours reads."""
    cmdline: str | None
    """That command line."""
    initrd_lba: int | None
    """Where the initrd lies."""
    initrd_bytes: int | None
    """Its size."""
    initrd_address: int | None
    """Where in memory it is to go, linear; None where the loader chooses."""
    boot_sector: str
    """The sector that the BIOS enters, in hex."""
    blank_lba: int | None = None
    """Where the last read began, if all of it was zeros."""
    kind: MediumKind = "disk"
    """What it is attached as."""
    driver: str = "raw"
    """QEMU's driver for the image: ``raw``, or that of a container."""
    drive: int = 0x80
    """The number that the BIOS gives to the drive that it boots from."""
    sector_bytes: int = SECTOR_BYTES
    """How large that drive's sectors are."""
    base: int = 0
    """Where in the image that drive begins, in bytes: a CD may have a disk's image on it."""
    heads: int | None = None
    """How many sides a floppy has, None for another medium."""
    track_sectors: int | None = None
    """How many sectors a track of a floppy has."""
    told_sectors: int | None = None
    """How many sectors a CD says that it has, None for another medium."""
    others: tuple[str, ...] = ()
    """The images of further disks in the same machine."""
    filed: bool = False
    """Whether the kernel lies in a file system, which may have it in pieces."""
    lacks_bytes: int = 0
    """How much of an image in a container lies behind the end of its file, where it reads as
    zeros."""
    refused: str = ""
    """Why no BIOS boots from it, to go behind "it has"; empty where one may."""
