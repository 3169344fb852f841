"""A disk image, or that of a CD or a floppy, as a machine has it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from msgspec import Struct
from msgspec.structs import replace

from bootharness.errors import KernelUnavailable, UsageError
from bootharness.formats.file_system import file_system_around
from bootharness.formats.floppy import FLOPPY_FORMATS
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.kernels.content import Source, file_source
from bootharness.kernels.image import KernelImage
from bootharness.machine.container_map import missing_bytes
from bootharness.machine.device import Drive
from bootharness.machine.faulty_disk import FaultyDisk
from bootharness.machine.opened import Opened
from bootharness.plan import AUTO
from bootharness.plan.disk_fault import DiskFaults
from bootharness.routes.disk_facts import LEAST_DISK_SECTORS, facts_of, facts_unread
from bootharness.routes.found import content_of, found_in
from bootharness.routes.initrd import Initrd
from bootharness.routes.loader import Loader
from bootharness.routes.shape import Shape, shape_of
from bootharness.text import count

if TYPE_CHECKING:
    from bootharness.trace.booted import DiskFacts

__all__ = ["DiskImage"]


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
        return replace(
            facts_of(self, self.unread),
            blank_lba=self.blank_lba,
            filed=self.filed,
            lacks_bytes=0 if self.driver == "raw" else missing_bytes(self.path, self.driver),
        )

    @property
    def unread(self) -> "DiskFacts":
        """What a trace keeps of it before anything has been read."""
        others = tuple(each.name for each in self.others)
        return facts_unread(self.name, self.shape, driver=self.driver, others=others)

    @contextmanager
    def faulty(
        self, faults: DiskFaults, path: Path | None = None
    ) -> Iterator[tuple[Self, FaultyDisk | None]]:
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

    @property
    def filed(self) -> bool:
        """Whether the kernel that was found on it lies in a file system."""
        if self.loader is not None or self.kernel is None or self.kernel_lba is None:
            return False
        return file_system_around(self.read, self.kernel_lba, self.shape.sector_bytes)

    def read(self, lba: int, count: int) -> bytes:
        """Return ``count`` bytes from sector ``lba`` on, fewer where the image ends."""
        start = self.shape.base + lba * self.shape.sector_bytes
        # a loader may ask for any of 2^64
        return self.content.read(start, max(min(count, self.size_bytes - start), 0))
