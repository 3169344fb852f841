"""The gate's benches: cells side by side, a gate of what is known, a thousand boots drawn."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from bootharness.diagnosis import Verdict
from bootharness.errors import LaunchFailed
from bootharness.kernels.initrd import INIT_MARKER
from bootharness.plan import BootPlan, MachineConfig
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.identity import own_version
from bootharness.runs.result import CellResult
from bootharness.runs.runner import limit_s, run_cells
from bootharness.runs.work import boot_cell
from bootharness.runs.workers import LocalWorkers
from tests.bench.bare import boot_bare, peak_bytes
from tests.bench.figures import Row
from tests.bench.pairs import Bench
from tests.bench.scene import Scene
from tests.support.recorded_gate import record, tree

__all__ = ["gate_benches"]

Run = Callable[..., str]
"""Runs `bootharness` with arguments, to an exit status."""

_CELLS = 8
_KNOWN = 100
_DRAWN = 1000
_LARGE = 200
_JOBS = 2


def gate_benches(scene: Scene, command: Run) -> tuple[Bench, ...]:
    """Return the benches; ``command`` runs `bootharness`."""
    history = scene.folder / "known.sqlite3"
    return (
        Bench(
            "cells",
            (
                lambda: {"gate": _a_minute(partial(_boot_cells, scene))},
                lambda: {"bare": _a_minute(partial(_boot_bare, scene))},
            ),
            (
                Row(f"cells to /init a minute, {_JOBS} at once",
                    "gate", "bare", "ratio", unit="/min", goal=0.85, at_least=True),
            ),
        ),
        Bench(
            "known",
            (lambda: {"gate": _timed(partial(_gate_known, history, command))},),
            (Row(f"gate, {_KNOWN} cells known already", "gate", goal=1.0),),
        ),
        Bench(
            "page",
            (lambda: _drawn(scene.folder / "drawn.sqlite3", scene.folder / "drawn.html"),),
            (
                Row(f"{_DRAWN:,} boots of the history drawn", "seconds", goal=3.0),
                Row("the same, peak memory", "bytes", unit="bytes", goal=300e6),
            ),
        ),
        Bench(
            "large",
            (lambda: _large(scene),),
            (
                Row(f"page of a gate of {_LARGE:,} kernels in 12 ways", "seconds", goal=5.0),
                Row("the same, peak memory of gate and page", "bytes", unit="bytes", goal=300e6),
            ),
        ),
    )  # fmt: skip


def _timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _plan(machine: MachineConfig, number: int, until: str = "init") -> BootPlan:
    """Return a plan that is another one for each number."""
    return BootPlan(until=until, machine=replace(machine, memory_mib=512 + number))


def _a_minute(action: Callable[[], object]) -> float:
    return 60 * _CELLS / _timed(action)


def _boot_cells(scene: Scene) -> None:
    # the sources differ so that no two cells are the same
    cells = [Cell(scene.kernel.source, _plan(scene.machine, number)) for number in range(_CELLS)]
    with LocalWorkers(_JOBS, limit_s=limit_s(cells)) as workers:
        for result in run_cells(cells, workers, None, cache=False):
            if result.verdict is not Verdict.GOOD:
                raise LaunchFailed(f"a cell of the bench: {result.decisive.sentence}")


def _boot_bare(scene: Scene) -> None:
    with ThreadPoolExecutor(_JOBS) as pool:
        for done in [
            pool.submit(
                boot_bare,
                replace(scene.machine, memory_mib=512 + number),
                scene.with_init.path,
                sign=INIT_MARKER.encode(),
            )
            for number in range(_CELLS)
        ]:
            done.result()  # fmt: skip


def _gate_known(history: Path, command: Run) -> None:
    memory = [word for number in range(_KNOWN) for word in ("--memory", str(64 + number))]
    arguments = ("gate", "selfcheck:65536", "--until", "setup", *memory, "--history", str(history))
    said = command(*arguments, status=0)
    if f"{_KNOWN} unchanged results reused" not in said:
        # the first time, which warms up and does not count
        said = command(*arguments, status=0)
    if f"{_KNOWN} unchanged results reused" not in said:
        raise LaunchFailed(f"not all of the gate was known: {said}")


def _drawn(history: Path, page: Path) -> dict[str, float]:
    """Draw in a process of its own, whose memory nothing else has used."""
    if not history.exists():
        _fill(history)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_draw, history, page).result()


def _fill(path: Path) -> None:
    """Write a thousand results of one real boot, of as many machines."""
    kernel, machine = "deb:linux-image-cloud-amd64/bookworm", MachineConfig()
    attempt = boot_cell(Cell(kernel, _plan(machine, 0, "banner")))
    with History(path) as history:
        for number in range(_DRAWN):
            build = number // 20
            other = Cell(f"build-{build}", _plan(machine, number % 20, "banner"))
            facts = replace(
                attempt.facts,
                release=f"{5 + build // 20}.{build % 20}.0-cloud-amd64",
                sha256=str(build),
                payload_bytes=attempt.facts.payload_bytes + 10_000 * build,
            )
            result = CellResult(other, str(number), (replace(attempt, facts=facts),))
            history.add(result, harness=own_version())


def _draw(path: Path, page: Path) -> dict[str, float]:
    began = time.monotonic()
    from bootharness.gate.past import outcome_of
    from bootharness.gate.report.html import html

    with History(path) as history:
        page.write_text(html(outcome_of(history.results(), history)))
    return {"seconds": time.monotonic() - began, "bytes": peak_bytes()}


def _large(scene: Scene) -> dict[str, float]:
    """Draw a gate of recorded boots, in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_draw_large, scene.folder / "large", scene.no_carry).result()


def _draw_large(folder: Path, loader: Path) -> dict[str, float]:
    from bootharness.gate.gate import run_gate
    from bootharness.gate.report.html import html

    folder.mkdir(exist_ok=True)
    outcome = run_gate(
        tree(folder, loader, _LARGE), executor=record(loader),
        history=folder / "history.sqlite3", timing=False,
    )  # fmt: skip
    page = folder / "gate.html"
    seconds = _timed(lambda: page.write_text(html(outcome)))
    return {"seconds": seconds, "bytes": peak_bytes()}
