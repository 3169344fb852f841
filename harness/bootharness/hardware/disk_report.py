"""What mbr/disk_writer.asm tells over the line: what disk it sees, and what came of writing it."""

import re
import struct

from msgspec import Struct, field

from bootharness.formats.mbr import SECTOR_BYTES

__all__ = ["DiskReport", "SeenDisk", "why_refused"]

_TOLD = re.compile(rb"@([A-Z])((?:[0-9A-F]{2}){1,64})\n")
_DISK = struct.Struct("<QHI20s")
_PLACE = struct.Struct("<QBB")
# what is told takes fewer bytes; text of others on the line goes on and on
_REST_BYTES = 256
_SIGNATURE = re.compile(r"[0-9A-Fa-f]{8}")
_WHY = {
    "N": "the firmware of the card gives no PXE services to a boot program",
    "P": "the network stopped bringing the image at LBA {lba} (service {function:02x}h, status "
    "{status:02x}h)",
    "T": "what came by the network for LBA {lba} is not what was sent",
    "F": "INT 13h AH={function:02X}h failed at LBA {lba} with status {status:02x}h",
    "U": "LBA {lba} reads back as something else than was written",
}


class SeenDisk(Struct, frozen=True):
    """The first hard disk of a machine, as its BIOS has it."""

    sectors: int
    sector_bytes: int
    signature: int
    serial: str

    def __str__(self) -> str:
        size = f"{self.sectors * self.sector_bytes / (1 << 20):,.0f} MiB"
        serial = f", serial number {self.serial}" if self.serial else ", no serial number to be had"
        return f"{size}, signature {self.signature:08x}{serial}"


class DiskReport(Struct):
    """What was told by now; ``why`` is what went wrong."""

    disk: SeenDisk | None = None
    refused: bool = False
    written: bool = False
    why: str = ""
    _rest: bytes = field(default=b"")

    @property
    def over(self) -> bool:
        """Whether the machine has stopped."""
        return bool(self.refused or self.written or self.why)

    def feed(self, data: bytes) -> None:
        """Take what came. What a line has changed is no report, for its sum is wrong."""
        said = self._rest + data
        end = 0
        for found in _TOLD.finditer(said):
            end = found.end()
            told = bytes.fromhex(found[2].decode())
            if sum(told) % 256 == 0 and not self.over:
                self._take(found[1].decode(), told[:-1])
        self._rest = said[max(end, len(said) - _REST_BYTES) :]

    def _take(self, kind: str, told: bytes) -> None:
        if kind == "D" and len(told) == _DISK.size:
            sectors, sector_bytes, signature, serial = _DISK.unpack(told)
            name = "".join(chr(each) if 32 < each < 127 else " " for each in serial).strip()
            self.disk = SeenDisk(sectors, sector_bytes, signature, name)
        elif len(told) == _PLACE.size:
            lba, function, status = _PLACE.unpack(told)
            self.refused, self.written = kind == "R", kind == "W"
            if kind in _WHY:
                self.why = _WHY[kind].format(lba=lba, function=function, status=status)


def why_refused(disk: SeenDisk, word: str, sectors: int) -> str:
    """Say why a disk is not written with an image of so many sectors."""
    if disk.sector_bytes != SECTOR_BYTES:
        return f"it has sectors of {disk.sector_bytes} bytes, and an image those of {SECTOR_BYTES}"
    if disk.sectors < sectors:
        return f"the image has {sectors:,} sectors and the disk {disk.sectors:,}"
    if not disk.serial and not _SIGNATURE.fullmatch(word):
        return (
            f"whether it is {word} cannot be confirmed, for its BIOS does not tell the ports of an "
            "ATA disk (as behind AHCI, of NVMe or a stick): name it by its signature"
        )
    return f"it is not {word}"
