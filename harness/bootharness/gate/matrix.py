"""What a gate boots: kernels in every combination of routes, loaders and machines."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import fields, replace

from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.host.toml import read_toml
from bootharness.plan import OPTIONS, BootPlan, choose, chosen
from bootharness.routes.table import by_firmware, by_what_is_given, firmware_of, route_of
from bootharness.runs.cell import Cell
from bootharness.text import hint, plainly

__all__ = ["Expectation", "Matrix", "read_matrix"]

_ALSO = {
    "paths": "route",
    "path": "route",
    "loaders": "loader",
    "machine_types": "machine_type",
    "disk_interfaces": "disk_interface",
    "cmdlines": "cmdline",
    "hosts": "host",
}
"""Other spellings of options in a file."""
_FILE_BYTES = 1 << 24
_MOST_CELLS = 10_000
"""A day and more, at one boot a core every 6 seconds."""


class Expectation(Struct, frozen=True, dict=True):
    """What is expected of the cells that match.

    ``kernel`` is a shell pattern, or several, and so is what ``where`` gives for options by their
    names; what is not given matches everything. ``reason`` and ``ticket`` say why it is so, for
    people. After the day ``expires`` it holds no longer.
    """

    result: str
    kernel: str | tuple[str, ...] = "*"
    where: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    ticket: str = ""
    expires: date | None = None

    def matches(self, cell: Cell) -> bool:
        """Return whether it is about a cell."""
        values = chosen(cell.plan) | {"firmware": firmware_of(cell.plan)}
        return _fits(cell.kernel, self.kernel) and all(
            _fits(str(values[name]), wanted) for name, wanted in self.where.items()
        )

    @property
    def holds(self) -> bool:
        """Whether its day has not passed."""
        return self.expires is None or datetime.now(UTC).date() <= self.expires

    @property
    def said(self) -> str:
        """What it is, and why: ``destination-wrapped for vmlinuz* (BUG-7: fixed in 6.9)``."""
        kernels = [self.kernel] if isinstance(self.kernel, str) else self.kernel
        why = ": ".join(filter(None, (self.ticket, self.reason)))
        return f"{self.result} for {', '.join(kernels)}" + (f" ({why})" if why else "")


def _fits(value: str, patterns: Any) -> bool:
    several = patterns if isinstance(patterns, list | tuple) else [patterns]
    return any(fnmatchcase(value, str(each)) for each in several)


class Matrix(Struct, frozen=True, dict=True):
    """Kernels by their sources, and everything in which their boots differ.

    ``axes`` are values of options by their names; what is not among them is as usual. Of the
    expectations that match a cell the last one counts.
    """

    kernels: tuple[str, ...]
    baseline: str | None = None
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    expect: tuple[Expectation, ...] = ()

    def cells(self) -> tuple[Cell, ...]:
        """Return all cells, each once, those of the baseline first.

        Raises UsageError for kernels and cells that cannot be.
        """
        self._check_size(len(self.kernels) or 1)
        plans = [*self._plans()]
        expand = route_of(plans[0]).expand
        if any(route_of(plan).expand is not expand for plan in plans):
            names = ", ".join(dict.fromkeys(plan.route for plan in plans))
            raise UsageError(f"routes {names}: they do not boot the same, so not in one gate")
        kernels = [single for kernel in self.kernels for single in expand(kernel)]
        baseline = expand(self.baseline) if self.baseline else []
        if len(baseline) > 1:
            raise UsageError(f"{self.baseline}: a baseline is one kernel, and these are several")
        if not kernels:
            raise UsageError("there is no kernel to boot")
        if set(kernels) <= set(baseline):
            raise UsageError(f"{self.baseline}: it is the baseline; name a kernel besides it")
        self._check_size(len(baseline) + len(kernels))
        cells = [self._cell(kernel, plan) for kernel in [*baseline, *kernels] for plan in plans]
        self._check_expectations(cells)
        return tuple(dict.fromkeys(cells))

    def _check_expectations(self, cells: list[Cell]) -> None:
        """Raise UsageError for what is said of no boot."""
        for number, each in enumerate(self.expect, start=1):
            if not any(map(each.matches, cells)):
                raise UsageError(
                    f"[[expect]] number {number}: no boot of this gate is of a kernel that matches "
                    f"{each.kernel!r} and booted so"
                )

    def expired(self) -> tuple[str, ...]:
        """Say which expectations hold no longer."""
        return tuple(
            f"[[expect]] number {number}, {each.said}, expired on {each.expires}"
            for number, each in enumerate(self.expect, start=1)
            if not each.holds
        )

    def _check_size(self, kernels: int) -> None:
        """Raise UsageError for axes of which nothing comes, and of which too much does."""
        if unknown := set(self.axes) - set(OPTIONS):
            raise UsageError(f"{', '.join(sorted(unknown))}: known are {', '.join(OPTIONS)}")
        for name, values in self.axes.items():
            if not values:
                raise UsageError(f"{name}: it is empty, so that nothing would be booted")
        cells = kernels * prod(map(len, self.axes.values()))
        if cells > _MOST_CELLS:
            raise UsageError(
                f"these are {cells:,} boots, and a gate has at most {_MOST_CELLS:,}: make several"
            )

    def _plans(self) -> Iterator[BootPlan]:
        """Yield every combination once, settled, without what its route makes no use of."""
        names = [name for name in OPTIONS if name in self.axes]
        given = [*self.kernels, *([self.baseline] if self.baseline else [])]
        usual = BootPlan() if "route" in names else by_what_is_given(BootPlan(), given)
        seen = set()
        for values in product(*(self.axes[name] for name in names)):
            plan = by_firmware(choose(usual, dict(zip(names, values, strict=True))))
            route = route_of(plan)
            plan = route.only_used(plan)
            with suppress(CouldNotFindOut):  # who boots it will say so
                plan = route.settled(plan)
                route.check(plan)
            if plan not in seen:
                seen.add(plan)
                yield plan

    def _cell(self, kernel: str, plan: BootPlan) -> Cell:
        cell = Cell(kernel, plan)
        for each in self.expect:
            if each.holds and each.matches(cell):
                cell = replace(cell, expect=each.result)
        return cell


def read_matrix(path: Path) -> Matrix:
    """Read a matrix from TOML. Raises UsageError, naming the file and the field."""
    table = read_toml(path, "a matrix", most=_FILE_BYTES)
    try:
        table = _with_options(table, Matrix, "axes")
        expectations = table.get("expect", [])
        if isinstance(expectations, list):
            for number, each in enumerate(expectations):
                if isinstance(each, dict):
                    where = f"[[expect]] number {number + 1}: "
                    expectations[number] = _with_options(each, Expectation, "where", where)
        table["axes"] = {name: value if isinstance(value, list) else [value]
                         for name, value in table["axes"].items()}  # fmt: skip
        matrix = msgspec.convert(table, Matrix)
        matrix.cells()
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {plainly(error)}") from error
    except (UsageError, RecursionError) as error:
        raise UsageError(f"{path}: {error}") from error
    return matrix


def _with_options(table: dict[str, Any], kind: type, into: str, where: str = "") -> dict[str, Any]:
    """Return a table with its options, by their names, in a table of their own."""
    own = [each.name for each in fields(kind) if each.name != into]
    found: dict[str, Any] = {into: {}}
    for given, value in table.items():
        name = _ALSO.get(given, given)
        if name in own:
            found[name] = value
        elif name in OPTIONS:
            if value == []:
                raise UsageError(f"{where}{given}: it is empty, so that nothing would be booted")
            found[into][name] = value
        else:
            raise UsageError(f"{where}{given}: {hint(given, (*own, *OPTIONS, *_ALSO))}")
    return found
