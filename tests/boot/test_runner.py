"""Cells side by side: what is booted again, what is not, and what a killed worker costs."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import MachineLost
from bootharness.gate.compare import slower
from bootharness.gate.pace import paces
from bootharness.plan import BootPlan
from bootharness.runs import runner
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.identity import worker_facts
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.runner import limit_s, run_cells
from bootharness.runs.workers import LocalWorkers
from tests.support.processes import eventually, processes_with

SETUP = BootPlan(until="setup")
CELL = Cell("selfcheck:65536", SETUP)
PANIC = Attempt(Verdict.BAD, "kernel-panic", "it panicked")


def good(seconds: float = 1.0) -> Attempt:
    return Attempt(Verdict.GOOD, None, "ok", facts=BootFacts(milestones={"init": seconds}))


class Scripted(Executor):
    """Gives back what is written down for each kernel, in order."""

    def __init__(self, **script: list[Attempt | Exception]) -> None:
        self.script = script
        self.booted: list[str] = []

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        if function is worker_facts:
            done.set_result(worker_facts(*arguments))
            return done
        (cell,) = arguments
        self.booted.append(cell.kernel)
        found = self.script[cell.kernel.partition(":")[0]].pop(0)
        if isinstance(found, Exception):
            done.set_exception(found)
        else:
            done.set_result(found)
        return done


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "history") as opened:
        yield opened


@pytest.mark.parametrize(
    ("script", "verdict", "flaky", "attempts"),
    [
        ([good()], Verdict.GOOD, False, 1),
        ([PANIC, PANIC], Verdict.BAD, False, 2),
        ([PANIC, good(), good()], Verdict.GOOD, True, 3),
        ([PANIC, good(), PANIC], Verdict.BAD, True, 3),
        ([MachineLost("killed"), good()], Verdict.GOOD, False, 2),
        ([MachineLost("killed")] * 3, Verdict.SKIP, False, 3),
    ],
)
def test_a_flickering_boot_is_tried_again_and_every_attempt_kept(
    script: list[Attempt | Exception], verdict: Verdict, flaky: bool, attempts: int,
    history: History,
) -> None:  # fmt: skip
    executor = Scripted(selfcheck=list(script))
    [result] = run_cells([CELL], executor, history)
    assert (result.verdict, result.flaky, len(result.attempts)) == (verdict, flaky, attempts)
    assert len(executor.booted) == attempts
    kept = [past.result for past in history.results()]
    assert [len(each.attempts) for each in kept] == ([attempts] if result.known else [])


def test_what_is_known_is_not_booted_again_unless_it_is_asked_for(history: History) -> None:
    [first] = run_cells([CELL], Scripted(selfcheck=[good()]), history)
    [again] = run_cells([CELL], Scripted(selfcheck=[]), history)
    assert (first.cached, again.cached, again.attempts) == (False, True, first.attempts)
    [forced] = run_cells([CELL], Scripted(selfcheck=[PANIC, PANIC]), history, cache=False)
    assert (forced.cached, forced.verdict) == (False, Verdict.BAD)
    [newest] = run_cells([CELL], Scripted(selfcheck=[]), history)
    assert (newest.cached, newest.verdict) == (True, Verdict.BAD)


def test_another_kernel_command_line_or_loader_is_booted(history: History, tmp_path: Path) -> None:
    loader = tmp_path / "mine.asm"
    loader.write_text(Path("mbr/stage1.asm").read_text())
    cells = [
        CELL, Cell("selfcheck:131072", SETUP),
        Cell(CELL.kernel, replace(SETUP, cmdline="quiet")),
        Cell(CELL.kernel, replace(SETUP, until="banner")),
        Cell(CELL.kernel, replace(SETUP, loader=str(loader))),
    ]  # fmt: skip
    results = list(run_cells(cells, Scripted(selfcheck=[good()] * 5), history))
    assert len({result.key for result in results}) == 4  # by content that loader is stage1
    loader.write_text(loader.read_text() + "\ndb 1\n")
    [changed] = run_cells([cells[-1]], Scripted(selfcheck=[good()]), history)
    assert not changed.cached


def test_boots_are_timed_in_this_run_and_more_often_where_they_seem_slow(history: History) -> None:
    before, after = Cell("old"), Cell("new")

    def results(*seconds: float, cached: bool = False) -> tuple[CellResult, CellResult]:
        one, other = (
            CellResult(cell, cell.kernel, (good(each),), cached)
            for cell, each in zip((before, after), seconds, strict=True)
        )
        return one, other

    told: list[int] = []
    quick = Scripted(old=[], new=[])
    assert paces([results(1.0, 1.05)], quick, None, timing=told.append)[after].candidate == (1.05,)
    assert not quick.booted
    slow = Scripted(
        old=[good(each) for each in (1.1, 1.0, 1.05)], new=[good(2.0 + n) for n in range(3)]
    )
    found = paces([results(1.0, 2.0)], slow, history, timing=told.append)[after]
    assert slow.booted == ["old", "new"] * 3
    assert (len(found.baseline), len(found.candidate), slower(found)) == (4, 4, True)
    known = Scripted(old=[], new=[])
    assert paces([results(1, 2, cached=True)], known, history, timing=told.append)[
        after
    ] == replace(found, recalled=True)
    noise = Scripted(old=[good(9.0)], new=[good(2.0)])
    noisy = paces([results(1.0, 2.0)], noise, None, timing=told.append)[after]
    assert (len(noise.booted), slower(noisy)) == (2, False)
    assert told == [2, 2, 2, 2]


def test_no_more_is_handed_over_than_there_is_room_for(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_AT_ONCE", 2)
    cells = [replace(CELL, kernel=f"selfcheck:{4096 + 16 * number}") for number in range(5)]
    script = Scripted(selfcheck=[good()] * 5)
    for number, _ in enumerate(run_cells(cells, script, history), start=1):
        assert len(script.booted) <= number + 1
    again = [*run_cells(cells, Scripted(), history)]
    assert [each.cell for each in again] == cells


def test_killed_workers_lose_no_cell_and_double_none(history: History) -> None:
    cells = [Cell(f"selfcheck:{65536 + 16 * number}", SETUP) for number in range(6)]
    killed: list[int] = []
    over = threading.Event()

    def kill_some(workers: LocalWorkers) -> None:
        while len(killed) < 3 and not over.wait(0.4):
            for worker in [*workers._processes._busy][:1]:
                killed.append(worker.process.pid)
                os.kill(worker.process.pid, signal.SIGKILL)

    with LocalWorkers(2, limit_s=limit_s(cells)) as workers:
        folder = str(workers._processes._workspace.path)
        killer = threading.Thread(target=kill_some, args=(workers,))
        killer.start()
        results = list(run_cells(cells, workers, history, most=9))
        over.set()
        killer.join()
    assert killed
    assert sorted(result.cell.kernel for result in results) == sorted(c.kernel for c in cells)
    assert {result.verdict for result in results} == {Verdict.GOOD}
    assert len(list(history.results())) == len(cells)
    eventually(lambda: processes_with(folder))
