"""What a gate boots: kernels in every combination of loaders, machines and boot paths."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

from bootharness.errors import UsageError
from bootharness.kernels.source import expand
from bootharness.plan import DEFAULT_CMDLINE, NET_PATHS, BootPlan, MachineConfig
from bootharness.runs.cell import STAGE1, Cell

__all__ = ["Expectation", "Matrix", "read_matrix"]

_USUAL = MachineConfig()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of the cells that match: shell patterns, None matches everything."""

    result: str
    kernel: str | None = None
    loader: str | None = None
    path: str | None = None
    memory_mib: int | None = None

    def matches(self, cell: Cell) -> bool:
        """Return whether it is about a cell."""
        pairs = ((self.kernel, cell.kernel), (self.loader, cell.loader), (self.path, cell.path))
        named = all(want is None or fnmatchcase(have, want) for want, have in pairs)
        return named and self.memory_mib in (None, cell.machine.memory_mib)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Kernels by their sources, and everything in which their boots differ.

    ``until`` None is as far as each way of booting can come: to /init, and with a loader
    that is not ours to the banner. Of the expectations that match a cell the last one counts.
    """

    kernels: tuple[str, ...]
    baseline: str | None = None
    loaders: tuple[str, ...] = (STAGE1,)
    paths: tuple[str, ...] = ("mbr",)
    machine_types: tuple[str, ...] = (_USUAL.machine_type,)
    qemu: tuple[str, ...] = (_USUAL.qemu,)
    memory_mib: tuple[int, ...] = (_USUAL.memory_mib,)
    disk_interfaces: tuple[str, ...] = (_USUAL.disk_interface,)
    cmdlines: tuple[str, ...] = (DEFAULT_CMDLINE,)
    initrd: str | None = None
    until: str | None = None
    timeout_s: float = BootPlan().timeout_s
    expect: tuple[Expectation, ...] = ()

    def cells(self) -> tuple[Cell, ...]:
        """Return all cells, each once, those of the baseline first.

        Raises UsageError for kernels and cells that cannot be.
        """
        kernels = [single for kernel in self.kernels for single in expand(kernel)]
        baseline = expand(self.baseline) if self.baseline else []
        if len(baseline) > 1:
            raise UsageError(f"{self.baseline}: a baseline is one kernel, and these are several")
        if not kernels:
            raise UsageError("there is no kernel to boot")
        if set(kernels) <= set(baseline):
            raise UsageError(f"{self.baseline}: it is the baseline; name a kernel besides it")
        return tuple(dict.fromkeys(cell for kernel in [*baseline, *kernels]
                                   for cell in self._cells(kernel)))  # fmt: skip

    def _cells(self, kernel: str) -> Iterator[Cell]:
        for path, loader, machine_type, qemu, memory, interface, cmdline in product(
            self.paths, self.loaders, self.machine_types, self.qemu, self.memory_mib,
            self.disk_interfaces, self.cmdlines,
        ):  # fmt: skip
            own = path != "mbr" or loader == STAGE1
            cell = Cell(
                kernel=kernel,
                # what has no part in a boot makes no second cell
                loader=loader if path == "mbr" else STAGE1,
                path=path,
                machine=MachineConfig(
                    qemu=qemu,
                    machine_type=machine_type,
                    memory_mib=memory,
                    disk_interface=_USUAL.disk_interface
                    if path in ("direct", *NET_PATHS)
                    else interface,
                ),
                cmdline=cmdline,
                initrd=self.initrd,
                until=self.until or ("init" if own or self.initrd else "banner"),
                timeout_s=self.timeout_s,
            )
            for each in self.expect:
                if each.matches(cell):
                    cell = replace(cell, expect=each.result)
            yield cell


def read_matrix(path: Path) -> Matrix:
    """Read a matrix from TOML. Raises UsageError, naming the file and the field."""
    import tomllib  # few gates come from a file

    import msgspec

    try:
        table: dict[str, Any] = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a matrix: {error}") from error
    _refuse_unknown(path, "", table, Matrix)
    expectations = table.get("expect", [])
    if isinstance(expectations, list):
        for number, each in enumerate(expectations, start=1):
            if isinstance(each, dict):
                _refuse_unknown(path, f"[[expect]] number {number}: ", each, Expectation)
    try:
        matrix = msgspec.convert(table, Matrix)
        matrix.cells()
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        raise UsageError(f"{path}: {where.strip('.`') or 'matrix'}: {said}") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return matrix


def _refuse_unknown(path: Path, where: str, table: dict[str, Any], kind: type) -> None:
    known = [field.name for field in fields(kind)]
    for name in table:
        if name not in known:
            raise UsageError(f"{path}: {where}{name}: known are {', '.join(known)}")
