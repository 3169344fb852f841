"""How cells are handed over: side by side, but for those of one real machine."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bootharness.diagnosis.verdict import Verdict
from bootharness.plan import BootPlan
from bootharness.runs import runner
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt
from bootharness.runs.runner import limit_s, run_cells


def test_cells_of_one_real_machine_boot_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, now, most = threading.Lock(), Counter[str](), Counter[str]()
    together = threading.Barrier(2)

    def boot_cell(cell: Cell) -> Attempt:
        host = cell.plan.host
        with lock:
            now[host] += 1
            most[host] = max(most[host], now[host])
        if host == "qemu":
            together.wait(30)  # for another one
        else:
            threading.Event().wait(0.02)
        with lock:
            now[host] -= 1
        # one that is bad is tried again, behind those that wait
        return Attempt(
            Verdict.BAD if host != "qemu" and cell.kernel == "k0" else Verdict.GOOD, None, ""
        )

    monkeypatch.setattr(runner, "boot_cell", boot_cell)
    monkeypatch.setattr(runner, "_prepared", lambda *_: (None, ""))
    cells = [
        Cell(f"k{number}", BootPlan(host=host))
        for host in ("apu2", "nuc", "qemu")
        for number in range(4)
    ]
    with ThreadPoolExecutor(12) as executor:
        results = [*run_cells(cells, executor, None)]
    assert sorted(each.cell.plan.host for each in results) == ["apu2"] * 4 + ["nuc"] * 4 + (
        ["qemu"] * 4
    )
    assert most["apu2"] == most["nuc"] == 1
    assert most["qemu"] > 1


def test_who_waits_for_a_machine_is_not_taken_for_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = tmp_path / "machines.toml"
    machines.write_text('[slow]\nline = "tcp:a:1"\nplug = "command:a,b"\ntimeout_seconds = 3000\n')
    monkeypatch.setenv("BOOTHARNESS_MACHINES", str(machines))
    here, there = (Cell("k", BootPlan(host=host)) for host in ("qemu", "slow"))
    assert limit_s([here]) < 600 < 3000 + 600 < limit_s([here, there])
