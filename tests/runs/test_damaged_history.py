"""Histories that are damaged, or made to do harm: one sentence each, and no answer that is not
there."""

import os
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.plan import BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.result import Attempt, BootFacts, CellResult
from tests.support.processes import run

CELL = Cell("bzImage", BootPlan(route="direct"))
FACTS = BootFacts(sha256="0" * 64, payload_bytes=16)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A history with one result, whose trace says little."""
    path = tmp_path / "history.sqlite3"
    trace = zlib.compress(b"{}")
    attempt = Attempt(Verdict.GOOD, None, "reached init", 1.0, FACTS, trace=trace)
    with History(path) as good:
        good.add(CellResult(CELL, "key", (attempt,)), harness="1")
    return path


def change(history: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(history)) as database:
        database.execute(statement, values)
        database.commit()


def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "places.sqlite3"
    change(place, "CREATE TABLE result (url TEXT)")
    before = place.read_bytes()
    with pytest.raises(UsageError, match=r"^\S+: not a history of bootharness, but a database of"):
        History(place)
    assert place.read_bytes() == before


DAMAGE = {
    "a cell that ends": ("UPDATE result SET cell = '{'", "result 1 is damaged"),
    "a cell of bytes": ("UPDATE result SET cell = x'00ff'", "result 1 is damaged"),
    "a plan that cannot be": (
        """UPDATE result SET cell = '{"kernel": "x", "plan": {"machine": {"memory_mib": 0}}}'""",
        "result 1 is damaged: .*memory 0",
    ),
    "a verdict": ("UPDATE attempt SET verdict = 'splendid'", "result 1 is damaged: .*splendid"),
    "facts": ("UPDATE attempt SET facts = '[]'", "result 1 is damaged"),
    "no facts": ("UPDATE attempt SET facts = x'ff'", "result 1 is damaged"),
    "a picture": ("UPDATE attempt SET picture = 'text'", "result 1 is damaged"),
    "a day that no calendar has": ("UPDATE result SET made_at = 1e300", "result 1 is damaged"),
    "no attempt": ("DELETE FROM attempt", "result 1 is damaged: it has no attempt"),
    "no table": ("DROP TABLE attempt", "no such table: attempt"),
    "no version": ("PRAGMA user_version = 0", "a database of something else"),
    "a version below none": ("PRAGMA user_version = -1", "version -1"),
    "a version to come": ("PRAGMA user_version = 99", "a newer bootharness"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_is_damaged_is_said_in_one_sentence(history: Path, kind: str) -> None:
    statement, said = DAMAGE[kind]
    change(history, statement)
    with pytest.raises(UsageError, match=said) as raised, History(history) as damaged:
        [*damaged.results()]
    assert str(raised.value).startswith(f"{history}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["a verdict", "facts", "no facts", "a picture"])
def test_damaged_result_is_booted_again(history: Path, kind: str) -> None:
    change(history, DAMAGE[kind][0])
    with History(history) as damaged:
        assert damaged.find(CELL, "key") is None
        assert damaged.kernels() == (() if "facts" in kind else (FACTS,))


@pytest.mark.parametrize("content", [b"x" * 4096, b"SQLite format 3\0" + b"\xff" * 4096])
def test_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UsageError, match="not a history of bootharness, or one that is damaged"):
        History(tmp_path / "file")


def test_pipe_is_no_history(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        History(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (b"\0", "damaged"),
        (zlib.compress(b"{}" * 1000)[:-9], "damaged"),
        (zlib.compress(bytes(1 << 29), 1), "more than 268,435,456 bytes when it is unpacked"),
    ],
)
def test_trace_is_unpacked_as_far_as_a_trace_goes(history: Path, trace: bytes, said: str) -> None:
    change(history, "UPDATE attempt SET trace = ?", trace)
    done = run("history", "--history", history, "--trace", "1")
    assert done.returncode == 129
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_history_that_is_refused_is_let_go(history: Path) -> None:
    """Whoever is told so may still hold the error, and others use the file."""
    change(history, "PRAGMA user_version = 99")
    with pytest.raises(UsageError) as raised:
        History(history)
    assert raised.value.__traceback__
    held = [path.resolve() for path in Path("/proc/self/fd").iterdir()]
    assert history not in held
