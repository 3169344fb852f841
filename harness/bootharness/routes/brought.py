"""The route ``disk``: an image that somebody brought, booted as what it is."""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import by_version
from bootharness.machine.board import board_of
from bootharness.machine.device import LARGE_SECTORS, Flash
from bootharness.machine.uefi import UEFI_TOOLS, flash_in
from bootharness.plan import BootPlan
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_facts import LEAST_DISK_SECTORS
from bootharness.routes.found import media_in
from bootharness.routes.medium import Medium
from bootharness.routes.route import OF_A_UEFI, Route, to_the_banner
from bootharness.trace.milestones import UEFI_MILESTONES

__all__ = ["DISK", "UEFI_DISK"]


@contextmanager
def _prepare(disk: DiskImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    with _prepared(disk, plan, workspace, None) as medium:
        yield medium


@contextmanager
def _prepare_uefi(disk: DiskImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    with _prepared(disk, plan, workspace, flash_in(workspace.path, plan.machine)) as medium:
        yield medium


@contextmanager
def _prepared(
    disk: DiskImage, plan: BootPlan, workspace: Workspace, flash: Flash | None
) -> Iterator[Medium]:
    disk = _attached(disk, plan)
    interface = _interface(disk, plan, by_uefi=flash is not None)
    path, size = disk.path, disk.size_bytes
    if disk.driver == "raw" and (least := _least_bytes(disk)) > size:
        path = workspace.path / "padded.img"
        path.write_bytes(disk.path.read_bytes().ljust(least, b"\0"))
    with Medium.of_disk(disk, plan, interface=interface, path=path, flash=flash) as medium:
        yield medium


def _interface(disk: DiskImage, plan: BootPlan, *, by_uefi: bool) -> str:
    """Return how the image is attached: a disk of large sectors, where nobody says how, by what
    SeaBIOS can boot it from, and a UEFI's CD by USB. Raises UsageError for what contradicts
    itself."""
    board = board_of(plan.machine.machine_type)
    asked, usual = plan.machine.disk_interface, board.disks[0]
    board.check_medium(plan.machine, disk.shape.kind)
    if plan.machine.attached == "usb":
        if asked not in (usual, "usb"):
            raise UsageError(f"--disk-interface {asked}: --as usb says another one")
        if "usb" not in board.disks:
            raise UsageError(f"--as usb: the machine {plan.machine.machine_type} {board.lacks}")
        return "usb"
    if disk.shape.kind == "floppy" and asked != usual:
        raise UsageError(
            f"--disk-interface {asked}: {disk.source} is a floppy, which has a controller of its "
            "own"
        )
    if by_uefi and disk.shape.kind == "cdrom" and asked == usual:
        return "usb"  # QEMU 7.2 stands still for ever where it is stopped amid a read of AHCI's CD
    large = disk.shape.kind == "disk" and disk.shape.sector_bytes != SECTOR_BYTES
    return LARGE_SECTORS[0] if large and asked == usual and board.has_pci else asked


def _attached(disk: DiskImage, plan: BootPlan) -> DiskImage:
    """Return the image as it is to be attached, with the further disks of its machine."""
    others = tuple(DiskImage.existing(Path(each)) for each in plan.machine.more_disks)
    for each in others:
        if each.shape.kind != "disk":
            what = "CD" if each.shape.kind == "cdrom" else "floppy"
            raise UsageError(f"--and-disk {each.source}: a {what}, and a disk is wanted")
    return replace(disk.attached_as(plan.machine.attached), others=others)


def _least_bytes(disk: DiskImage) -> int:
    """Return how much a drive needs to have of an image; what is missing is zeros."""
    if disk.shape.kind == "disk":
        return LEAST_DISK_SECTORS * disk.shape.sector_bytes
    return disk.shape.floppy.bytes if disk.shape.kind == "floppy" and disk.shape.floppy else 0


def _fetch(source: str) -> DiskImage:
    return DiskImage.existing(Path(source))


def _expand(source: str) -> list[str]:
    """Return the files that a pattern stands for, or the images in a folder, in the order of their
    versions; or else the one that it names.

    Raises UsageError where there is none.
    """
    if os.path.isdir(source):  # noqa: PTH112 - what can be no name is none
        if images := media_in(Path(source)):
            return [str(each) for each in images]
        raise UsageError(f"{source}: no file in this folder is a disk image")
    found = sorted(glob.glob(source), key=by_version)  # noqa: PTH207
    if not found and not os.path.exists(source):  # noqa: PTH110 - what can be no name is none
        raise UsageError(f"{source}: no such file; here a disk image is wanted")
    return found or [source]


DISK = Route(
    name="disk",
    summary="an image that is there already, of a disk, a CD, a floppy or a stick, with its own "
    "loader and initrd",
    blame="what is on the disk",
    prepare=_prepare,
    takes=frozenset({"tracer", "disk_interface", "disk_faults", "attached", "more_disks", "bios"}),
    expand=_expand,
    fetch=_fetch,
    twin="uefi-disk",
    until=to_the_banner,
    lay_out=_attached,
)
UEFI_DISK = Route(
    name="uefi-disk",
    summary="an image that is there already, started by a UEFI",
    blame="what is on the disk for a UEFI",
    prepare=_prepare_uefi,
    firmware="uefi",
    twin=DISK.name,
    milestones=UEFI_MILESTONES,
    takes=frozenset(
        {"disk_interface", "disk_faults", "attached", "more_disks", "cold", *OF_A_UEFI}
    ),
    expand=_expand,
    fetch=_fetch,
    until=to_the_banner,
    tools=UEFI_TOOLS,
    programs=tuple(Path(tool.name) for tool in UEFI_TOOLS),
)
