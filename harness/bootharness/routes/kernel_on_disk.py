"""The kernel on a disk that somebody brought: the one among all that was read of it."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from msgspec.structs import replace

from bootharness.errors import FormatError
from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.fat import Fat
from bootharness.formats.file_system import starts_around
from bootharness.formats.loading import MAGIC, MAGIC_AT
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.kernels.image import KernelImage
from bootharness.routes.disk import DiskImage
from bootharness.routes.pieces import pieces
from bootharness.trace.reads import disk_reads

if TYPE_CHECKING:
    from bootharness.formats.bioscall import BiosCall
    from bootharness.trace.reads import DiskRead

__all__ = ["in_pieces", "kernel_among", "of_file", "read_in_a_row", "with_kernel_found"]

# into which a loader writes: the setup header, and the sector before it
_LOADERS_BYTES = 2 * SECTOR_BYTES
_FIRST_DISK = 0x80
# what says that it is larger is no kernel
_LARGEST_PAYLOAD = 1 << 30


def with_kernel_found(
    disk: DiskImage,
    calls: "Iterable[BiosCall]",
    folder: Path,
    *,
    entered: SetupHeader | None = None,
    release: str | None = None,
) -> DiskImage:
    """Return an image that somebody brought with the kernel that was read from it.

    Of several it is the one that was ``entered``, or else the one whose banner came, of
    ``release``: a kernel may lie anywhere in what was read. Where neither is known it is one
    with which a read begins, or that a read missed by one sector. Its bytes are written to
    a file in ``folder``. Without such a read the image is returned with what of it is blank,
    and one of which the kernel is known as it is.
    """
    if disk.kernel is not None:
        return disk
    reads = tuple(disk_reads(calls, disk.unread))
    own = [each for each in reads if _is_read_by(disk, each)]
    fits = _fits(entered, release)
    spans = tuple(_read_together(own, disk.sectors))
    found = kernel_among(disk, spans, folder, fits)
    if found is None and entered:  # which may be another by what a loader has written into it
        found = kernel_among(disk, spans, folder, None)
    if found:
        return replace(disk, kernel=found[1], kernel_lba=found[0])
    first = _FIRST_DISK + (disk.shape.kind == "disk")
    for drive, other in enumerate(disk.others, start=first):
        of_it = [each for each in reads if each.drive == drive]
        spans = tuple(_read_together(of_it, other.sectors))
        if found := kernel_among(other, spans, folder, fits):
            return replace(disk, kernel=found[1], kernel_lba=None)
    return replace(disk, blank_lba=_blank(disk, own))


def in_pieces(
    disk: DiskImage, calls: "Iterable[BiosCall]", folder: Path, in_memory: bytes
) -> DiskImage:
    """Return an image with the kernel that was found as its file system has it: in pieces that
    make up what a loader has placed, real-mode kernel and payload, if that is so. Its bytes
    are written to a file in ``folder``."""
    if disk.kernel is None or not disk.filed:
        return disk
    size, base = disk.shape.sector_bytes, disk.shape.base
    reads = [each for each in disk_reads(calls, disk.unread) if _is_read_by(disk, each)]
    spans = (range(base + span.start * size, base + span.stop * size)
             for span in _read_together(reads, disk.sectors))  # fmt: skip
    start = base + (disk.kernel_lba or 0) * size
    head = range(start, start + _LOADERS_BYTES)
    found = pieces(disk.content, head.stop, in_memory[_LOADERS_BYTES:], spans)
    if not found:
        return disk
    path = folder / f"{disk.kernel.path.name}-in-pieces"
    whole = (head, *found)
    path.write_bytes(b"".join(disk.content.read(each.start, len(each)) for each in whole))
    return replace(disk, kernel=KernelImage.read(path, source=disk.kernel.source))


def read_in_a_row(disk: DiskImage, calls: "Iterable[BiosCall]") -> bool:
    """Return whether the kernel that was found lies in one piece: its sectors, one behind the
    other, were all asked for, or so many until one could not be read."""
    from bootharness.diagnosis.failed_reads import lost_reads  # by then QEMU has been started

    if disk.kernel is None or disk.kernel_lba is None:
        return False
    size = disk.shape.sector_bytes
    end = disk.kernel_lba + -(-disk.kernel.facts.file_bytes // size)
    at = disk.kernel_lba
    reads = [each for each in disk_reads(calls, disk.unread) if _is_read_by(disk, each)]
    for span in sorted(_read_together(reads, disk.sectors), key=lambda each: each.start):
        if span.start > at:
            continue
        at = max(at, span.stop)
    return at >= end or any(disk.kernel_lba <= each.span.start < at for each in lost_reads(reads))


def kernel_among(
    disk: DiskImage,
    spans: Sequence[range],
    folder: Path,
    fits: Callable[[KernelImage], bool] | None,
) -> tuple[int, KernelImage] | None:
    """Return the kernel that was read, of several the one that ``fits``, and its LBA.

    ``spans`` are the sectors that were read together. Where nobody knows which it is, it is one
    with which a read begins, or that a read missed by one sector. None where there is none.
    """
    for lba in _places(disk, spans) if fits else ():
        found = _kernel_at(disk, lba, folder)
        if found and fits and fits(found):
            return lba, found
    for lba in dict.fromkeys(at for span in spans for at in (span.start, span.start - 1)):
        found = _kernel_at(disk, lba, folder)
        if found and (fits is None or fits(found)):
            return lba, found
    return None


def _kernel_at(disk: DiskImage, lba: int, folder: Path) -> KernelImage | None:
    if lba < 0:
        return None
    try:
        header = SetupHeader.parse(of_file(disk, lba, 4096))
    except FormatError:
        return None
    if header.payload_bytes > _LARGEST_PAYLOAD:
        return None
    path = folder / f"kernel-at-{lba}-of-{crc32(os.fsencode(disk.path)):08x}"
    if not path.exists():
        path.write_bytes(of_file(disk, lba, header.real_mode_bytes + header.payload_bytes))
    return KernelImage.read(path, source=f"{disk.source} at LBA {lba}")


def of_file(disk: DiskImage, lba: int, count: int) -> bytes:
    """Return bytes of the file that a FAT has at a sector, or else of the disk."""
    size, base = disk.shape.sector_bytes, disk.shape.base
    at = base + lba * size
    for start in starts_around(disk.read, lba, size):
        fat = Fat.at(disk.content.read, base + start * size)
        if fat and (found := fat.pieces(disk.content.read, at, count)):
            return b"".join(disk.content.read(each.start, len(each)) for each in found)
    return disk.read(lba, count)


def _blank(disk: DiskImage, reads: "Iterable[DiskRead]") -> int | None:
    """Return where the last read began, if it brought nothing but zeros."""
    whole = [each for each in reads if each.call.packet and not each.call.failed]
    last = whole[-1] if whole else None
    if last is None or not (found := disk.read(last.span.start, last.bytes)):
        return None
    return None if found.strip(b"\0") else last.lba


def _is_read_by(disk: DiskImage, read: "DiskRead") -> bool:
    return read.drive == disk.shape.drive if disk.others else disk.shape.shows(read.drive)


def _fits(entered: SetupHeader | None, release: str | None) -> Callable[[KernelImage], bool] | None:
    """Return what tells a kernel that was entered, or whose banner came, of ``release``, from
    others; None where neither is known."""
    if entered:
        return lambda kernel: kernel.header.is_of_same_kernel(entered)
    return (lambda kernel: kernel.release == release) if release else None


def _read_together(reads: "Iterable[DiskRead]", sectors: int) -> Iterator[range]:
    """Yield once what a loader has read together, of a drive of so many sectors."""
    seen = set()
    for read in reads:
        span = range(read.span.start, min(read.span.stop, sectors))
        if span and not read.call.from_bios and span not in seen:
            seen.add(span)
            yield span


def _places(disk: DiskImage, spans: Iterable[range]) -> Iterator[int]:
    """Yield each LBA in what was read at which a kernel may begin, by its setup header's magic."""
    size = disk.shape.sector_bytes
    for span in spans:
        data = disk.read(span.start, len(span) * size + SECTOR_BYTES)
        at = data.find(MAGIC, MAGIC_AT)
        while at >= 0:
            if (at - MAGIC_AT) % size == 0:
                yield span.start + (at - MAGIC_AT) // size
            at = data.find(MAGIC, at + 1)
