"""A disk image before it is written: the loader in the MBR, a partition, and in it what is loaded.

LBA 0         the MBR: loader, disk signature, partition table
1             what of the loader does not fit the MBR
2048          the partition: command line (NUL-terminated, at least 4 sectors)
              kernel file
              initrd
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self
from zlib import crc32

from msgspec import Struct

from bootharness.errors import FormatError, LaunchFailed, UsageError
from bootharness.formats.mbr import BOOTSTRAP_BYTES, SECTOR_BYTES, Mbr, Partition
from bootharness.kernels.content import File, Piece, PieceMap, file_source
from bootharness.kernels.image import KernelImage
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_facts import facts_of, facts_unread
from bootharness.routes.initrd import Initrd, place_for
from bootharness.routes.loader import Loader
from bootharness.routes.shape import Shape

if TYPE_CHECKING:
    from bootharness.trace.booted import DiskFacts

__all__ = ["DiskLayout"]

_PARTITION_LBA = 2048
_CMDLINE_SECTORS = 4
_NON_FS_DATA = 0xDA
_ALIGNMENT_SECTORS = 2048


class DiskLayout(Struct, frozen=True):
    """What of what lies where on a disk; ``sectors`` is its size."""

    loader: Loader
    kernel: KernelImage
    kernel_lba: int
    cmdline: str
    cmdline_lba: int
    initrd: Initrd | None
    sectors: int
    content: PieceMap

    @classmethod
    def plan(
        cls,
        loader: Loader,
        kernel: KernelImage,
        *,
        cmdline: str,
        memory_bytes: int,
        initrd: bytes | Path | Piece | None = None,
        size_bytes: int = 0,
        first_lba: int = _PARTITION_LBA,
    ) -> Self:
        """Return the layout of a disk image.

        The partition begins at ``first_lba``, in sectors. The image gets at least
        ``size_bytes``; with 0 it is as large as its content, rounded up to a MiB. The
        initrd goes as high as ``memory_bytes`` of RAM and the kernel's ``initrd_addr_max``
        allow.

        Raises UsageError when something does not fit the loader or the disk.
        """
        if initrd is not None and not loader.takes_initrd:
            raise UsageError(
                f"{loader.name}: this loader takes no initrd: its profile patches no initrd_lba"
            )
        line = os.fsencode(cmdline)
        if b"\0" in line:
            raise UsageError("the command line contains a NUL character")
        cmdline_lba = first_lba
        kernel_lba = cmdline_lba + max(_CMDLINE_SECTORS, _sectors(len(line) + 1))
        kernel_sectors = _sectors(kernel.file_bytes)
        placed, initrd_address = None, 0
        if initrd is not None:
            content = _piece(initrd)
            initrd_address = place_for(content.size, kernel, memory_bytes)
            placed = Initrd(content, initrd_address, kernel_lba + kernel_sectors)
        end = kernel_lba + kernel_sectors + (_sectors(placed.size) if placed else 0)
        total = max(-(-end // _ALIGNMENT_SECTORS) * _ALIGNMENT_SECTORS, _sectors(size_bytes))
        binary = loader.patched(
            kernel_lba=kernel_lba,
            kernel_sectors=kernel_sectors,
            cmdline_lba=cmdline_lba,
            initrd_lba=placed.lba if placed else 0,
            initrd_size=placed.size if placed else 0,
            initrd_address=initrd_address,
        )
        if len(binary) > first_lba * SECTOR_BYTES:
            raise UsageError(
                f"{loader.name}: {len(binary):,} bytes do not fit before the partition at LBA "
                f"{first_lba}"
            )
        loader.check_table()
        pieces = PieceMap()
        for lba, piece in (
            (0, Piece.of(_mbr(binary, kernel, first_lba, total))),
            (1, Piece.of(binary[SECTOR_BYTES:])),
            (cmdline_lba, Piece.of(line)),
            (kernel_lba, Piece(kernel.content, 0, kernel.file_bytes)),
            *([(placed.lba, placed.content)] if placed else []),
        ):
            pieces.put(lba * SECTOR_BYTES, piece)
        return cls(loader, kernel, kernel_lba, cmdline, cmdline_lba, placed, total, pieces)

    @property
    def facts(self) -> "DiskFacts":
        """What a trace keeps of it. Raises KernelUnavailable when its files cannot be read."""
        return facts_of(self, facts_unread(self.name, Shape()))

    @property
    def name(self) -> str:
        """What it is: it is nowhere yet."""
        return f"{self.loader.name} with {self.kernel.source}"

    @property
    def size_bytes(self) -> int:
        """Size of the image in bytes."""
        return self.sectors * SECTOR_BYTES

    def read(self, lba: int, count: int) -> bytes:
        """Return ``count`` bytes from sector ``lba`` on, fewer where the image ends."""
        start = lba * SECTOR_BYTES
        return self.content.read(start, max(min(count, self.size_bytes - start), 0))

    def write(self, path: Path) -> DiskImage:
        """Write a sparse disk image. Raises LaunchFailed when that cannot be done."""
        try:
            with path.open("wb") as disk:
                disk.truncate(self.sectors * SECTOR_BYTES)
                for at, piece in self.content:
                    _write(disk.fileno(), piece, at)
        except OSError as error:
            raise LaunchFailed(
                f"{path}: the disk image cannot be written: {error.strerror}"
            ) from error
        return DiskImage(
            path,
            self.loader,
            self.kernel,
            self.kernel_lba,
            self.cmdline,
            self.cmdline_lba,
            self.initrd,
        )


def _mbr(binary: bytes, kernel: KernelImage, first_lba: int, total: int) -> bytes:
    tail = binary[BOOTSTRAP_BYTES : BOOTSTRAP_BYTES + 6]
    # the partition table cannot describe more than 2 TiB; a larger disk is not all in it
    sectors = min(total - first_lba, 0xFFFFFFFF)
    try:
        return Mbr(
            bootstrap_code=binary[:BOOTSTRAP_BYTES],
            disk_signature=int.from_bytes(tail[:4], "little") or crc32(kernel.read_real_mode()),
            copy_protect=int.from_bytes(tail[4:], "little"),
            partitions=(
                Partition.at(first_lba, sectors, kind=_NON_FS_DATA, active=True),
                *(Partition(),) * 3,
            ),
        ).build()
    except FormatError as error:
        raise UsageError(f"the disk image cannot be partitioned: {error}") from error


def _sectors(count: int) -> int:
    return -(-count // SECTOR_BYTES)


def _piece(content: bytes | Path | Piece) -> Piece:
    if isinstance(content, Piece):
        return content
    if isinstance(content, bytes):
        return Piece.of(content)
    try:
        return Piece(file_source(content), 0, content.stat().st_size)
    except OSError as error:
        raise UsageError(f"{content}: {error.strerror}") from error


def _write(disk: int, piece: Piece, at: int) -> None:
    if isinstance(piece.source, File):
        _copy(piece.source.fd, piece.start, piece.size, disk, at)
        return
    view = memoryview(piece.read())
    while view:
        written = os.pwrite(disk, view, at)
        view, at = view[written:], at + written


def _copy(file: int, start: int, size: int, disk: int, at: int) -> None:
    """Copy a file into the image inside the kernel; not a byte of it passes through here."""
    done = 0
    while done < size:
        try:
            copied = os.copy_file_range(file, disk, size - done, start + done, at + done)
        except OSError:  # two file systems that cannot do it between them
            os.lseek(disk, at + done, os.SEEK_SET)
            copied = os.sendfile(disk, file, start + done, size - done)
        if not copied:
            break
        done += copied
