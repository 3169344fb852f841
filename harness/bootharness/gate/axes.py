"""In what two boots of the same kernel can differ, and how that is written."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bootharness.plan import (
    AUTO,
    DEFAULT_CMDLINE,
    OPTIONS,
    SCREEN,
    STAGE1,
    UEFI_SECURE,
    chosen,
)
from bootharness.plan.fault_line import FaultList
from bootharness.plan.goal import is_pattern
from bootharness.routes.table import ROUTES
from bootharness.runs.cell import Cell
from bootharness.text import count

__all__ = ["AXES", "axes", "varying", "way"]

AXES = tuple(OPTIONS)
"""The axes of a matrix besides the kernel: every option of a plan, by its name."""


def _cmdline(value: str) -> str:
    rest = value.removeprefix(DEFAULT_CMDLINE)
    if rest == value or (rest and not rest.startswith(" ")):
        return value
    return f"usual command line{f' and{rest}' if rest else ''}"


_FIRMWARE = {AUTO: "UEFI", UEFI_SECURE: "Secure Boot"}
"""Of routes by a UEFI: others have no choice."""
_WRITTEN: dict[str, Callable[[Any], str]] = {
    "host": "on {}".format,
    "until": lambda value: f"to {_goal(value)}" if value != SCREEN else "",
    "until_screen": "to {!r} on the screen".format,
    "at_most_s": lambda seconds: f"within {seconds:g} s of the guest's own",
    "fail_on": lambda patterns: f"without {' and '.join(map(repr, patterns))}",
    "send": lambda prompts: f"typing {', '.join(map(repr, prompts))}",
    "cmdline": _cmdline,
    "timeout_s": "{:g} s".format,
    "idle_s": "idle for {:g} s".format,
    "memory_mib": "{:,} MiB".format,
    "smp": lambda number: count(number, "CPU"),
    "ip": lambda which: "IPv4 and IPv6" if which == "both" else f"IPv{which}",
    "vlan": "VLAN {}".format,
    "firmware": lambda name: _FIRMWARE.get(name, name),
    "nic_vlan": "set up for VLAN {}".format,
    "cold": lambda on: "cold" if on else "restored",
}


def axes(cell: Cell) -> dict[str, str]:
    """Return where a cell is on each axis, in words; what has no part in its boot is empty."""
    route = ROUTES.get(cell.plan.route)  # a route of the past may be gone
    takes = route.takes if route else frozenset()
    return {
        name: _written(name, value) if name in takes or not OPTIONS[name].by_route else ""
        for name, value in chosen(cell.plan).items()
    }


def _written(name: str, value: Any) -> str:
    if value in (None, ()) or isinstance(value, FaultList):
        return str(value or "")
    return _WRITTEN.get(name, str)(value)


def _goal(until: str) -> str:
    return repr(until) if is_pattern(until) else until


def varying(cells: Iterable[Cell]) -> tuple[str, ...]:
    """Return the axes that matter to several of these cells and on which they differ."""
    places = [axes(cell) for cell in cells]
    return tuple(name for name in AXES if len({place[name] for place in places} - {""}) > 1)


def way(cell: Cell, names: tuple[str, ...]) -> str:
    """Write how a cell boots by some axes: ``mbr, stage1, 64 MiB``."""
    place = axes(cell)
    loader = place["loader"]
    if loader != STAGE1:
        loader = Path(loader).name  # its folder says nothing about it
    return ", ".join((place | {"loader": loader})[name] for name in names if place[name])
