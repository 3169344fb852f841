"""Boots of what no command line can name: a loader that is in no file."""

from pathlib import Path

from bootharness.host.workspace import Workspace
from bootharness.kernels.image import KernelImage
from bootharness.one_boot import boot_medium
from bootharness.plan import BootPlan
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.routes.medium import Medium
from bootharness.routes.table import route_of
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.observer import Observer

__all__ = ["boot_through", "settled"]


def settled(plan: BootPlan) -> BootPlan:
    """Return a plan with nothing left to choose."""
    return route_of(plan).settled(plan)


def boot_through(
    loader: Loader,
    kernel: KernelImage,
    plan: BootPlan,
    *,
    observer: Observer | None = None,
    keep: Path | None = None,
) -> BootTrace:
    """Boot a kernel through a loader, by the route `mbr`."""
    plan = settled(plan)
    with Workspace() as workspace:
        disk = lay_out(kernel, loader, plan).write(workspace.path / "disk.img")
        with Medium.of_disk(disk, plan) as medium:
            return boot_medium(kernel.source, medium, plan, workspace, observer=observer, keep=keep)
