"""Which files of this computer a cell names, and the same cell with other names for them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bootharness.errors import UsageError
from bootharness.kernels.source import DEB, has_no_path
from bootharness.plan import (
    AUTO,
    BIOS,
    OPTIONS,
    STAGE1,
    UEFI,
    UEFI_SECURE,
    choose,
    chosen,
)
from bootharness.plan.pattern import is_needle
from bootharness.routes.net_servers import NET_SERVERS
from bootharness.runs.cell import Cell

__all__ = ["named_by", "renamed"]

_GROWN = re.compile(r"((?:grow:[^:]*:)*)(.*)", re.DOTALL)
_ARROW = "=>"
_WITH_NEEDLES = ("until_screen", "fail_on", "send")
_SERVERS = tuple(each.name for each in NET_SERVERS)


def named_by(cell: Cell) -> tuple[str, ...]:
    """Return the files, packages and folders of boot files that a cell names, each once.

    Raises UsageError for a cell that cannot be booted elsewhere.
    """
    if cell.plan.route in _SERVERS:
        raise UsageError(
            f"--route {cell.plan.route}: the servers' files are on this computer, and nobody knows "
            "which: boot it here, by --workers with a number"
        )
    guest = cell.plan.guest
    here = (guest.manifests, guest.programs, guest.module_folder, guest.shares, guest.forwards)
    if any(here) or guest.outside:
        raise UsageError(
            "--manifest, --bin, --modules, --share and --forward name what is on this computer: "
            "boot it here, by --workers with a number"
        )
    firmware = _firmware(cell)
    if firmware and not cell.plan.machine.firmware_vars:
        raise UsageError(
            f"--firmware {firmware[0]}: for computers elsewhere name its variables, too, by "
            "--firmware-vars"
        )
    return tuple(dict.fromkeys((*_kernel(cell), *_given(cell), *firmware, *cell.plan.needles)))


def renamed(cell: Cell, names: Mapping[str, str]) -> Cell:
    """Return a cell with other names for its files."""
    values = chosen(cell.plan)
    changed = {name: _other(values[name], names) for name in _files()}
    changed["firmware"] = names.get(values["firmware"], values["firmware"])
    changed |= {name: _with_needles(values[name], names) for name in _WITH_NEEDLES}
    given = {name: value for name, value in changed.items() if value != values[name]}
    plan = choose(cell.plan, given) if given else cell.plan
    kernel = cell.kernel
    for name in _kernel(cell):
        kernel = kernel.removesuffix(name) + names.get(name, name)
    return replace(cell, kernel=kernel, plan=plan)


def _kernel(cell: Cell) -> Iterator[str]:
    found = _GROWN.fullmatch(cell.kernel)
    assert found
    # what a package has today another computer need not have
    if found[2].startswith(DEB) or (found[2] and not has_no_path(found[2])):
        yield found[2]


def _firmware(cell: Cell) -> tuple[str, ...]:
    named = cell.plan.machine.firmware
    return () if named in (AUTO, BIOS, UEFI, UEFI_SECURE) else (named,)


def _given(cell: Cell) -> Iterator[str]:
    values = chosen(cell.plan)
    for name in _files():
        value = values[name]
        yield from value if isinstance(value, tuple) else [value] if _is_file(value) else []


def _is_file(value: Any) -> bool:
    return value not in (None, STAGE1)


def _files() -> Iterator[str]:
    return (option.name for option in OPTIONS.values() if option.kind is Path)


def _other(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, tuple):
        return tuple(names.get(each, each) for each in value)
    return names.get(value, value) if _is_file(value) else value


def _with_needles(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, tuple):
        return tuple(_with_needles(each, names) for each in value)
    if value is None:
        return None
    pattern, arrow, text = value.partition(_ARROW)
    return f"{names.get(pattern, pattern) if is_needle(pattern) else pattern}{arrow}{text}"
