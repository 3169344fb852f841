"""What kind of a medium an image is: how a machine has it, and what its BIOS shows of it."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from bootharness.formats.eltorito import CD_SECTOR_BYTES, boot_entry, told_sectors
from bootharness.formats.floppy import FloppyFormat, drive_format, floppy_format
from bootharness.formats.gpt import GPT
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.plan import AUTO
from bootharness.trace.booted import MediumKind

__all__ = ["Shape", "shape_of"]

_LARGE_SECTORS = 4096
_SECTOR_BYTES_AT = 11
_ISO_AT, _ISO = 0x8001, b"CD001"
_JUMPS = (0xEB, 0xE9)
# the numbers that SeaBIOS gives to the drives that it boots from
_FLOPPY, _DISK, _CD = 0x00, 0x80, 0xE0


class Shape(Struct, frozen=True):
    """A medium as a machine has it, and the drive that its BIOS makes of it.

    That drive has the number ``drive`` and sectors of ``sector_bytes``, and begins at byte
    ``base`` of the image: what a CD emulates lies anywhere on it. ``floppy`` is the format of a
    floppy, that of one which a CD emulates, too. ``told_sectors`` is how many a
    CD says that it has. ``refused`` is why no BIOS boots it, to go behind "it has"; empty where
    one may.
    """

    kind: MediumKind = "disk"
    drive: int = _DISK
    sector_bytes: int = SECTOR_BYTES
    base: int = 0
    floppy: FloppyFormat | None = None
    told_sectors: int | None = None
    refused: str = ""

    def shows(self, drive: int) -> bool:
        """Return whether the BIOS has this medium as a drive of such a number."""
        if self.kind == "cdrom" and not self.base:
            return drive >= _CD
        return drive < _DISK if self.drive == _FLOPPY else _DISK <= drive < _CD


def shape_of(read: Callable[[int, int], bytes], size: int, asked: str = AUTO) -> Shape:
    """Return the shape of an image of ``size`` bytes, as it is or as somebody asks for it.

    ``read`` gives bytes by their offset and number.
    """
    kind = _kind(read, size) if asked == AUTO else asked
    if kind == "floppy":
        return Shape("floppy", _FLOPPY, floppy=drive_format(read(0, SECTOR_BYTES), size))
    if kind != "cdrom":
        return Shape(sector_bytes=_disk_sector_bytes(read))
    shape = Shape("cdrom", _CD, CD_SECTOR_BYTES, told_sectors=told_sectors(read))
    entry = boot_entry(read, size)
    if isinstance(entry, str):
        return replace(shape, refused=entry)
    if entry.emulation == "none":
        return shape
    drive = _FLOPPY if entry.floppy else _DISK
    return Shape("cdrom", drive, SECTOR_BYTES, entry.lba * CD_SECTOR_BYTES, entry.floppy)


def _kind(read: Callable[[int, int], bytes], size: int) -> MediumKind:
    boot_sector = read(0, SECTOR_BYTES)
    if read(_ISO_AT, len(_ISO)) == _ISO:
        signed = boot_sector.endswith(b"\x55\xaa")
        cut = (told_sectors(read) or 0) * CD_SECTOR_BYTES > size
        as_disk = signed and not cut and isinstance(boot_entry(read, size), str)
        return "disk" if as_disk else "cdrom"
    return "floppy" if floppy_format(boot_sector, size) else "disk"


def _disk_sector_bytes(read: Callable[[int, int], bytes]) -> int:
    """Return how large a disk's sectors are, by its partition table or its file system: of what
    tells neither they are of 512 bytes, as nearly all are."""
    if read(_LARGE_SECTORS, len(GPT)) == GPT and read(SECTOR_BYTES, len(GPT)) != GPT:
        return _LARGE_SECTORS
    head = read(0, SECTOR_BYTES)
    told = int.from_bytes(head[_SECTOR_BYTES_AT : _SECTOR_BYTES_AT + 2], "little")
    return told if told == _LARGE_SECTORS and head[:1] and head[0] in _JUMPS else SECTOR_BYTES
