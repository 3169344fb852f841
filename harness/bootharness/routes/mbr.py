"""The route ``mbr``: a loader in the boot sector, ours or another, and a disk laid out for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bootharness.errors import UsageError
from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.routes.medium import Medium
from bootharness.routes.route import Route

__all__ = ["MBR", "lay_out"]


def lay_out(kernel: KernelImage, loader: Loader, plan: BootPlan) -> DiskLayout:
    """Return the layout of the disk image for a boot, with the tiny initrd where userspace is
    wanted and nothing else is given. Raises UsageError for what cannot be."""
    initrd: bytes | Path | None = Path(plan.initrd) if plan.initrd else None
    if initrd is None and plan.wants_userspace and loader.takes_initrd:
        from bootharness.kernels.initrd import tiny_initrd  # a boot to the banner does without

        initrd = tiny_initrd(wide=kernel.header.is_64_bit)
    return DiskLayout.plan(
        loader,
        kernel,
        cmdline=plan.cmdline,
        memory_bytes=plan.machine.memory_bytes,
        initrd=initrd,
    )


@contextmanager
def _prepare(
    source: KernelImage | DiskImage, plan: BootPlan, workspace: Workspace
) -> Iterator[Medium]:
    disk = _laid_out(source, plan)
    if isinstance(disk, DiskLayout):
        disk = disk.write(workspace.path / "disk.img")
    with Medium.of_disk(disk, plan) as medium:
        yield medium


def _laid_out(source: KernelImage | DiskImage, plan: BootPlan) -> DiskImage | DiskLayout:
    """Return the disk for a kernel; one that has been laid out already is taken as it is."""
    if isinstance(source, DiskImage):
        return source
    return lay_out(source, Loader.named(plan.loader), plan)


def _refuse(plan: BootPlan) -> None:
    loader = Loader.named(plan.loader)
    if plan.initrd and not loader.takes_initrd:
        raise UsageError(f"{loader.name}: this loader takes no initrd, for it has no initrd_lba")


def _until(plan: BootPlan) -> str:
    """To /init, or to the banner with a loader that cannot be told where an initrd is."""
    return "init" if Loader.named(plan.loader).takes_initrd else "banner"


def _ingredients(plan: BootPlan) -> Mapping[str, str]:
    return {"loader": Loader.named(plan.loader).digest}


MBR = Route(
    name="mbr",
    summary="stage1, or another loader, in the boot sector of a disk laid out for it",
    blame="the loader",
    prepare=_prepare,
    takes=frozenset(
        {"loader", "initrd", "cmdline", "tracer", "disk_interface", "disk_faults", "bios"}
    ),
    refuse=_refuse,
    until=_until,
    ingredients=_ingredients,
    lay_out=_laid_out,
    twin="uefi-stub",
)
