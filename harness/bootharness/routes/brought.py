"""The route ``disk``: a disk image that somebody brought, booted as it is."""

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootharness.formats.forms import LOOK_BYTES, form_of
from bootharness.host.regular import first_bytes
from bootharness.host.workspace import Workspace
from bootharness.plan import BootPlan
from bootharness.routes.disk import LEAST_DISK_BYTES, DiskImage
from bootharness.routes.medium import Medium
from bootharness.routes.route import Route

__all__ = ["DISK", "is_disk_image"]


def is_disk_image(source: str) -> bool:
    """Return whether a source is a file that a BIOS would boot as a disk; a kernel is none."""
    form = form_of(first_bytes(Path(source), LOOK_BYTES))
    return form is not None and form.id == "disk"


@contextmanager
def _prepare(disk: DiskImage, plan: BootPlan, workspace: Workspace) -> Iterator[Medium]:
    path = disk.path
    if disk.size_bytes < LEAST_DISK_BYTES:
        path = workspace.path / "padded.img"
        path.write_bytes(disk.path.read_bytes().ljust(LEAST_DISK_BYTES, b"\0"))
    yield Medium.of_disk(disk, plan.machine.disk_interface, path)


def _as_it_is(disk: DiskImage, _plan: BootPlan) -> DiskImage:
    return disk


def _fetch(source: str) -> DiskImage:
    return DiskImage.existing(Path(source))


def _expand(source: str) -> list[str]:
    """Return the files that a pattern stands for, or else the one that it names."""
    return sorted(glob.glob(source)) or [source]  # noqa: PTH207


def _to_the_banner(_plan: BootPlan) -> str:
    """Of what is on it nobody knows whether it has a userspace that says so."""
    return "banner"


DISK = Route(
    name="disk",
    summary="a disk image that is there already, with its own loader and initrd",
    blame="what is on the disk",
    prepare=_prepare,
    takes=frozenset({"tracer", "disk_interface", "bios"}),
    expand=_expand,
    fetch=_fetch,
    until=_to_the_banner,
    lay_out=_as_it_is,
)
