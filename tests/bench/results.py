"""Benches of many boots: histories put together, and a gate of ten thousand boots on a page."""

import hashlib
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from bootharness.errors import LaunchFailed
from bootharness.plan import BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.identity import own_version
from bootharness.runs.result import Attempt, CellResult
from bootharness.runs.work import boot_cell
from tests.bench.bare import peak_bytes
from tests.bench.figures import Row
from tests.bench.pairs import Bench
from tests.bench.scene import Scene
from tests.support.browser import browser
from tests.support.recorded_gate import record, tree

__all__ = ["many_benches"]

_HISTORIES, _RESULTS = 50, 1_000
_KERNELS = 833
"""In 12 ways each."""


def many_benches(scene: Scene) -> tuple[Bench, ...]:
    """Return the benches."""
    return (
        Bench(
            "histories",
            (lambda: _alone(_merged, scene.folder / "histories"),),
            (
                Row(f"{_HISTORIES} histories of {_RESULTS:,} results merged", "seconds", goal=5.0),
                Row("the same, CPU time of its own", "cpu", goal=5.0),
                Row("the same, peak memory", "bytes", unit="bytes", goal=300e6),
            ),
        ),
        Bench(
            "ten-thousand",
            (
                lambda: _alone(_drawn, scene.folder / "ten-thousand", scene.no_carry),
                lambda: {"opened": _opened(scene.folder / "ten-thousand/gate.html")},
            ),
            (
                Row(f"gate of {12 * _KERNELS:,} recorded boots", "gate"),
                Row("its JSON", "json", unit="bytes", goal=100e6),
                Row("its page", "page", unit="bytes", goal=50e6),
                Row("gate, JSON and page, peak memory", "bytes", unit="bytes", goal=500e6),
                Row("the page opened in Chromium", "opened", goal=5.0),
            ),
        ),
    )  # fmt: skip


def _alone(function, *arguments: Path) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """Call a function in a process of its own, whose memory nothing else has used."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        found: dict[str, float] = pool.submit(function, *arguments).result()
    return found


def _merged(folder: Path) -> dict[str, float]:
    from bootharness.runs.histories import new_history

    files = [folder / f"{number}.sqlite3" for number in range(_HISTORIES)]
    if not files[-1].exists():
        _fill(files)
    began, own = time.monotonic(), time.process_time()
    found = new_history(folder / "all.sqlite3", files)
    seconds, cpu = time.monotonic() - began, time.process_time() - own
    if (found.new, found.damaged) != (_HISTORIES * _RESULTS, 0):
        raise LaunchFailed(f"not all of the histories was merged: {found}")
    return {"seconds": seconds, "cpu": cpu, "bytes": peak_bytes()}


def _fill(files: list[Path]) -> None:
    """Write results of one real boot, of as many kernels."""
    files[0].parent.mkdir(exist_ok=True)
    attempt: Attempt = boot_cell(Cell("selfcheck:65536", BootPlan(until="setup")))
    for file in files:
        with History(file, draft=True) as history:
            for number in range(_RESULTS):
                kernel = f"{file.stem}-{number}"
                facts = replace(attempt.facts, sha256=hashlib.sha256(kernel.encode()).hexdigest())
                result = CellResult(Cell(kernel), facts.sha256, (replace(attempt, facts=facts),))
                history.add(result, harness=own_version())


def _drawn(folder: Path, loader: Path) -> dict[str, float]:
    from bootharness.gate.gate import run_gate
    from bootharness.gate.report.document import gate_document
    from bootharness.gate.report.html import html
    from bootharness.report.document import encode

    matrix = tree(folder, loader, _KERNELS)
    ways = {"route": ("mbr",), "memory_mib": (64, 128, 256, 512)}
    matrix = replace(matrix, axes={**matrix.axes, **ways})
    (folder / "history.sqlite3").unlink(missing_ok=True)
    boots = record(loader)
    began = time.monotonic()
    outcome = run_gate(matrix, executor=boots, history=folder / "history.sqlite3", timing=False)
    gate = time.monotonic() - began
    document = len(encode(gate_document(outcome)))
    page = html(outcome).encode()
    (folder / "gate.html").write_bytes(page)
    return {"gate": gate, "json": document, "page": len(page), "bytes": peak_bytes()}


def _opened(page: Path) -> float:
    with TemporaryDirectory() as profile, browser(Path(profile)) as opened:
        opened.open("about:blank")
        began = time.monotonic()
        opened.open(page.as_uri())
        if opened.value("cells.length") != 12 * _KERNELS:
            raise LaunchFailed(f"{page}: not all of its boots are there")
        return time.monotonic() - began
