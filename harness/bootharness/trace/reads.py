"""What was read from which drive, in that drive's own sectors, however it was asked for."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.eltorito import CD_SECTOR_BYTES
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.trace.booted import DiskFacts

__all__ = ["DiskRead", "chs_of", "disk_reads", "is_read"]

_DISK, _BY_CHS, _BY_LBA, _PARAMETERS = 0x13, 0x02, 0x42, 0x08
_FIRST_CD = 0xE0
"""From here on SeaBIOS numbers CD drives."""


class DiskRead(Struct, frozen=True):
    """One read: ``sectors`` of ``sector_bytes`` from ``lba`` on, to ``buffer`` (linear).

    ``lba`` is None for a cylinder, head and sector of a drive whose geometry nobody has asked for.
    """

    call: BiosCall
    drive: int
    lba: int | None
    sectors: int
    sector_bytes: int
    buffer: int

    @property
    def bytes(self) -> int:
        """How much was to be read."""
        return self.sectors * self.sector_bytes

    @property
    def span(self) -> range:
        """Its sectors; none where nobody knows which they are."""
        return range(0) if self.lba is None else range(self.lba, self.lba + self.sectors)


def is_read(call: BiosCall) -> bool:
    """Return whether a call reads sectors, by LBA or by cylinder, head and sector."""
    return call.number == _DISK and call.function in (_BY_CHS, _BY_LBA)


def disk_reads(calls: Iterable[BiosCall], disk: DiskFacts | None) -> Iterator[DiskRead]:
    """Yield the reads among calls, failed ones, too."""
    calls = tuple(calls)
    tracks = _geometries(calls)
    if disk and disk.heads and disk.track_sectors:  # by what it is formatted nobody has to ask
        tracks[disk.drive] = disk.heads, disk.track_sectors
    for call in calls:
        if not is_read(call):
            continue
        registers, packet = call.registers_in, call.packet
        drive = registers.edx & 0xFF
        size = _sector_bytes(drive, disk)
        if packet:
            yield DiskRead(call, drive, packet.lba, packet.sectors, size, packet.buffer)
        elif call.function == _BY_CHS:
            buffer = registers.es * 16 + (registers.ebx & 0xFFFF)
            lba = _lba(call, tracks.get(drive))
            yield DiskRead(call, drive, lba, registers.al, size, buffer)


def chs_of(call: BiosCall) -> tuple[int, int, int]:
    """Return the cylinder, head and sector that a read by them begins with, in CX and DH."""
    cx, head = call.registers_in.ecx & 0xFFFF, call.registers_in.edx >> 8 & 0xFF
    return (cx & 0xC0) << 2 | cx >> 8, head, cx & 0x3F


def _sector_bytes(drive: int, disk: DiskFacts | None) -> int:
    if disk and drive == disk.drive:
        return disk.sector_bytes
    return CD_SECTOR_BYTES if drive >= _FIRST_CD else SECTOR_BYTES


def _geometries(calls: Iterable[BiosCall]) -> dict[int, tuple[int, int]]:
    """Return heads and sectors of a track of each drive that somebody has asked about."""
    found = {}
    for call in calls:
        if call.number != _DISK or call.function != _PARAMETERS or call.failed:
            continue
        if told := call.registers_out:
            heads, sectors = (told.edx >> 8 & 0xFF) + 1, told.ecx & 0x3F
            if sectors:
                found[call.registers_in.edx & 0xFF] = heads, sectors
    return found


def _lba(call: BiosCall, geometry: tuple[int, int] | None) -> int | None:
    """Return the LBA of the cylinder, head and sector in CX and DH; that of the first sector needs
    no geometry."""
    cylinder, head, sector = chs_of(call)
    if (cylinder, head, sector) == (0, 0, 1):
        return 0
    if geometry is None or not sector:
        return None
    heads, track = geometry
    return (cylinder * heads + head) * track + sector - 1
