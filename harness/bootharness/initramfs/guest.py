"""The initramfs of a guest that a plan asks for, with the drivers that its kernel has for it."""

from collections.abc import Mapping
from pathlib import Path

from bootharness.errors import GuestUnfit
from bootharness.initramfs.archive import guest_archive
from bootharness.initramfs.manifest import OF_MODULES, Line, line_of, read_manifest
from bootharness.initramfs.modules import Modules
from bootharness.initramfs.sources import modules_of
from bootharness.kernels.image import KernelImage
from bootharness.plan import GuestPlan

__all__ = ["NINE_P", "VIRTIOFS", "archive_of", "lines_of", "share_type"]

NINE_P, VIRTIOFS = "9p", "virtiofs"
"""How a guest has folders of the host, by the names of the file systems."""
_SHARES = {NINE_P: ("virtio_pci", "9p", "9pnet_virtio"), VIRTIOFS: ("virtio_pci", "virtiofs")}
_CARD = ("virtio_pci", "virtio_net")


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
    needed = any(line.word in OF_MODULES for line in lines) or "network" in own
    modules = _modules(kernel, guest) if needed or guest.shares else None
    if modules and guest.shares:
        names = _SHARES[share_type(kernel, guest)]
        lines += (line_of("kmod", name, said_by="--share") for name in names)
    if modules and "network" in own:
        if lacking := _lacking(modules, _CARD):
            raise GuestUnfit(
                f"{kernel.source} can have no network card of its guest: {kernel.release} has no "
                f"{lacking}, neither built in nor as a module"
            )
        lines += (line_of("kmod", name, said_by="the guest's network") for name in _CARD)
    return guest_archive(lines, modules, own)


def share_type(kernel: KernelImage, guest: GuestPlan) -> str:
    """Return how a kernel has folders of the host: over 9p where it can, or where nobody knows its
    modules. Raises GuestUnfit for one that is known to have no driver for any."""
    modules = _modules(kernel, guest)
    if modules is None:
        return NINE_P
    lacking = {name: _lacking(modules, drivers) for name, drivers in _SHARES.items()}
    for name, driver in lacking.items():
        if driver is None:
            return name
    said = ", nor ".join(f"{driver}, for {name}" for name, driver in lacking.items())
    raise GuestUnfit(
        f"--share: {kernel.source} can mount no folder of this host: {kernel.release} has no "
        f"{said}, neither built in nor as a module"
    )


def _modules(kernel: KernelImage, guest: GuestPlan) -> Modules | None:
    given = Path(guest.module_folder) if guest.module_folder else None
    return modules_of(kernel, given)


def _lacking(modules: Modules, names: tuple[str, ...]) -> str | None:
    """Return the first driver that a kernel does not have."""
    return next((name for name in names if not modules.has(name)), None)
