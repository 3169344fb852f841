"""Histories of several computers: each result is in one once, and nobody's file does harm."""

import hashlib
import json
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.plan import BootPlan
from bootharness.predictor.headroom import PartLimit
from bootharness.runs import history as histories_file
from bootharness.runs.cell import Cell
from bootharness.runs.histories import Gathered, gather, new_history
from bootharness.runs.history import History
from bootharness.runs.migrations import MIGRATIONS
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Host
from tests.support.processes import run

FACTS = BootFacts(sha256="0" * 64, payload_bytes=16, milestones={"init": 1.0}, accelerator="tcg")


def result(kernel: str, cause: str | None = None, host: str = "a") -> CellResult:
    verdict = Verdict.BAD if cause else Verdict.GOOD
    attempt = Attempt(verdict, cause, "said", 1.0, FACTS, b"trace", b"picture", Host(host, "EPYC"))
    key = hashlib.sha256(kernel.encode()).hexdigest()
    return CellResult(Cell(kernel, BootPlan(route="direct")), key, (attempt,) * (2 if cause else 1))


def written(path: Path, *results: CellResult, limit: int | None = None) -> Path:
    with History(path) as history:
        for each in results:
            history.add(each, harness="1")
        if limit:
            history.note_limits("mbr.asm", [PartLimit("payload", "byte", limit)])
            history.keep(hashlib.sha256(b"limit").hexdigest(), str(limit).encode())
    return path


def content(path: Path) -> list[tuple[Any, ...]]:
    """Return all that is in a history, without the numbers of its own."""
    with History(path) as history:
        return [(past.uid, past.made_at, past.result) for past in history.results()]


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    return [
        written(tmp_path / f"{name}.sqlite3", result(f"k-{name}", host=name),
                result(f"l-{name}", "kernel-panic", name), limit=limit)
        for name, limit in (("a", 100), ("b", 200), ("c", 200))
    ]  # fmt: skip


def test_a_merged_history_has_each_result_once_and_is_the_same_in_any_order(
    tmp_path: Path, three: list[Path]
) -> None:
    seen = set()
    for number, order in enumerate(permutations(three)):
        into = tmp_path / f"all-{number}.sqlite3"
        found = new_history(into, [*order, order[0]])
        assert found == Gathered(new=6, known=2, damaged=0)
        seen.add(into.read_bytes())
    assert len(seen) == 1
    every = sorted(chained(three), key=lambda each: each[1])
    assert content(into) == every
    assert {each.attempts[0].host.name for _, _, each in every} == {"a", "b", "c"}
    with History(into) as history:
        assert history.trace(1, 0) == b"trace"
        assert [each.largest for each in history.limits_seen()] == [100, 200, 200]


def chained(files: list[Path]) -> Iterator[tuple[Any, ...]]:
    return (each for file in files for each in content(file))


def test_results_of_several_computers_say_of_which(tmp_path: Path, three: list[Path]) -> None:
    new_history(tmp_path / "into", three)
    done = run("history", "--history", tmp_path / "into")
    listed = [line.split() for line in done.stdout.splitlines()]
    assert [row[-1] for row in listed] == ["a", "a", "b", "b", "c", "c"]
    alone = run("history", "--history", three[0])
    assert {line.split()[-1] for line in alone.stdout.splitlines()} == {"s", "kernel-panic"}
    done = run("history", "--history", tmp_path / "into", "--json", "-")
    results = json.loads(done.stdout)["results"]
    assert {each["attempts"][0]["host"]["name"] for each in results} == {"a", "b", "c"}
    assert [each["uid"] for each in results] == [uid for uid, *_ in content(tmp_path / "into")]


def test_what_is_imported_again_adds_nothing(tmp_path: Path, three: list[Path]) -> None:
    first, *others = three
    with History(first) as history:
        assert gather(history, others) == Gathered(new=4, known=0, damaged=0)
    before = content(first)
    with History(first) as history:
        assert gather(history, [*others, *others]) == Gathered(new=0, known=8, damaged=0)
    # back where it came from, and once more from there
    with History(others[0]) as history:
        assert gather(history, [first]) == Gathered(new=4, known=2, damaged=0)
    with History(first) as history:
        assert gather(history, [others[0]]) == Gathered(new=0, known=6, damaged=0)
    assert content(first) == before == content(others[0])


