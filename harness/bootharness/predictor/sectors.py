"""The disk that a predicted boot reads: an image as it lies there, or as it would be written."""

from collections.abc import Iterable

from msgspec import Struct

from bootharness.errors import KernelUnavailable, NotEmulated
from bootharness.formats.mbr import SECTOR_BYTES, Mbr
from bootharness.kernels.content import Piece, PieceMap
from bootharness.predictor.quirks import ReadError
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_facts import LEAST_DISK_SECTORS
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.shape import Shape

__all__ = ["Geometry", "Sectors"]

_BAD_TRACK = 0x0C
"""What SeaBIOS says of whatever an AHCI disk cannot read."""


class Geometry(Struct, frozen=True):
    """Cylinders, heads, and sectors of a track, as INT 13h AH=02h and AH=08h have them."""

    cylinders: int
    heads: int
    sectors: int

    def lba(self, cylinder: int, head: int, sector: int) -> int | None:
        """Return the LBA of a CHS address, None where there is no such sector."""
        if cylinder >= self.cylinders or head >= self.heads or not 0 < sector <= self.sectors:
            return None
        return (cylinder * self.heads + head) * self.sectors + sector - 1


class Sectors:
    """The sectors of one disk, which a guest may write to without the image being changed."""

    def __init__(self, content: PieceMap, sectors: int, errors: Iterable[ReadError] = ()) -> None:
        self.sectors = sectors
        self._as_it_was = content, sectors, tuple(errors)
        self._content = PieceMap()
        for address, piece in content:
            self._content.put(address, piece)
        self._errors = [[error.lba, error.times] for error in self._as_it_was[2]]
        self.physical = _physical(self.bytes(0, SECTOR_BYTES), sectors)
        self.geometry = _logical(self.physical, sectors)

    @classmethod
    def of(cls, disk: DiskImage | DiskLayout, errors: Iterable[ReadError] = ()) -> "Sectors":
        """Return the sectors of a disk image. Raises KernelUnavailable when it cannot be read."""
        if isinstance(disk, DiskLayout):
            return cls(disk.content, disk.sectors, errors)
        return cls(*_existing(disk), errors)

    def as_it_was(self) -> "Sectors":
        """Return the disk as it was before anybody read from it or wrote to it."""
        return Sectors(*self._as_it_was)

    def bytes(self, lba: int, count: int) -> bytes:
        """Return ``count`` bytes from a sector on."""
        return self._content.read(lba * SECTOR_BYTES, count)

    def read(self, lba: int, count: int) -> list[Piece] | int:
        """Return the content of so many sectors, or the status with which the read fails."""
        if lba + count > self.sectors or self._fails(lba, count):
            return _BAD_TRACK
        return list(self._content.pieces(lba * SECTOR_BYTES, count * SECTOR_BYTES))

    def write(self, lba: int, pieces: Iterable[Piece]) -> None:
        """Put pieces on the disk from a sector on."""
        at = lba * SECTOR_BYTES
        for piece in pieces:
            self._content.put(at, piece)
            at += piece.size

    def _fails(self, lba: int, count: int) -> bool:
        for error in self._errors:
            at, left = error
            if at is not None and lba <= at < lba + count and left != 0:
                error[1] = None if left is None else left - 1
                return True
        return False


def _existing(disk: DiskImage) -> tuple[PieceMap, int]:
    if disk.shape != Shape():
        what = "a CD" if disk.shape.kind == "cdrom" else "a floppy"
        large = f"a disk of sectors of {disk.shape.sector_bytes:,} bytes"
        raise NotEmulated(
            f"{disk.source}: {large if disk.shape.kind == 'disk' else what}, and the machine of "
            "the predictor has only a disk of sectors of 512 bytes: boot it"
        )
    content = PieceMap()
    try:
        size = disk.size_bytes
        content.put(0, Piece(disk.content, 0, size))
    except OSError as error:
        raise KernelUnavailable(f"{disk.path}: cannot be read: {error.strerror}") from error
    return content, max(-(-size // SECTOR_BYTES), LEAST_DISK_SECTORS)


# The first to guess is QEMU (hd_geometry_guess): an odd partition table may tell it, else
# 16 heads of 63 sectors. SeaBIOS (setup_translation) makes of it what INT 13h can say.
_HEADS, _TRACK = 16, 63
_MOST_CYLINDERS = 16383


def _physical(boot_sector: bytes, sectors: int) -> Geometry:
    cylinders = max(min(sectors // (_HEADS * _TRACK), _MOST_CYLINDERS), 2)
    standard = Geometry(cylinders, _HEADS, _TRACK)
    mbr = Mbr.parse(boot_sector)
    if mbr.boot_signature != b"\x55\xaa":
        return standard
    for partition in mbr.partitions:
        _, last_head, track = partition.last_chs
        heads = last_head + 1
        if not partition.sector_count or not last_head or not track:
            continue
        if 1 <= (cylinders := sectors // (heads * track)) <= _MOST_CYLINDERS:
            return Geometry(cylinders, heads, track) if heads <= _HEADS else standard
    return standard


def _logical(physical: Geometry, sectors: int) -> Geometry:
    cylinders, heads, track = physical.cylinders, physical.heads, physical.sectors
    if heads * cylinders * track > sectors or cylinders * heads > 131072:
        return _by_size(sectors)
    while cylinders > 1024 and heads <= 127:
        cylinders, heads = cylinders >> 1, heads << 1
    return Geometry(min(cylinders, 1024), heads, track)


def _by_size(sectors: int) -> Geometry:
    tracks = sectors // _TRACK
    if sectors > _TRACK * 255 * 1024:
        return Geometry(1024, 255, _TRACK)
    wanted = tracks // 1024
    heads = next((heads for heads in (16, 32, 64, 128) if wanted <= heads), 255)
    return Geometry(min(tracks // heads, 1024), heads, _TRACK)
