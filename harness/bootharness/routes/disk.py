"""A disk image that boots: the loader in the MBR, a partition, and in it what is loaded.

LBA 0         the MBR: loader, disk signature, partition table
1             what of the loader does not fit the MBR
2048          the partition: command line (NUL-terminated, at least 4 sectors)
              kernel file
              initrd
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import (
    FormatError,
    KernelUnavailable,
    LaunchFailed,
    UsageError,
)
from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.fat import Fat
from bootharness.formats.file_system import file_system_around, starts_around
from bootharness.formats.floppy import FLOPPY_FORMATS
from bootharness.formats.loading import MAGIC, MAGIC_AT
from bootharness.formats.mbr import BOOTSTRAP_BYTES, SECTOR_BYTES, Mbr, Partition
from bootharness.kernels.content import File, Piece, PieceMap, Source, file_source
from bootharness.kernels.image import KernelImage
from bootharness.machine.container_map import missing_bytes
from bootharness.machine.device import Drive
from bootharness.machine.faulty_disk import FaultyDisk
from bootharness.machine.opened import Opened
from bootharness.plan import AUTO
from bootharness.plan.disk_fault import DiskFaults
from bootharness.routes.found import content_of, found_in
from bootharness.routes.loader import Loader
from bootharness.routes.pieces import pieces
from bootharness.routes.shape import Shape, shape_of
from bootharness.text import address, count
from bootharness.trace.reads import disk_reads

if TYPE_CHECKING:
    from bootharness.formats.bioscall import BiosCall
    from bootharness.trace.booted import DiskFacts
    from bootharness.trace.reads import DiskRead

__all__ = ["LEAST_DISK_SECTORS", "DiskImage", "DiskLayout", "Initrd"]

_PARTITION_LBA = 2048
_CMDLINE_SECTORS = 4
_NON_FS_DATA = 0xDA
_ALIGNMENT_SECTORS = 2048
LEAST_DISK_SECTORS = 16 * 63
"""A disk's size is told in cylinders of so many, and one of none cannot be read: smaller images
end in zeros that are not in their file."""
# into which a loader writes: the setup header, and the sector before it
_LOADERS_BYTES = 2 * SECTOR_BYTES
_HIGH_MEMORY = 0x100000
_FIRST_DISK = 0x80
# what the BIOS keeps for its tables at the top of memory, generously
_BIOS_RESERVE = 1 << 20
# what says that it is larger is no kernel
_LARGEST_PAYLOAD = 1 << 30
# where the hole below 4 GiB may begin on a q35 machine
_LOW_MEMORY_LIMIT = 0x8000_0000


class Initrd(Struct, frozen=True):
    """An initrd, and where the loader is to put it, linear; None is its own choice.

    ``lba`` is where on a disk it lies, 0 where it comes from elsewhere.
    """

    content: Piece
    address: int | None = None
    lba: int = 0

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.content.size

    def in_memory(self, header: SetupHeader) -> tuple[int, Piece] | None:
        """Return where it lies in memory, linear, and what should lie there.

        Where the loader chose the place it is in the setup header; None where that has none.
        """
        place = header.ramdisk_image if self.address is None else self.address
        return (place, self.content) if place else None


class DiskImage(Struct, frozen=True):
    """A disk image, or that of a CD or a floppy; of one that somebody else made only what it is.

    ``driver`` is QEMU's for the image, ``shape`` how a machine has it, ``given`` the name of the
    file that it was unpacked from. ``blank_lba`` is the last that was read and is all zeros, with
    all that was read with it. LBAs are those of the drive that is booted from; ``others`` are
    further disks of the machine, on which a kernel has no LBA. ``left_bytes`` is how much of the
    image the machine has, where that is not all.
    """

    path: Path
    loader: Loader | None = None
    kernel: KernelImage | None = None
    kernel_lba: int | None = 0
    cmdline: str = ""
    cmdline_lba: int = 0
    initrd: Initrd | None = None
    blank_lba: int | None = None
    driver: str = "raw"
    shape: Shape = Shape()
    given: str = ""
    others: "tuple[DiskImage, ...]" = ()
    left_bytes: int | None = None

    @classmethod
    def existing(cls, path: Path) -> Self:
        """Take an image that somebody made, unpacked where it is compressed.

        Raises UsageError when it is no such thing, MediumUnavailable when it is one that a
        machine does not boot from.
        """
        image = found_in(path)
        return cls(image.path, driver=image.driver, given="" if image.path == path else str(path),
                   shape=shape_of(image.content.read, image.size))  # fmt: skip

    @classmethod
    def build(
        cls,
        path: Path,
        loader: Loader,
        kernel: KernelImage,
        *,
        cmdline: str,
        memory_bytes: int,
        initrd: bytes | Path | Piece | None = None,
        size_bytes: int = 0,
        first_lba: int = _PARTITION_LBA,
    ) -> "DiskImage":
        """Lay a disk image out and write it; otherwise as `DiskLayout.plan` and `write`."""
        return DiskLayout.plan(
            loader,
            kernel,
            cmdline=cmdline,
            memory_bytes=memory_bytes,
            initrd=initrd,
            size_bytes=size_bytes,
            first_lba=first_lba,
        ).write(path)

    def attached_as(self, asked: str) -> Self:
        """Return the image as a CD, a floppy, a disk or a stick, or as what it is.

        Raises UsageError for what it cannot be.
        """
        if asked == AUTO:
            return self
        kind = "disk" if asked == "usb" else asked
        shape = shape_of(self.content.read, self.size_bytes, kind)
        if kind == "floppy" and shape.floppy is None:
            raise UsageError(
                f"{self.name}: it has {count(self.size_bytes, 'byte')}, and a floppy at most "
                f"{FLOPPY_FORMATS[-1].bytes:,}: leave --as floppy out"
            )
        return replace(self, shape=shape)

    @property
    def name(self) -> str:
        """Where the image is."""
        return str(self.path)

    @property
    def source(self) -> str:
        """What the person calls it: the kernel that was put on it, or where it is."""
        return self.kernel.source if self.kernel else self.given or self.name

    @property
    def sha256(self) -> str:
        """The image's SHA-256 in hex. Raises KernelUnavailable when it cannot be read."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise KernelUnavailable(f"{self.path}: {error.strerror}") from error

    @property
    def size_bytes(self) -> int:
        """How much the image holds, in bytes."""
        if self.left_bytes is not None:
            return self.left_bytes
        content = self.content
        return content.size if isinstance(content, Opened) else self.path.stat().st_size

    @property
    def sectors(self) -> int:
        """How many sectors the drive has that is booted from."""
        return -(-(self.size_bytes - self.shape.base) // self.shape.sector_bytes)

    @property
    def content(self) -> Source:
        """What the image holds, as a machine sees it; looked for when it is read."""
        return content_of(self.path, self.driver)

    @property
    def facts(self) -> "DiskFacts":
        """What a trace keeps of it. Raises KernelUnavailable when it cannot be read."""
        return _facts(self)

    @contextmanager
    def faulty(
        self, faults: DiskFaults, path: Path | None = None
    ) -> "Iterator[tuple[DiskImage, FaultyDisk | None]]":
        """Give the image as it is with faults, and what makes them; ``path`` is where a copy to
        boot from lies. Raises UsageError for a fault that could never act."""
        if not faults.all:
            yield self, None
            return
        self._check_faults(faults)
        disk, content, size = self, self.content, self.size_bytes
        if path and path != self.path:
            content, size = file_source(path), path.stat().st_size
        elif self.driver != "raw":
            content = Opened(self.path, self.driver)  # which no two threads can ask
        if (left := faults.left_bytes) is not None:
            size = left // self.shape.sector_bytes * self.shape.sector_bytes
            disk = replace(self, left_bytes=size)
        size = -(-size // SECTOR_BYTES) * SECTOR_BYTES
        shape = self.shape
        with FaultyDisk(
            faults, content, size, sector_bytes=shape.sector_bytes, base=shape.base
        ) as made:
            yield disk, made

    def _check_faults(self, faults: DiskFaults) -> None:
        kind, size, sector_bytes = self.shape.kind, self.size_bytes, self.shape.sector_bytes
        # of a floppy the drive takes none but of certain sizes
        least = {"disk": LEAST_DISK_SECTORS * sector_bytes, "floppy": size}.get(kind, sector_bytes)
        of = " of" if self.kernel else ""
        what = f"the {'CD' if kind == 'cdrom' else kind}{of} {self.source}"
        for each in faults:
            if kind == "floppy" and each.kind in ("error", "vanish"):
                raise UsageError(
                    f"{faults.what} {each}: {what}: QEMU's floppy drive never fails to read, but "
                    "brings zeros"
                )
            each.check(
                what,
                sectors=self.sectors,
                sector_bytes=sector_bytes,
                size=size,
                least=least,
            )

    def drive(self, interface: str, path: Path | None = None) -> Drive:
        """Return it as a machine has it; ``path`` is where a copy to boot from lies."""
        return Drive.of(self.facts, interface, (path or self.path).absolute())

    def with_kernel_found(
        self,
        calls: "Iterable[BiosCall]",
        folder: Path,
        *,
        entered: SetupHeader | None = None,
        release: str | None = None,
    ) -> Self:
        """Return an image that somebody brought with the kernel that was read from it.

        Of several it is the one that was ``entered``, or else the one whose banner came, of
        ``release``: a kernel may lie anywhere in what was read. Where neither is known it is one
        with which a read begins, or that a read missed by one sector. Its bytes are written to
        a file in ``folder``. Without such a read the image is returned with what of it is blank,
        and one of which the kernel is known as it is.
        """
        if self.kernel is not None:
            return self
        reads = tuple(disk_reads(calls, _what(self)))
        own = [each for each in reads if self._is_read_by(each)]
        fits = _fits(entered, release)
        spans = tuple(_read_together(own, self.sectors))
        found = self.kernel_among(spans, folder, fits)
        if found is None and entered:  # which may be another by what a loader has written into it
            found = self.kernel_among(spans, folder, None)
        if found:
            return replace(self, kernel=found[1], kernel_lba=found[0])
        first = _FIRST_DISK + (self.shape.kind == "disk")
        for drive, other in enumerate(self.others, start=first):
            of_it = [each for each in reads if each.drive == drive]
            spans = tuple(_read_together(of_it, other.sectors))
            if found := other.kernel_among(spans, folder, fits):
                return replace(self, kernel=found[1], kernel_lba=None)
        return replace(self, blank_lba=self._blank(own))

    def in_pieces(self, calls: "Iterable[BiosCall]", folder: Path, in_memory: bytes) -> Self:
        """Return an image with the kernel that was found as its file system has it: in pieces that
        make up what a loader has placed, real-mode kernel and payload, if that is so. Its bytes
        are written to a file in ``folder``."""
        if self.kernel is None or not self.filed:
            return self
        size, base = self.shape.sector_bytes, self.shape.base
        reads = [each for each in disk_reads(calls, _what(self)) if self._is_read_by(each)]
        spans = (range(base + span.start * size, base + span.stop * size)
                 for span in _read_together(reads, self.sectors))  # fmt: skip
        start = base + (self.kernel_lba or 0) * size
        head = range(start, start + _LOADERS_BYTES)
        found = pieces(self.content, head.stop, in_memory[_LOADERS_BYTES:], spans)
        if not found:
            return self
        path = folder / f"{self.kernel.path.name}-in-pieces"
        whole = (head, *found)
        path.write_bytes(b"".join(self.content.read(each.start, len(each)) for each in whole))
        return replace(self, kernel=KernelImage.read(path, source=self.kernel.source))

    def read_in_a_row(self, calls: "Iterable[BiosCall]") -> bool:
        """Return whether the kernel that was found lies in one piece: its sectors, one behind the
        other, were all asked for, or so many until one could not be read."""
        from bootharness.diagnosis.failed_reads import lost_reads  # by then QEMU has been started

        if self.kernel is None or self.kernel_lba is None:
            return False
        size = self.shape.sector_bytes
        end = self.kernel_lba + -(-self.kernel.facts.file_bytes // size)
        at = self.kernel_lba
        reads = [each for each in disk_reads(calls, _what(self)) if self._is_read_by(each)]
        for span in sorted(_read_together(reads, self.sectors), key=lambda each: each.start):
            if span.start > at:
                continue
            at = max(at, span.stop)
        return at >= end or any(
            self.kernel_lba <= each.span.start < at for each in lost_reads(reads)
        )

    @property
    def filed(self) -> bool:
        """Whether the kernel that was found on it lies in a file system."""
        if self.loader is not None or self.kernel is None or self.kernel_lba is None:
            return False
        return file_system_around(self.read, self.kernel_lba, self.shape.sector_bytes)

    def _is_read_by(self, read: "DiskRead") -> bool:
        return read.drive == self.shape.drive if self.others else self.shape.shows(read.drive)

    def kernel_among(
        self, spans: Sequence[range], folder: Path, fits: Callable[[KernelImage], bool] | None
    ) -> tuple[int, KernelImage] | None:
        """Return the kernel that was read, of several the one that ``fits``, and its LBA.

        ``spans`` are the sectors that were read together. Where nobody knows which it is, it is one
        with which a read begins, or that a read missed by one sector. None where there is none.
        """
        for lba in _places(self, spans) if fits else ():
            found = self._kernel_at(lba, folder)
            if found and fits and fits(found):
                return lba, found
        for lba in dict.fromkeys(at for span in spans for at in (span.start, span.start - 1)):
            found = self._kernel_at(lba, folder)
            if found and (fits is None or fits(found)):
                return lba, found
        return None

    def _blank(self, reads: "Iterable[DiskRead]") -> int | None:
        """Return where the last read began, if it brought nothing but zeros."""
        whole = [each for each in reads if each.call.packet and not each.call.failed]
        last = whole[-1] if whole else None
        if last is None or not (found := self.read(last.span.start, last.bytes)):
            return None
        return None if found.strip(b"\0") else last.lba

    def _kernel_at(self, lba: int, folder: Path) -> KernelImage | None:
        if lba < 0:
            return None
        try:
            header = SetupHeader.parse(self._of_file(lba, 4096))
        except FormatError:
            return None
        if header.payload_bytes > _LARGEST_PAYLOAD:
            return None
        path = folder / f"kernel-at-{lba}-of-{crc32(os.fsencode(self.path)):08x}"
        if not path.exists():
            path.write_bytes(self._of_file(lba, header.real_mode_bytes + header.payload_bytes))
        return KernelImage.read(path, source=f"{self.source} at LBA {lba}")

    def _of_file(self, lba: int, count: int) -> bytes:
        """Return bytes of the file that a FAT has at a sector, or else of the disk."""
        size, base = self.shape.sector_bytes, self.shape.base
        at = base + lba * size
        for start in starts_around(self.read, lba, size):
            fat = Fat.at(self.content.read, base + start * size)
            if fat and (found := fat.pieces(self.content.read, at, count)):
                return b"".join(self.content.read(each.start, len(each)) for each in found)
        return self.read(lba, count)

    def read(self, lba: int, count: int) -> bytes:
        """Return ``count`` bytes from sector ``lba`` on, fewer where the image ends."""
        start = self.shape.base + lba * self.shape.sector_bytes
        # a loader may ask for any of 2^64
        return self.content.read(start, max(min(count, self.size_bytes - start), 0))


class DiskLayout(Struct, frozen=True):
    """A disk image before it is written: what of what lies where; ``sectors`` is its size."""

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
            initrd_address = _initrd_address(content.size, kernel, memory_bytes)
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
        return _facts(self)

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


def _facts(disk: DiskImage | DiskLayout) -> "DiskFacts":
    try:
        boot_sector = disk.read(0, SECTOR_BYTES).hex()
        size = disk.size_bytes
    except OSError as error:
        raise KernelUnavailable(f"{disk.name}: {error.strerror}") from error
    told = disk.loader.patches if disk.loader else {}
    facts = _what(disk)
    return replace(
        facts,
        bytes=max(size, LEAST_DISK_SECTORS * facts.sector_bytes) if facts.kind == "disk" else size,
        kernel_lba=disk.kernel_lba if disk.kernel else None,
        cmdline_lba=disk.cmdline_lba if "cmdline_lba" in told else None,
        cmdline=disk.cmdline if "cmdline_lba" in told else None,
        initrd_lba=disk.initrd.lba if disk.initrd else None,
        initrd_bytes=disk.initrd.size if disk.initrd else None,
        initrd_address=disk.initrd.address if disk.initrd else None,
        boot_sector=boot_sector,
        blank_lba=disk.blank_lba if isinstance(disk, DiskImage) else None,
        filed=isinstance(disk, DiskImage) and disk.filed,
        lacks_bytes=_lacks(disk) if isinstance(disk, DiskImage) else 0,
    )


def _lacks(disk: DiskImage) -> int:
    return 0 if disk.driver == "raw" else missing_bytes(disk.path, disk.driver)


def _fits(entered: SetupHeader | None, release: str | None) -> Callable[[KernelImage], bool] | None:
    """Return what tells a kernel that was entered, or whose banner came, of ``release``, from
    others; None where neither is known."""
    if entered:
        return lambda kernel: kernel.header.is_of_same_kernel(entered)
    return (lambda kernel: kernel.release == release) if release else None


def _what(disk: DiskImage | DiskLayout) -> "DiskFacts":
    """Return what a trace keeps of a medium of which nothing has been read yet."""
    from bootharness.trace.booted import DiskFacts  # by then QEMU has been started

    image = disk if isinstance(disk, DiskImage) else None
    shape = image.shape if image else Shape()
    return DiskFacts(
        path=disk.name,
        bytes=0,
        kernel_lba=None,
        cmdline_lba=None,
        cmdline=None,
        initrd_lba=None,
        initrd_bytes=None,
        initrd_address=None,
        boot_sector="",
        driver=image.driver if image else "raw",
        kind=shape.kind,
        drive=shape.drive,
        sector_bytes=shape.sector_bytes,
        base=shape.base,
        heads=shape.floppy.heads if shape.floppy else None,
        track_sectors=shape.floppy.sectors if shape.floppy else None,
        told_sectors=shape.told_sectors,
        refused=shape.refused,
        others=tuple(each.name for each in image.others) if image else (),
    )


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


def _initrd_address(size: int, kernel: KernelImage, memory_bytes: int) -> int:
    """The highest page below the BIOS's tables; where there is no room, from 1 MiB upwards.

    An initrd that does not fit the machine is placed all the same: that boot fails, and says why.
    Raises UsageError where the kernel's header leaves no room.
    """
    limit = kernel.header.initrd_limit
    top = min(memory_bytes - _BIOS_RESERVE, _LOW_MEMORY_LIMIT)
    kernel_end = kernel.header.load_address + kernel.payload_bytes
    if limit + 1 < min(kernel_end + size, top):
        raise UsageError(
            f"{kernel.source}: an initrd of {size:,} bytes has no room: the kernel lies up to "
            f"{address(kernel_end - 1)}, and its header's initrd_addr_max is {address(limit)}; "
            "boot it without one (--until banner)"
        )
    return max(min(top, limit + 1) - size, _HIGH_MEMORY) & ~0xFFF


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
