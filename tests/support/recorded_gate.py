"""A gate of many kernels whose boots are recorded ones: two real boots, handed out as asked."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bootharness.gate.matrix import Matrix
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, BootFacts
from bootharness.runs.work import boot_cell

__all__ = ["RecordedBoots", "record", "tree"]

_FIRST, _STEP, _LIMIT = 15_000_000, 5_248, 15_735_808


class RecordedBoots(Executor):
    """Boots nothing: kernels above the limit have the bad attempt where a loader loses carries."""

    def __init__(self, good: Attempt, bad: Attempt) -> None:
        self._good, self._bad = good, bad

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(
            self._attempt(*args) if function is boot_cell else function(*args, **kwargs)
        )
        return done

    def _attempt(self, cell: Cell) -> Attempt:
        patch = int(Path(cell.kernel).name.rpartition(".")[2])
        size = _FIRST + _STEP * patch
        wraps = size > _LIMIT and "no-carry" in cell.plan.loader and cell.plan.route == "mbr"
        attempt = self._bad if wraps else self._good
        facts: BootFacts = replace(
            attempt.facts, release=f"6.8.{patch}", sha256=f"{patch:064x}", payload_bytes=size
        )
        return replace(attempt, facts=facts, trace=b"")


def record(loader: Path) -> RecordedBoots:
    """Boot a kernel that loses a carry by a loader, and one that does not."""
    from bootharness.plan import BootPlan

    bad = boot_cell(Cell("selfcheck:15800000", BootPlan(loader=str(loader), until="setup")))
    good = boot_cell(Cell("selfcheck:15800000", BootPlan(until="setup")))
    return RecordedBoots(good, bad)


def tree(folder: Path, loader: Path, kernels: int) -> Matrix:
    """Write kernels 6.8.0 and on and two loaders into a folder, and return a matrix of them: each
    is booted in 12 ways."""
    folder.mkdir(parents=True, exist_ok=True)
    for patch in range(kernels):
        image = selfcheck_kernel(65_536 + 16 * patch)
        (folder / f"vmlinuz-6.8.{patch}").write_bytes(image.read_bytes())
    loaders = [folder / "no-carry.asm", folder / "no-carry-b.asm"]
    for each in loaders:
        each.write_bytes(loader.read_bytes())
    return Matrix(
        tuple(str(folder / f"vmlinuz-6.8.{patch}") for patch in range(kernels)),
        axes={
            "loader": ("stage1", *map(str, loaders)),
            "route": ("mbr", "direct", "grub", "ipxe"),
            "memory_mib": (64, 512),
            "until": ("setup",),
        },
    )
