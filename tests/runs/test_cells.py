"""Cells, what stands for their attempts, the workers, and the history."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import judge
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import HostBusy, LaunchFailed, MachineLost, UsageError
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.migrations import MIGRATIONS
from bootharness.runs.picture import Picture, pack, picture, unpack
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.warnings import console_warnings
from bootharness.runs.workers import LocalWorkers
from tests.support.processes import eventually, processes_with
from tests.support.traces import loading_trace, move

GOOD = Attempt(Verdict.GOOD, None, "reached init")
PANIC = Attempt(Verdict.BAD, "kernel-panic", "it panicked")
HANG = Attempt(Verdict.BAD, "kernel-hang", "it hung")
LOST = Attempt(Verdict.SKIP, "machine-lost", "QEMU was killed")


def result(*attempts: Attempt, expect: str = "good") -> CellResult:
    return CellResult(Cell("bzImage", expect=expect), "key", attempts)


@pytest.mark.parametrize(
    ("attempts", "verdict", "flaky", "settled"),
    [
        ((GOOD,), Verdict.GOOD, False, True),
        ((PANIC,), Verdict.BAD, False, False),
        ((PANIC, PANIC), Verdict.BAD, False, True),
        ((PANIC, GOOD), Verdict.BAD, True, False),
        ((PANIC, GOOD, GOOD), Verdict.GOOD, True, True),
        ((PANIC, HANG, GOOD), Verdict.BAD, True, False),
        ((LOST,), Verdict.SKIP, False, False),
        ((LOST, GOOD), Verdict.GOOD, False, True),
        ((LOST, PANIC), Verdict.BAD, False, False),
        ((LOST, LOST, LOST), Verdict.SKIP, False, False),
    ],
)
def test_the_outcome_that_most_attempts_have_stands_for_all(
    attempts: tuple[Attempt, ...], verdict: Verdict, flaky: bool, settled: bool
) -> None:
    several = result(*attempts)
    assert (several.verdict, several.flaky, several.settled) == (verdict, flaky, settled)


@pytest.mark.parametrize(
    ("expect", "attempt", "as_expected"),
    [
        ("good", GOOD, True),
        ("good", PANIC, False),
        ("bad", PANIC, True),
        ("kernel-panic", PANIC, True),
        ("kernel-hang", PANIC, False),
        ("kernel-panic", GOOD, False),
        ("bad", LOST, None),
    ],
)
def test_a_boot_that_should_fail_is_expected_to(
    expect: str, attempt: Attempt, as_expected: bool | None
) -> None:
    assert result(attempt, expect=expect).as_expected is as_expected


@pytest.mark.parametrize("expect", ["fine", "tool-missing"])
def test_an_expectation_that_cannot_be_is_refused(expect: str) -> None:
    with pytest.raises(UsageError, match=expect):
        Cell("bzImage", expect=expect)


def test_what_only_sounds_like_a_warning_is_none() -> None:
    serial = (
        "[0.1] RAS: Correctable Errors collector initialized.\n"
        "[0.2] AMD-Vi: functionality not available on this system - This is not a bug.\n"
        "[0.2] tsc: Fast TSC calibration failed\n"
        "[0.3] acpi PNP0A03:00: fail to add MMCONFIG information\n"
    )
    assert console_warnings(serial) == ("acpi PNP0A03:#: fail to add MMCONFIG information",)


def test_two_boots_of_a_kernel_have_their_warnings_in_common() -> None:
    first = "[    0.12] ACPI: ok\r\n[    1.5] usb: Unable to enumerate (0xdeadbeef) 12 times\n"
    second = "[    0.99] usb: Unable to enumerate (0x01) 7 times\n[  2.0] usb: Unable to enumerate"
    assert console_warnings(first) == ("usb: Unable to enumerate (#) # times",)
    assert console_warnings(second) == (*console_warnings(first), "usb: Unable to enumerate")


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalWorkers]:
    with LocalWorkers(2, limit_s=60) as executor:
        yield executor


def test_workers_are_an_executor(workers: LocalWorkers) -> None:
    assert list(workers.map(divmod, (7, 9), (2, 4))) == [(3, 1), (2, 1)]
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 1, 0).result()


def test_a_worker_that_dies_costs_its_own_call_only(workers: LocalWorkers) -> None:
    slow = workers.submit(time.sleep, 0.5)
    pids = {workers.submit(os.getpid).result()}
    with pytest.raises(MachineLost, match="worker"):
        workers.submit(os.abort).result()
    assert slow.result() is None
    pids.add(workers.submit(os.getpid).result())
    assert os.getpid() not in pids


def test_a_call_has_a_time_limit() -> None:
    with LocalWorkers(1, limit_s=0.5) as executor:
        with pytest.raises(HostBusy):
            executor.submit(time.sleep, 600).result()
        assert executor.submit(abs, -1).result() == 1


def test_workers_do_not_outlive_a_killed_harness() -> None:
    code = (
        "import signal, time; from bootharness.runs.workers import LocalWorkers\n"
        "from tests.support.processes import eventually\n"
        "workers = LocalWorkers(2, limit_s=60)\n"
        "calls = [workers.submit(time.sleep, 300) for _ in range(2)]\n"
        "eventually(lambda: range(2 - len(workers._processes._busy)))\n"
        "print(flush=True); signal.pause()"
    )
    mark = f"outlive-{os.getpid()}"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "MARK": mark}
    ) as process:
        assert process.stdout
        process.stdout.readline()
        assert len(processes_with(mark)) >= 3
        process.kill()
    eventually(lambda: processes_with(mark))


def test_what_is_being_done_can_be_cancelled() -> None:
    executor = LocalWorkers(1, limit_s=60)
    first = executor.submit(time.sleep, 300)
    executor.submit(time.sleep, 300)
    eventually(lambda: [] if first.running() else ["it has not begun"])
    executor.shutdown(cancel_futures=True)
    assert isinstance(first.exception(), MachineLost)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "deep" / "history.sqlite3") as opened:
        yield opened


def test_the_history_gives_back_what_it_was_given(history: History) -> None:
    facts = BootFacts("6.1", payload_bytes=16, milestones={"init": 1.5}, warnings=("a", "b"))
    good = replace(GOOD, facts=facts, trace=b"trace", picture=b"picture")
    history.add(result(PANIC, good, good), harness="1")
    found = history.find(Cell("another/name"), "key")
    assert found
    assert found.cached
    assert found.cell.kernel == "another/name"
    assert found.attempts == (PANIC, replace(good, trace=b""), replace(good, trace=b""))
    assert history.find(Cell("bzImage"), "another key") is None
    [past] = history.results()
    assert history.trace(past.id, 1) == b"trace"
    assert history.trace(past.id + 1, 1) == b""
    assert (past.harness, past.result.cell, past.result.verdict) == (
        "1", Cell("bzImage"), Verdict.GOOD
    )  # fmt: skip


def test_what_found_nothing_out_is_not_used_again(history: History) -> None:
    history.add(result(PANIC), harness="1")
    history.add(result(LOST), harness="1")
    found = history.find(Cell("bzImage"), "key")
    assert found
    assert found.attempts == (PANIC,)


def test_things_known_are_kept(history: History) -> None:
    assert history.recall("limit") is None
    history.keep("limit", b"1")
    history.keep("limit", b"2")
    assert history.recall("limit") == b"2"


def _add_many(path: Path, writer: int) -> None:
    with History(path) as history:
        for number in range(20):
            history.add(CellResult(Cell("k"), f"{writer}-{number}", (GOOD,)), harness="1")


def test_eight_may_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with ProcessPoolExecutor(8, get_context("spawn")) as writers:
        for done in [writers.submit(_add_many, path, writer) for writer in range(8)]:
            done.result()
    with History(path) as history:
        keys = [past.result.key for past in history.results()]
    assert sorted(keys) == sorted(f"{one}-{other}" for one in range(8) for other in range(20))


def test_what_was_written_survives_a_killed_writer(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    code = (
        "import sys; from pathlib import Path; from itertools import count\n"
        "from bootharness.runs.history import History\n"
        "from tests.runs.test_cells import result, GOOD\n"
        f"history = History(Path({str(path)!r}))\n"
        "for number in count(1):\n"
        "    history.add(result(GOOD, GOOD), harness='1'); print(number, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        while process.stdout.readline() != "50\n":
            pass
        process.send_signal(signal.SIGKILL)
        told = 50 + len(process.stdout.readlines())
    with History(path) as history:
        results = [past.result for past in history.results()]
        history.add(result(GOOD), harness="1")
    assert told <= len(results) <= told + 1
    assert all(len(each.attempts) == 2 for each in results)


def test_what_is_no_history_is_refused(tmp_path: Path) -> None:
    text, newer = tmp_path / "text", tmp_path / "newer"
    text.write_text("this is not a database, and it is long enough to be told from one" * 99)
    before = text.read_bytes()
    with pytest.raises(UsageError, match="not a history"):
        History(text)
    assert text.read_bytes() == before
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="newer"):
        History(newer)
    with pytest.raises(LaunchFailed):
        History(tmp_path / "text" / "below")


def test_eight_may_open_a_new_history_at_once(tmp_path: Path) -> None:
    def open_one(_number: int) -> None:
        History(tmp_path / "history.sqlite3").close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(open_one, range(32)))


def test_a_history_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(MIGRATIONS[0] + ";PRAGMA user_version = 1")
        database.execute("INSERT INTO result VALUES (1, 'key', 1.0, '1', '{\"kernel\": \"k\"}')")
        facts = '{"release": "6.1"}'
        row = (1, 0, "good", None, "reached init", 1.0, facts, b"trace")
        database.execute("INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.commit()
    with History(path) as history:
        found = history.find(Cell("k"), "key")
        history.add(result(GOOD), harness="1")
    assert found
    assert found.attempts == (replace(GOOD, seconds=1.0, facts=BootFacts("6.1")),)


def test_a_wrapped_boot_is_pictured_with_where_its_moves_were_to_go() -> None:
    moves = [*(move(0xFF1E00 - 0xFE00 * back, 0xFE00) for back in (1, 0)), move(0x001C00, 0xFE00)]
    trace = loading_trace(17_000_000, moves, ending="guest-reset", serial="\x1b[31m\U0001f427\n")
    drawn = unpack(pack(picture(trace, judge(trace))))
    assert [(at, wanted) for at, _, wanted in drawn.moves] == [
        (0xFE2000, 0xFE2000), (0xFF1E00, 0xFF1E00), (0x001C00, 0x1001C00),
    ]  # fmt: skip
    [stray] = [each for each in drawn.ranges if each.stray]
    assert (stray.name, stray.start, stray.end) == ("block move 2, wrapped", 0x1C00, 0x11A00)
    assert drawn.serial == trace.serial
    assert unpack(b"") == Picture()


def test_the_kernels_of_the_past_are_known_once_and_grown_ones_are_not(history: History) -> None:
    def booted(kernel: str, sha256: str) -> CellResult:
        facts = BootFacts("6.1.0-amd64", sha256, payload_bytes=16)
        return CellResult(Cell(kernel), kernel, (replace(GOOD, facts=facts),))

    for kernel, sha256 in (("a", "1"), ("a", "1"), ("b", "2"), ("grow:99:b", "3"), ("c", "")):
        history.add(booted(kernel, sha256), harness="1")
    assert sorted(facts.sha256 for facts in history.kernels()) == ["1", "2"]


def test_what_a_kernel_says_when_all_is_well_is_no_warning() -> None:
    from bootharness.runs.warnings import console_warnings

    serial = (
        "[    1.1] RAS: Correctable Errors collector initialized.\n"
        "[    1.2] AMD-Vi: AMD IOMMUv2 functionality not available - This is not a bug.\n"
        "[    1.3] BUG: soft lockup - CPU#0 stuck for 22s!\n"
    )
    assert console_warnings(serial) == ("BUG: soft lockup - CPU## stuck for 22s!",)
