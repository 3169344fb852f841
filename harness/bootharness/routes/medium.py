"""What a route prepares: ready for one machine to boot from, with what is known of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from msgspec import Struct
from msgspec.structs import replace

from bootharness.formats.bzimage import SetupHeader
from bootharness.kernels.image import BEGINNING_BYTES, KernelImage
from bootharness.machine.device import Device, Flash, drive_device
from bootharness.machine.faulty_disk import FaultyDisk
from bootharness.plan import BootPlan
from bootharness.routes.disk import DiskImage
from bootharness.routes.initrd import Initrd
from bootharness.routes.kernel_on_disk import in_pieces, kernel_among, with_kernel_found
from bootharness.routes.loader import Loader
from bootharness.trace.uefi_calls import UefiCall, spans_read

if TYPE_CHECKING:
    from bootharness.formats.bioscall import BiosCall
    from bootharness.machine.machine import Machine
    from bootharness.routes.net_connection import Connection

__all__ = ["Medium"]


class Medium(Struct, frozen=True):
    """What a machine boots from, until the end of the `with` that it was prepared in.

    ``kernel`` None is found by what is read, ``loader`` None is not ours. ``disk`` is what lies
    where, if there is one, and ``interface`` how that is attached; ``wire`` is something else to
    wait for, and to blame, and ``faulty`` the disk where it was made to fail. ``flash`` is that of
    a UEFI that boots the disk.
    """

    device: Device
    kernel: KernelImage | None = None
    loader: Loader | None = None
    initrd: Initrd | None = None
    disk: DiskImage | None = None
    interface: str | None = None
    wire: "Connection | None" = None
    faulty: FaultyDisk | None = None
    flash: Flash | None = None

    @classmethod
    @contextmanager
    def of_disk(
        cls,
        disk: DiskImage,
        plan: BootPlan,
        *,
        interface: str = "",
        path: Path | None = None,
        flash: Flash | None = None,
    ) -> Iterator[Self]:
        """Give a disk image as a medium, with the faults of a plan.

        ``path`` is where a copy to boot from lies, and ``interface`` how it is attached, if not as
        the plan says; ``flash`` is that of a UEFI. Raises UsageError for a fault that could never
        act.
        """
        interface = interface or plan.machine.disk_interface
        own = disk.shape.kind == "floppy"  # which has a controller of its own
        with disk.faulty(plan.machine.disk_faults, path) as (held, faulty):
            drive = held.drive(interface, path)
            drive = replace(drive, node=faulty.node) if faulty else drive
            others = (each.drive(interface) for each in held.others)
            device = drive_device(drive, *others, flash=flash)
            if faulty:
                device = replace(
                    device,
                    # QEMU looks at a disk itself before its guest does; that is not to be a fault's
                    words=(*device.words, "-S"),
                    fds=(faulty.guest_end.fileno(),),
                )
            yield cls(
                device,
                held.kernel,
                held.loader,
                held.initrd,
                held,
                None if own else interface,
                faulty=faulty,
                flash=flash,
            )

    def started(self, launched: float) -> None:
        """Note that QEMU runs, and when it was launched, on the monotonic clock."""
        for each in (self.wire, self.faulty):
            if each:
                each.started(launched)

    def begin(self, machine: "Machine", *, waits: bool = False) -> None:
        """Let a machine run that is not to begin before we are ready; ``waits`` where it is for
        somebody else to let it."""
        if self.faulty:
            self.faulty.begin()
            if not waits:
                machine.resume()

    @property
    def brought(self) -> bool:
        """Whether somebody brought all that is booted, and a kernel is whatever runs of it."""
        from_root = self.wire is not None and self.wire.brought
        return from_root or (self.disk is not None and self.loader is None)

    @property
    def managed(self) -> bool:
        """Whether a boot manager is at work, which finds its kernel by itself."""
        return self.brought or (self.loader is not None and self.loader.manager)

    @property
    def narrow(self) -> bool:
        """Whether its kernel is known to have only 32 bits."""
        return self.kernel is not None and self.kernel.header.needs_32_bits_alone

    def in_pieces(self, calls: "Iterable[BiosCall]", folder: Path, in_memory: bytes) -> Self:
        """Return the medium with a kernel as `kernel_on_disk.in_pieces`."""
        if self.disk is None:
            return self
        disk = self.disk
        with suppress(OSError):
            disk = in_pieces(disk, calls, folder, in_memory)
        return replace(self, disk=disk, kernel=disk.kernel)

    def learned_by_uefi(
        self,
        calls: "Sequence[UefiCall]",
        folder: Path,
        *,
        entered: SetupHeader | None,
        code: bytes,
        places_of: Callable[[bytes], Iterable[int]],
    ) -> Self:
        """Return the medium with the kernel that was started, by its setup header in memory, or by
        code of it that was seen there, or, as a boot manager ends boot services, by what is
        compressed in it, which ``places_of`` finds; its file is written to ``folder``."""
        if self.kernel is not None:
            return self
        if self.wire:
            kernel, initrd = self.wire.loaded(entered, None)
            return replace(self, kernel=kernel, initrd=initrd)
        if self.disk is None:
            return self
        disk = self.disk
        spans = spans_read(calls, disk.sectors)

        def fits(kernel: KernelImage) -> bool:
            if entered:
                return kernel.header.is_of_same_kernel(entered)
            if code in kernel.content.read(0, kernel.file_bytes):
                return True
            inside = kernel.compressed
            begins = inside[1].cut(0, BEGINNING_BYTES).read() if inside else b""
            return bool(begins) and any(True for _ in places_of(begins))

        with suppress(OSError):
            if found := kernel_among(disk, spans, folder, fits):
                disk = replace(disk, kernel=found[1], kernel_lba=found[0])
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
        `kernel_on_disk.with_kernel_found`."""
        if self.kernel is not None:
            return self
        if self.wire:
            kernel, initrd = self.wire.loaded(entered, release)
            return replace(self, kernel=kernel, initrd=initrd)
        if self.disk is None:
            return self
        disk = self.disk
        with suppress(OSError):  # the image has been taken away meanwhile: then nothing is learned
            disk = with_kernel_found(disk, calls, folder, entered=entered, release=release)
        return replace(self, disk=disk, kernel=disk.kernel)