def test_of_two_results_of_a_boot_the_later_one_counts_whoever_imports(tmp_path: Path) -> None:
    old = written(tmp_path / "old", result("k", "kernel-panic"))
    new = written(tmp_path / "new", result("k"))
    key = result("k").key
    for into, other in ((old, new), (new, old)):
        with History(into) as history:
            gather(history, [other])
            found = history.find(Cell("k"), key)
            assert found
            assert found.verdict is Verdict.GOOD
            assert [past.result.verdict for past in history.results()] == ["bad", "good"]
            assert [past.result.verdict for past in history.results(1)] == ["good"]
            assert [past.result.verdict for past in history.outcomes()] == ["bad", "good"]


def of_version(path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a history as an older bootharness has left it."""
    with monkeypatch.context() as old, closing(sqlite3.connect(path)) as database:
        old.setattr(histories_file, "MIGRATIONS", MIGRATIONS[:version])
        History(path).close()
        cell = '{"kernel": "k", "plan": {"route": "direct"}}' if version > 2 else '{"kernel": "k"}'
        row = "INSERT INTO result (key, made_at, harness, cell) VALUES ('key', 5, '1', ?)"
        database.execute(row, (cell,))
        columns = "result, number, verdict, sentence, seconds, facts, trace"
        database.execute(
            f"INSERT INTO attempt ({columns}) VALUES (1, 0, 'good', 'said', 1, '{{}}', x'00')"
        )
        database.commit()
    return path


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_an_older_history_is_taken_over_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """Two computers that brought the same old one up to date have the same results."""
    old = of_version(tmp_path / "old", version, monkeypatch)
    before = old.read_bytes()
    copy = Path(shutil.copy(old, tmp_path / "copy"))
    assert new_history(tmp_path / "into", [old]) == Gathered(new=1, known=0, damaged=0)
    assert old.read_bytes() == before
    [(_, made_at, past)] = content(tmp_path / "into")
    assert (made_at, past.cell.kernel, past.decisive.host) == (5, "k", Host())
    with History(copy) as history:
        assert gather(history, [old, tmp_path / "into"]) == Gathered(new=0, known=2, damaged=0)


def test_a_file_that_cannot_be_written_to_is_read(tmp_path: Path, three: list[Path]) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    shutil.copy(three[0], folder / "history")
    (folder / "history").chmod(stat.S_IRUSR)
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert new_history(tmp_path / "into", [folder / "history"]).new == 2
        assert [*folder.iterdir()] == [folder / "history"]
    finally:
        folder.chmod(stat.S_IRWXU)


def test_what_is_written_meanwhile_is_exported(tmp_path: Path) -> None:
    path = written(tmp_path / "history", result("k"))
    with History(path) as history:
        history.add(result("l"), harness="1")
        done = run("history", "export", tmp_path / "out", "--history", path)
        assert done.stdout == f"{tmp_path}/out: 2 results\n", done.stderr
        refused = run("history", "export", path, "--history", path)
        assert refused.returncode == 129
        assert "somebody is writing to this history" in refused.stderr


def change(history: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(history)) as database:
        database.execute(statement, values)
        database.commit()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE result SET cell = '{' WHERE id = 1",
        "UPDATE result SET cell = '{\"kernel\": 7}' WHERE id = 1",
        "UPDATE result SET key = 'another' WHERE id = 1",
        "UPDATE result SET made_at = 1e300 WHERE id = 1",
        "UPDATE result SET made_at = 'noon' WHERE id = 1",
        "UPDATE result SET uid = '' WHERE id = 1",
        "UPDATE attempt SET verdict = 'splendid' WHERE result = 1",
        "UPDATE attempt SET verdict = 'bad' WHERE result = 1",
        "UPDATE attempt SET facts = '[]' WHERE result = 1",
        "UPDATE attempt SET host = x'ff' WHERE result = 1",
        "UPDATE attempt SET sentence = CAST(x'ff' AS TEXT) WHERE result = 1",
        "UPDATE attempt SET trace = 'text' WHERE result = 1",
        "DELETE FROM attempt WHERE result = 1",
    ],
)
def test_a_damaged_result_is_left_out_and_told(
    tmp_path: Path, three: list[Path], damage: str
) -> None:
    change(three[0], damage)
    assert new_history(tmp_path / "into", three) == Gathered(new=5, known=0, damaged=1)
    assert len(content(tmp_path / "into")) == 5
    done = run("history", "merge", *three, "--into", tmp_path / "again")
    assert (done.returncode, done.stderr) == (0, "1 damaged result left out\n")


def test_a_result_of_the_year_after_next_does_not_stand_for_all_that_come(tmp_path: Path) -> None:
    path = written(tmp_path / "history", result("k"))
    change(path, "UPDATE result SET made_at = ?", time.time() + 63e6)
    change(path, "PRAGMA user_version = 5")
    change(path, "DROP INDEX result_by_uid")
    change(path, "DROP INDEX result_by_time")  # so that it is given its id anew
    assert new_history(tmp_path / "into", [path]) == Gathered(new=0, known=0, damaged=1)


HOSTILE = {
    "a view": (
        "DROP TABLE limit_seen",
        "CREATE VIEW limit_seen AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS loader, i AS part, i AS unit, i AS largest, i AS at FROM n",
    ),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON result BEGIN DELETE FROM result; END",),
    "a virtual table": ("CREATE VIRTUAL TABLE extra USING fts5(x)",),
    "a computed column": (
        "ALTER TABLE result ADD COLUMN more TEXT AS (printf('%.*c', 100000000, 'x'))",
    ),
    "no results": ("DROP TABLE attempt", "DROP TABLE result"),
    "no attempts": ("DROP TABLE attempt",),
    "a newer one": ("PRAGMA user_version = 99",),
    "one below none": ("PRAGMA user_version = -1",),
    "an older one that is not": ("PRAGMA user_version = 0",),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_history_is_refused_in_a_sentence_and_nothing_is_taken(
    tmp_path: Path, three: list[Path], kind: str
) -> None:
    for statement in HOSTILE[kind]:
        change(three[1], statement)
    before = content(three[0])
    with History(three[0]) as history, pytest.raises(UsageError) as refused:
        gather(history, [three[2], three[1]])
    assert str(refused.value).startswith(f"{three[1]}: ")
    assert "\n" not in str(refused.value)
    assert content(three[0]) == before
    done = run("history", "merge", *three, "--into", tmp_path / "into")
    assert done.returncode == 129
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir() if "into" in path.name) == []


def test_a_large_value_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "history", result("k"))
    change(path, "UPDATE attempt SET trace = zeroblob(100000000)")
    with pytest.raises(UsageError, match=r"history: not a history .* too big"):
        new_history(tmp_path / "into", [path])


@pytest.mark.parametrize("bytes_left", [40_000, 20_000, 8_000, 100, 0])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, bytes_left: int) -> None:
    path = written(tmp_path / "history", *(result(f"k-{number}") for number in range(50)))
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(UsageError, match="history: not a history"):
        new_history(tmp_path / "into", [path])
    assert not (tmp_path / "into").exists()


def test_what_is_no_history_is_not_written_over(tmp_path: Path, three: list[Path]) -> None:
    text = tmp_path / "text"
    text.write_text("mine")
    for arguments in (("merge", *three, "--into", text), ("export", text, "--history", three[0]),
                      ("import", text, "--history", three[0])):  # fmt: skip
        done = run("history", *arguments)
        assert done.returncode == 129
        assert "not a history" in done.stderr
    os.mkfifo(tmp_path / "pipe")
    done = run("history", "import", tmp_path / "pipe", "--history", three[0])
    assert "not a regular file, so not a history" in done.stderr
    assert text.read_text() == "mine"
    nothing = run("history", "export", tmp_path / "out", "--history", tmp_path / "none")
    assert (nothing.returncode, "there is no history yet" in nothing.stderr) == (129, True)


def test_a_gate_that_knows_what_another_computer_has_booted_boots_nothing(tmp_path: Path) -> None:
    gate = ("gate", "selfcheck:65536", "--route", "direct", "--until", "setup", "--jobs", "1")
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(*gate, "--history", first).returncode == 0
    assert run("history", "export", tmp_path / "out", "--history", first).returncode == 0
    taken = run("history", "import", tmp_path / "out", "--history", second)
    assert taken.stdout == f"{second}: 1 new result\n"
    assert "no boot, 1 unchanged result reused" in run(*gate, "--history", second).stdout
