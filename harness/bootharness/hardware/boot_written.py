"""One boot of what is written to a machine's disk before: an image, or a kernel with a loader."""

from pathlib import Path

from msgspec.structs import replace

from bootharness.errors import CouldNotFindOut
from bootharness.formats.mbr import BOOTSTRAP_BYTES
from bootharness.hardware.boot import trace_disk
from bootharness.hardware.machines import HardwareMachine
from bootharness.hardware.write_disk import write_disk
from bootharness.host.workspace import Workspace
from bootharness.kernels.source import fetch
from bootharness.plan import BootPlan
from bootharness.routes.disk import DiskImage
from bootharness.routes.found import is_medium
from bootharness.routes.loader import Loader
from bootharness.routes.mbr import lay_out
from bootharness.trace.boot_trace import BootTrace, Ending

__all__ = ["boot_written"]


def boot_written(
    machine: HardwareMachine,
    source: str,
    plan: BootPlan,
    word: str,
    *,
    observer: object = None,
    keep: Path | None = None,
) -> BootTrace:
    """Write an image, or one that the plan's loader and a kernel make, to the disk that a person
    calls by ``word``, and boot it. What keeps us from finding out is in the trace.

    Raises UsageError for another disk, and for what cannot be.
    """
    if machine.recorder == "mbr" and machine.wire:  # what is written takes it away
        machine = replace(machine, recorder="pxe")
    kernel = loader = None
    try:
        with Workspace() as workspace:
            if is_medium(source):
                image = DiskImage.existing(Path(source))
            else:
                kernel, loader = fetch(source), Loader.named(plan.loader)
                image = lay_out(kernel, loader, plan).write(workspace.path / "disk.img")
                _without_signature(image.path)
            write_disk(machine, image, word)
    except CouldNotFindOut as error:
        ending = Ending("skipped", 0.0, str(error), error.cause)
        return BootTrace(source, plan.until, ending, plan.route)
    trace = trace_disk(machine, kernel, loader, until=plan.until, keep=keep)
    return replace(trace, source=source)


def _without_signature(path: Path) -> None:
    """Have the disk keep its own, by which the person knows it."""
    with path.open("r+b") as disk:
        disk.seek(BOOTSTRAP_BYTES)
        disk.write(bytes(4))
