"""The initramfs of a guest that a plan asks for, with the drivers that its kernel has for it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from bootharness.errors import GuestUnfit
from bootharness.initramfs.archive import guest_archive
from bootharness.initramfs.manifest import OF_MODULES, Line, line_of, read_manifest
from bootharness.initramfs.modules import Modules
from bootharness.initramfs.sources import modules_of
from bootharness.kernels.image import KernelImage
from bootharness.plan import GuestPlan

__all__ = ["archive_of", "lines_of"]

_DRIVERS = {
    "shares": (("virtio_pci", "9p", "9pnet_virtio"), "can mount no folder of this host over 9p"),
    "network": (("virtio_pci", "virtio_net"), "can have no network card of its guest"),
}
"""By the file of /init that tells of it, what a kernel needs for it."""


def lines_of(guest: GuestPlan) -> list[Line]:
    """Return what is to be in a guest, as a manifest has it. Raises UsageError, naming the file."""
    lines = [line for each in guest.manifests for line in read_manifest(Path(each))]
    lines += [line_of("bin", each, said_by=f"--bin {each}") for each in guest.programs]
    lines += [line_of("kmod", each, said_by=f"--module {each}") for each in guest.modules]
    return lines


def archive_of(
    kernel: KernelImage, guest: GuestPlan, own: Mapping[str, bytes] | None = None
) -> bytes:
    """Return the archive for a kernel, with files of its /init's ``own``.

    Raises UsageError, naming the line, for what is not here or cannot be in it, GuestUnfit for a
    kernel that is known to have no driver for a folder or a network that these tell of.
    """
    lines, own = lines_of(guest), own or {}
    given = Path(guest.module_folder) if guest.module_folder else None
    drivers = [each for each in _DRIVERS if each in own]
    needed = drivers or any(line.word in OF_MODULES for line in lines)
    modules = modules_of(kernel, given) if needed else None
    for each in drivers if modules else ():
        assert modules
        lines += _driver_lines(kernel, each, modules)
    return guest_archive(lines, modules, own)


def _driver_lines(kernel: KernelImage, what: str, modules: Modules) -> Iterator[Line]:
    names, cannot = _DRIVERS[what]
    for name in names:
        if not modules.has(name):
            raise GuestUnfit(
                f"{kernel.source} {cannot}: its kernel, {kernel.release}, has no {name}, neither "
                "built in nor as a module"
            )
        yield line_of("kmod", name, said_by=f"the guest's {what}")
