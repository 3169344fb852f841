"""In what two boots of the same kernel can differ, and how that is written."""

from collections.abc import Iterable
from pathlib import Path

from bootharness.plan import DEFAULT_CMDLINE
from bootharness.runs.cell import Cell

__all__ = ["AXES", "axes", "varying", "way"]

AXES = (
    "path",
    "loader",
    "machine type",
    "QEMU",
    "memory",
    "disk interface",
    "command line",
    "initrd",
    "until",
)
"""The axes of a matrix besides the kernel."""
_FROM_DISK = ("mbr", "grub")


def axes(cell: Cell) -> dict[str, str]:
    """Return where a cell is on each axis, in words; what has no part in its boot is empty."""
    machine = cell.machine
    values = (
        cell.path,
        cell.loader if cell.path == "mbr" else "",
        machine.machine_type,
        machine.qemu,
        f"{machine.memory_mib:,} MiB",
        machine.disk_interface if cell.path in _FROM_DISK else "",
        "usual command line" if cell.cmdline == DEFAULT_CMDLINE else cell.cmdline,
        cell.initrd or "",
        f"to {cell.until}",
    )
    return dict(zip(AXES, values, strict=True))


def varying(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return the axes that matter to several of these cells and on which they differ."""
    places = [axes(cell) for cell in cells]
    return tuple(name for name in AXES if len({place[name] for place in places} - {""}) > 1)


def way(cell: Cell, names: tuple[str, ...]) -> str:
    """Write how a cell boots by some axes: ``mbr, stage1, 64 MiB``."""
    place = axes(cell)
    loader = Path(place["loader"]).name  # its folder says nothing about it
    return ", ".join((place | {"loader": loader})[name] for name in names if place[name])
