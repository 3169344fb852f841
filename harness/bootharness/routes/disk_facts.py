"""What a trace keeps of a disk."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bootharness.errors import KernelUnavailable
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.routes.shape import Shape

if TYPE_CHECKING:
    from bootharness.routes.disk import DiskImage
    from bootharness.routes.disk_layout import DiskLayout
    from bootharness.trace.booted import DiskFacts

__all__ = ["LEAST_DISK_SECTORS", "facts_of", "facts_unread"]

LEAST_DISK_SECTORS = 16 * 63
"""A disk's size is told in cylinders of so many, and one of none cannot be read: smaller images
end in zeros that are not in their file."""


def facts_of(disk: "DiskImage | DiskLayout", unread: "DiskFacts") -> "DiskFacts":
    """Return what a trace keeps of a disk, of which that much is known unread.

    Raises KernelUnavailable when it cannot be read.
    """
    try:
        boot_sector = disk.read(0, SECTOR_BYTES).hex()
        size = disk.size_bytes
    except OSError as error:
        raise KernelUnavailable(f"{disk.name}: {error.strerror}") from error
    told = disk.loader.patches if disk.loader else {}
    if unread.kind == "disk":
        size = max(size, LEAST_DISK_SECTORS * unread.sector_bytes)
    return replace(
        unread,
        bytes=size,
        kernel_lba=disk.kernel_lba if disk.kernel else None,
        cmdline_lba=disk.cmdline_lba if "cmdline_lba" in told else None,
        cmdline=disk.cmdline if "cmdline_lba" in told else None,
        initrd_lba=disk.initrd.lba if disk.initrd else None,
        initrd_bytes=disk.initrd.size if disk.initrd else None,
        initrd_address=disk.initrd.address if disk.initrd else None,
        boot_sector=boot_sector,
    )


def facts_unread(
    name: str, shape: Shape, *, driver: str = "raw", others: tuple[str, ...] = ()
) -> "DiskFacts":
    """Return what a trace keeps of a disk of which nothing has been read yet."""
    from bootharness.trace.booted import DiskFacts  # by then QEMU has been started

    return DiskFacts(
        path=name,
        bytes=0,
        kernel_lba=None,
        cmdline_lba=None,
        cmdline=None,
        initrd_lba=None,
        initrd_bytes=None,
        initrd_address=None,
        boot_sector="",
        driver=driver,
        kind=shape.kind,
        drive=shape.drive,
        sector_bytes=shape.sector_bytes,
        base=shape.base,
        heads=shape.floppy.heads if shape.floppy else None,
        track_sectors=shape.floppy.sectors if shape.floppy else None,
        told_sectors=shape.told_sectors,
        refused=shape.refused,
        others=others,
    )
