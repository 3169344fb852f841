"""El Torito: what a BIOS boots a CD by.

sector 17 (of 2,048 bytes)   the boot record: names itself, and at 47h the sector of the catalog
the catalog                  an entry that proves it (header 01, platform 00 for a PC, key 55 aa),
                             then the one that is booted: 88h, what is emulated, where it lies;
                             behind it sections for others: 90h, 91h for the last one, the platform,
                             and how many entries follow
"""

import struct
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from bootharness.formats.floppy import FloppyFormat

__all__ = ["CD_SECTOR_BYTES", "BootEntry", "boot_entry", "has_uefi_entry", "told_sectors"]

CD_SECTOR_BYTES = 2048
_VOLUME_SECTOR, _VOLUME = 16, b"\1CD001"
_VOLUME_SECTORS_AT = 80
_RECORD_SECTOR = 17
_RECORD = b"\0CD001\1EL TORITO SPECIFICATION"
_CATALOG_AT = 0x47
_ENTRY = struct.Struct("<BBHBBHI")
"""88h, what is emulated, segment, system type, -, sectors of 512 bytes, first sector"""
_ENTRY_BYTES = 32
_BOOTABLE = 0x88
_SECTIONS = (0x90, 0x91)
_UEFI = 0xEF
_PLATFORMS = {0: "a PC's BIOS", 1: "PowerPC", 2: "a Mac", _UEFI: "UEFI"}
_EMULATED = {0: "none", 1: "floppy", 2: "floppy", 3: "floppy", 4: "disk"}
_FLOPPIES = {1: FloppyFormat(80, 2, 15), 2: FloppyFormat(80, 2, 18), 3: FloppyFormat(80, 2, 36)}


class BootEntry(Struct, frozen=True):
    """What is booted: from sector ``lba`` on, as itself, as a ``floppy``, or as a disk."""

    emulation: Literal["none", "floppy", "disk"]
    lba: int
    floppy: FloppyFormat | None = None


def told_sectors(read: Callable[[int, int], bytes]) -> int | None:
    """Return how many sectors a CD says that it has (ECMA-119, 8.4.8); None where it says nothing.

    ``read`` gives bytes by their offset and number.
    """
    volume = read(_VOLUME_SECTOR * CD_SECTOR_BYTES, CD_SECTOR_BYTES)
    if not volume.startswith(_VOLUME):
        return None
    return int.from_bytes(volume[_VOLUME_SECTORS_AT : _VOLUME_SECTORS_AT + 4], "little") or None


def boot_entry(read: Callable[[int, int], bytes], size: int) -> BootEntry | str:
    """Return what a BIOS boots of a CD of ``size`` bytes, or else why it boots nothing, to go
    behind "it has".

    ``read`` gives bytes by their offset and number.
    """
    catalog = _catalog(read)
    if isinstance(catalog, str):
        return catalog
    if catalog[1]:
        whose = _PLATFORMS.get(catalog[1], f"platform {catalog[1]:02x}h")
        return f"a boot catalog that begins with an entry for {whose}, and none for a BIOS"
    kind, emulated, _, _, _, sectors, lba = _ENTRY.unpack_from(catalog, _ENTRY_BYTES)
    if kind != _BOOTABLE:
        return f"an entry in its boot catalog that is not bootable ({kind:02x}h in place of 88h)"
    media = emulated & 0x0F
    if media not in _EMULATED:
        return f"an entry in its boot catalog that emulates what nobody knows ({emulated:02x}h)"
    if not sectors:
        return "an entry in its boot catalog that loads no sector"
    if lba * CD_SECTOR_BYTES >= size:
        return f"an entry in its boot catalog for sector {lba:,}, which is behind its end"
    emulation: Literal["none", "floppy", "disk"] = _EMULATED[media]  # type: ignore[assignment]
    return BootEntry(emulation, lba, _FLOPPIES.get(media))


def has_uefi_entry(read: Callable[[int, int], bytes]) -> bool:
    """Return whether a CD has something that a UEFI boots in its boot catalog.

    (UEFI specification, "ISO-9660 and El Torito".) ``read`` gives bytes by their offset and number.
    """
    catalog = _catalog(read)
    if isinstance(catalog, str):
        return False
    headers = [catalog[at : at + 2] for at in range(_ENTRY_BYTES * 2, len(catalog), _ENTRY_BYTES)]
    return catalog[1] == _UEFI or any(bytes((each, _UEFI)) in headers for each in _SECTIONS)


def _catalog(read: Callable[[int, int], bytes]) -> bytes | str:
    """Return the boot catalog, or else why there is none, to go behind "it has"."""
    record = read(_RECORD_SECTOR * CD_SECTOR_BYTES, CD_SECTOR_BYTES)
    if not record.startswith(_RECORD):
        return "no El Torito boot record in sector 17"
    at = int.from_bytes(record[_CATALOG_AT : _CATALOG_AT + 4], "little")
    catalog = read(at * CD_SECTOR_BYTES, CD_SECTOR_BYTES).ljust(CD_SECTOR_BYTES, b"\0")
    if catalog[:1] != b"\1" or catalog[30:32] != b"\x55\xaa":
        return f"no boot catalog in sector {at:,}, where its boot record says that it is"
    return catalog
