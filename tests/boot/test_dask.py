"""Boots by the workers of a Dask cluster: the same as here, whatever becomes of a worker."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from bootharness.diagnosis.verdict import Verdict
from bootharness.plan import BootPlan, choose
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.remote.dask_workers import DaskWorkers
from bootharness.runs.result import CellResult
from bootharness.runs.runner import limit_s, run_cells
from bootharness.runs.workers import LocalWorkers
from tests.boot.test_net_root import folder_of
from tests.support.builders import no_carry
from tests.support.cluster import Cluster
from tests.support.processes import REPOSITORY, eventually, processes_with, run

SETUP = BootPlan(until="setup")


def kernels(number: int) -> list[Cell]:
    return [Cell(f"selfcheck:{65536 + 16 * each}", SETUP) for each in range(number)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two workers, which keep what is sent in one place."""
    with Cluster() as started:
        started.worker("one", BOOTHARNESS_CACHE=str(started.folder / "cache"))
        started.worker("two", BOOTHARNESS_CACHE=str(started.folder / "cache"))
        started.has(2)
        yield started


@pytest.fixture
def dask(cluster: Cluster) -> Iterator[DaskWorkers]:
    with DaskWorkers(cluster.address) as workers:
        yield workers


def ends(results: Sequence[CellResult]) -> dict[Cell, object]:
    """Return what came of each cell, and what was said of it, without what differs from boot to
    boot."""
    return {
        each.cell: (
            each.key,
            each.verdict,
            each.decisive.cause,
            each.decisive.facts.sha256,
            [*each.decisive.facts.milestones],
            "" if each.verdict is Verdict.GOOD else each.decisive.sentence,
        )
        for each in results
    }


def test_every_cell_comes_to_the_same_end_as_here(
    dask: DaskWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loaders").mkdir()
    loader = no_carry(Path("loaders"))
    initrd = Path("my initrd")
    initrd.write_bytes(b"070701" + bytes(5000))
    folder_of(Path("boot server"))
    shutil.copy(REPOSITORY / "mbr/stage1.asm", "own.asm")

    def cell(kernel: str, **options: object) -> Cell:
        return Cell(kernel, choose(SETUP, options))

    cells = [
        cell("selfcheck:17000000", loader=str(loader), until="banner"),
        cell("grow:300000:boot server/boot/vmlinuz", loader="own.asm", initrd=str(initrd)),
        cell("boot server", route="net-root"),
        cell("boot server", route="net-root", bootfile="boot/vmlinuz"),
        cell(str(tmp_path / "boot server/boot/vmlinuz"), route="direct"),
        cell("boot server/boot.ipxe"),
    ]
    with LocalWorkers(1, limit_s=limit_s(cells)) as here:
        expected = ends([*run_cells(cells, here, None)])
    with History(tmp_path / "history") as history:
        results = [*run_cells(cells, dask, history)]
    found = ends(results)
    assert found == expected
    assert {verdict for _, verdict, *_ in expected.values()} == {Verdict.GOOD, Verdict.BAD}
    for trace, picture in sqlite3.connect(tmp_path / "history").execute(
        "SELECT trace, picture FROM attempt"
    ):
        for text in (zlib.decompress(each) for each in (trace, picture) if each):
            assert b"/sent/" not in text
