"""What a route prepares: ready for one machine to boot from, with what is known of it."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from msgspec import Struct
from msgspec.structs import replace

from bootharness.formats.bzimage import SetupHeader
from bootharness.kernels.image import KernelImage
from bootharness.machine.device import Device, drive_device
from bootharness.routes.disk import DiskImage, Initrd
from bootharness.routes.loader import Loader

if TYPE_CHECKING:
    from bootharness.formats.bioscall import BiosCall
    from bootharness.routes.net_connection import Connection

__all__ = ["Medium"]


class Medium(Struct, frozen=True):
    """What a machine boots from, until the end of the `with` that it was prepared in.

    ``kernel`` None is found by what is read, ``loader`` None is not ours. ``disk`` is what lies
    where, if there is one, and ``interface`` how that is attached; ``wire`` is something else to
    wait for, and to blame.
    """

    device: Device
    kernel: KernelImage | None = None
    loader: Loader | None = None
    initrd: Initrd | None = None
    disk: DiskImage | None = None
    interface: str | None = None
    wire: "Connection | None" = None

    @classmethod
    def of_disk(cls, disk: DiskImage, interface: str, path: Path | None = None) -> Self:
        """Return a disk image as a medium; ``path`` is where a copy to boot from lies."""
        more = [each.drive(interface) for each in disk.others]
        device = drive_device(disk.drive(interface, path), *more)
        own = disk.shape.kind == "floppy"  # which has a controller of its own
        return cls(device, disk.kernel, disk.loader, disk.initrd, disk, None if own else interface)

    @property
    def managed(self) -> bool:
        """Whether a boot manager is at work, which finds its kernel by itself."""
        return self.disk is not None and (self.loader is None or self.loader.manager)

    @property
    def narrow(self) -> bool:
        """Whether its kernel is known to have only 32 bits."""
        return self.kernel is not None and self.kernel.header.needs_32_bits_alone

    def in_pieces(self, calls: "Iterable[BiosCall]", folder: Path, in_memory: bytes) -> Self:
        """Return the medium with a kernel as `DiskImage.in_pieces`."""
        if self.disk is None:
            return self
        disk = self.disk
        with suppress(OSError):
            disk = disk.in_pieces(calls, folder, in_memory)
        return replace(self, disk=disk, kernel=disk.kernel)

    def learned(
        self,
        calls: "Iterable[BiosCall]",
        folder: Path,
        *,
        entered: SetupHeader | None,
        release: str | None,
    ) -> Self:
        """Return the medium with a kernel that is known by now; otherwise as
        `DiskImage.with_kernel_found`."""
        if self.disk is None or self.kernel is not None:
            return self
        disk = self.disk
        with suppress(OSError):  # the image has been taken away meanwhile: then nothing is learned
            disk = disk.with_kernel_found(calls, folder, entered=entered, release=release)
        return replace(self, disk=disk, kernel=disk.kernel)
