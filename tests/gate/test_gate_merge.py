"""Shards of a gate: how it is split, and that they are one gate again when they are merged."""

import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.gate.gate import GateObserver, StoppedGate, run_gate
from bootharness.gate.matrix import Matrix
from bootharness.gate.merge import merged
from bootharness.gate.outcome import GateOutcome, Standing
from bootharness.gate.report.document import gate_document, gate_schema, read_gate
from bootharness.gate.report.html import html
from bootharness.gate.report.junit import junit
from bootharness.gate.report.markdown import markdown
from bootharness.gate.shard import MOST_SHARDS, Share, share_named, shares
from bootharness.kernels.selfcheck import selfcheck_kernel
from bootharness.plan import BootPlan, choose
from bootharness.report.document import encode
from bootharness.runs import headroom
from bootharness.runs.cell import Cell
from bootharness.runs.picture import Picture, pack
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Host
from bootharness.runs.work import boot_cell
from tests.support.processes import run

OLD = "v-6.0"
WRAPPED, PANIC = "destination-wrapped", "kernel-panic"
Ends = Callable[[str, BootPlan], str | None]


limits_of = lru_cache(partial(headroom._limits, history=None))


@pytest.fixture(autouse=True)
def limits_are_predicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "_limits", lambda name, _: limits_of(name))


class Boots(Executor):
    """Boots nothing: a kernel comes to the end that it is said to come to."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self.booted: list[Cell] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(self._boot(*args) if function is boot_cell else function(*args, **kwargs))
        return done

    def _boot(self, cell: Cell) -> Attempt:
        self.booted.append(cell)
        name = Path(cell.kernel).name
        cause = self._ends(name, cell.plan)
        if cause == "tool-missing":
            return Attempt(Verdict.SKIP, cause, "no QEMU", host=Host("w", "EPYC"))
        minor = int(name.rpartition(".")[2])
        facts = BootFacts(
            release=f"6.{minor}.0", sha256=f"{minor:064x}", compression="zstd",
            payload_bytes=14_900_000 + 200_000 * minor,
            milestones={"init": 2.0 if minor == 4 else 1.0},
            qemu_version="7.2.22", accelerator="tcg", compiler=f"gcc {12 + minor // 3}",
            warnings=("BUG: it is odd",) if minor == 3 else (),
        )  # fmt: skip
        verdict = Verdict.BAD if cause else Verdict.GOOD
        picture = pack(Picture(serial=f"the serial line of {name}"))
        return Attempt(
            verdict, cause, f"said of {name}", 1.5, facts, b"", picture, Host("w", "EPYC")
        )


def ends(kernel: str, plan: BootPlan) -> str | None:
    """6.2 and on wrap on disks, 6.5 panics everywhere, 6.1 is not found out on one machine."""
    minor = int(kernel.rpartition(".")[2])
    if minor == 5:
        return PANIC
    if plan.route == "mbr" and minor >= 2:
        return WRAPPED
    return "tool-missing" if minor == 1 and plan.machine.memory_mib == 64 else None


def matrix(folder: Path, kernels: int = 6, **fields: Any) -> Matrix:
    folder.mkdir(exist_ok=True)
    names = []
    for minor in range(kernels):
        path = folder / f"v-6.{minor}"
        if not path.exists():
            path.write_bytes(selfcheck_kernel(65_536 + 16 * minor).read_bytes())
        names.append(str(path))
    axes = {"route": ("mbr", "direct"), "memory_mib": (64, 128), "until": ("init",)}
    return Matrix(tuple(names), **{"baseline": names[0], "axes": axes, **fields})


def gate(
    folder: Path, of: Matrix, part: Share | None = None, ends: Ends = ends, *, name: str = "",
    **options: Any,
) -> GateOutcome:  # fmt: skip
    history = folder / f"history{part.number if part else ''}{name}.sqlite3"
    return run_gate(of, executor=Boots(ends), history=history, shard=part, **options)


def written(folder: Path, outcome: GateOutcome, name: str = "") -> Path:
    assert outcome.shard
    file = folder / f"shard-{outcome.shard.number}{name}.json"
    file.write_bytes(encode(gate_document(outcome)))
    return file


def together(*files: Path) -> GateOutcome:
    return merged([(file, read_gate(file)) for file in files])


def sharded(folder: Path, of: Matrix, number: int, **options: Any) -> list[Path]:
    return [written(folder, gate(folder, of, Share(at, number), **options))
            for at in range(1, number + 1)]  # fmt: skip


def comparable(outcome: GateOutcome) -> Any:
    """Return a gate as JSON, without what differs from run to run: how long it took and when, and
    how often a baseline was booted for its times."""
    document: Any = json.loads(encode(gate_document(outcome)))
    for name in ("seconds", "made_at", "shard"):
        del document[name]
    for entry in document["entries"]:
        if entry["pace"]:
            entry["pace"]["baseline"] = sorted({*entry["pace"]["baseline"]})
    for event in document["events"]:
        del event["at"]
    return document


@pytest.mark.parametrize("number", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("baseline", [True, False])
def test_a_merged_report_is_that_of_one_run(tmp_path: Path, number: int, baseline: bool) -> None:
    of = matrix(tmp_path / "k") if baseline else matrix(tmp_path / "k", baseline=None)
    whole = gate(tmp_path, of)
    parts = sharded(tmp_path, of, number)
    Random(number).shuffle(parts)
    again = together(*parts)
    assert comparable(again) == comparable(whole)
    assert again.exit_status == whole.exit_status == 1
    # drawn screens and serial lines as well, and what is said of the months and of versions to come
    for report in (html, markdown, lambda outcome: junit(outcome).decode()):
        one, other = (_untimed(report(outcome)) for outcome in (whole, again))
        assert one == other
    assert "the serial line of v-6.5" in junit(again).decode()


def _untimed(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", text)
    text = re.sub(r"\d+ boots? \([\d.]+ s\)", "", text)
    return re.sub(r'time="[\d.]+"', "", text)


def test_what_was_known_before_is_told_as_by_one_run(tmp_path: Path) -> None:
    """The history knows of a kernel that no shard boots now, and that others failed before."""
    early = matrix(tmp_path / "k", 3)
    gate(tmp_path, early)
    of = matrix(tmp_path / "k")
    of = replace(of, kernels=of.kernels[3:], baseline=None)
    for number in (1, 2, 3):
        shutil.copy(tmp_path / "history.sqlite3", tmp_path / f"history{number}.sqlite3")
    parts = sharded(tmp_path, of, 3)
    whole = gate(tmp_path, of)
    first_bad = {
        each.since.first_bad.kernel for each in whole.entries if each.since and each.since.first_bad
    }
    assert str(tmp_path / "k" / "v-6.2") in first_bad
    assert {each.what for each in whole.events} >= {"first bad", "toolchain changed"}
    assert comparable(together(*parts)) == comparable(whole)


CELLS = [
    Cell(f"v-6.{minor}", choose(BootPlan(until="init"), {"route": route, "memory_mib": memory}))
    for minor in range(20)
    for route in ("mbr", "direct", "ipxe")
    for memory in (64, 128)
]


@given(st.integers(1, 114), st.booleans(), st.randoms(use_true_random=False))
def test_shards_are_balanced_the_same_in_any_order_and_have_what_is_compared(
    of: int, baseline: bool, random: Random
) -> None:
    compared = OLD if baseline else None
    parts = shares(CELLS, compared, of)
    own = [[cell for cell in part if cell.kernel != compared] for part in parts]
    every = [cell for cell in CELLS if cell.kernel != compared]
    assert sorted(map(str, chain(*own))) == sorted(map(str, every))
    assert {len(each) for each in own} <= {len(every) // of, -(-len(every) // of)}
    for part in parts:
        plans = {cell.plan for cell in part if cell.kernel != compared}
        assert {cell.plan for cell in part if cell.kernel == compared} == (
            plans if baseline else set()
        )
    if baseline:  # few shards boot the same one
        assert sum(cell.kernel == OLD for part in parts for cell in part) <= 6 + of - 1
    shuffled = random.sample(CELLS, len(CELLS))
    assert list(map(set, shares(shuffled, compared, of))) == list(map(set, parts))


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1/99999",
                                  "1/" + "9" * 5000, "\u0661/\u0663"])  # fmt: skip
def test_a_shard_that_cannot_be_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"write which of how many, from 1/N to N/N"):
        share_named(text)


def test_more_shards_than_boots_are_refused_for_one_would_prove_nothing(tmp_path: Path) -> None:
    of = matrix(tmp_path / "k", 2)
    said = "5 shards of 4 boots: one would be empty; take at most 4"
    with pytest.raises(UsageError, match=said):
        gate(tmp_path, of, Share(1, 5))


def test_what_a_missing_shard_has_is_named_and_never_good(tmp_path: Path) -> None:
    of = matrix(tmp_path / "k", 4)
    good: Ends = lambda *_: None  # noqa: E731
    parts = sharded(tmp_path, of, 3, ends=good, timing=False)
    assert together(*parts).exit_status == 0
    missing = read_gate(parts[1])
    outcome = together(parts[0], parts[2])
    assert (outcome.standing, outcome.exit_status) == (Standing.UNKNOWN, 125)
    unknown = {each.result.cell for each in outcome.entries if each.standing is Standing.UNKNOWN}
    assert {c.result.cell for c in missing.candidates} <= unknown
    [said] = {
        each.result.decisive.sentence for each in outcome.entries if each.result.cell in unknown
    }
    assert said == "shard 2 of 3 is missing, so this was not booted"
    assert "not-booted" in markdown(outcome)
    done = run("merge", parts[0], parts[2])
    assert done.returncode == 125
    for cell in unknown:
        assert Path(cell.kernel).name in done.stdout
    assert "shard 2 of 3 is missing" in done.stdout


def test_a_bad_kernel_is_refused_though_a_shard_is_missing(tmp_path: Path) -> None:
    parts = sharded(tmp_path, matrix(tmp_path / "k"), 3)
    assert [together(each).exit_status for each in parts] == [1, 1, 1]


class _StopsAfter(GateObserver):
    def __init__(self, results: int) -> None:
        self._left = results

    def result(self, result: CellResult) -> None:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


def test_what_an_interrupted_shard_has_not_booted_is_named(tmp_path: Path) -> None:
    of = matrix(tmp_path / "k", 3)
    good: Ends = lambda *_: None  # noqa: E731
    with pytest.raises(StoppedGate) as stopped:
        gate(tmp_path, of, Share(1, 2), good, observer=_StopsAfter(4))
    parts = [written(tmp_path, stopped.value.outcome),
             written(tmp_path, gate(tmp_path, of, Share(2, 2), good))]  # fmt: skip
    outcome = together(*parts)
    assert outcome.exit_status == 125
    untried = [each for each in outcome.entries if each.standing is Standing.UNKNOWN]
    assert len(untried) == 2
    assert {each.result.decisive.sentence for each in untried} == {
        "shard 1 of 2 was interrupted before this boot"
    }


def test_a_baseline_that_came_to_two_ends_is_flaky_and_one_not_found_out_is_not_hidden(
    tmp_path: Path,
) -> None:
    of = matrix(tmp_path / "k", 4, axes={"route": ("direct",), "until": ("init",)})
    first, second = (
        gate(tmp_path, of, Share(at, 2), lambda *_: None, timing=False) for at in (1, 2)
    )
    for cause, flaky, status in ((PANIC, True, 0), ("tool-missing", False, 125)):
        bad = Attempt(Verdict.SKIP if status else Verdict.BAD, cause, "said")
        [baseline] = [each for each in second.entries if each.baseline]
        changed = replace(baseline, result=replace(baseline.result, attempts=(bad,)))
        others = tuple(changed if each is baseline else each for each in second.entries)
        files = written(tmp_path, first), written(tmp_path, replace(second, entries=others))
        outcome = together(*files)
        [entry] = [each for each in outcome.entries if each.baseline]
        assert entry.result.flaky is flaky
        assert outcome.exit_status == (125 if status else 0)
        assert entry.standing is (Standing.UNKNOWN if status else Standing.BAD)


def refused(*files: Path) -> str:
    done = run("merge", *files)
    assert done.returncode == 129, done.stdout
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    return done.stderr.replace(f"{files[0].parent}/" if files else "", "").strip()


def test_what_is_not_of_one_gate_is_refused_in_a_sentence(tmp_path: Path) -> None:
    of = matrix(tmp_path / "k", 3)
    one, _ = sharded(tmp_path, of, 2)
    assert refused().endswith("missing argument 'SHARD...' (`bootharness merge --help` says more)")
    assert refused(one, one) == (
        "bootharness: shard-1.json and shard-1.json are both shard 1 of 2: give each shard once"
    )
    whole = tmp_path / "whole.json"
    whole.write_bytes(encode(gate_document(gate(tmp_path, of))))
    assert "whole.json: a whole gate, and no shard of one" in refused(one, whole)
    other = written(tmp_path, gate(tmp_path, matrix(tmp_path / "k", 4), Share(2, 2)), "-other")
    assert "are of different matrices, and not of one gate" in refused(one, other)
    third = written(tmp_path, gate(tmp_path, of, Share(2, 3)), "-third")
    assert "are of 2 shards and of 3, and not of one gate" in refused(one, third)
    accepted = written(tmp_path, gate(tmp_path, of, Share(2, 2), still_accepted=True), "-accepted")
    assert "are with different --still-failing" in refused(one, accepted)


Change = Callable[[dict[str, Any]], object]


def _another_kernel(document: dict[str, Any]) -> None:
    for entry in document["entries"]:
        for attempt in entry["attempts"]:
            attempt["facts"]["sha256"] = "f" * 64


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["shard"].update(harness="0.0.9+1"), "of different versions, "),
        (_another_kernel, "is another kernel in"),
        (lambda d: d["entries"].append(d["entries"][0]), " twice"),
        (lambda d: d.update(schema_version=99), "schema_version: it is 99"),
        (lambda d: d["shard"].update(number=0), "shard.number: "),
        (lambda d: d["shard"].update(of=10**9), "shard.of: "),
        (lambda d: d["shard"].update(number=2, of=1), "shard.number: it is 2, of 1"),
        (lambda d: d["shard"]["cells"].append([9999, 0, "good"]), "there is no such kernel"),
        (lambda d: d["shard"]["cells"].append([0, 0, "nonsense"]), "expectation 'nonsense'"),
        (lambda d: d["shard"]["cells"].append([-1, 0, "good"]), "shard.cells"),
        (lambda d: d["shard"].update(cells=[]), "shard.matrix: it is not the digest"),
        (lambda d: d["shard"]["pasts"].append(
            {"kernel": "k", "plan": 99, "at": 1.0, "ends": []}), "no such plan, or no end"),
        (lambda d: d["shard"]["pasts"].append(
            {"kernel": "k", "plan": 0, "at": 1e300, "ends": []}), "shard.pasts"),
        (lambda d: d["entries"][0]["attempts"][0].update(cause="\x1b[2J"), "cause: "),
        (lambda d: d["entries"][0]["attempts"][0].update(picture="§"), "picture: "),
        (lambda d: d["entries"][0].update(attempts=[]), "it is empty, and a boot has one"),
        (lambda d: d["entries"][0]["cell"].update(kernel="elsewhere"), "that is of another shard"),
        (lambda d: d.pop("entries"), "it has no entries"),
        (lambda d: d.update(untried=-5), "untried: "),
    ],
)  # fmt: skip
def test_a_damaged_or_hostile_shard_is_refused_in_a_sentence(
    tmp_path: Path, change: Change, said: str | None
) -> None:
    of = matrix(tmp_path / "k", 3)
    one, two = sharded(tmp_path, of, 2)
    document = json.loads(two.read_text())
    change(document)
    two.write_text(json.dumps(document))
    with pytest.raises(UsageError) as error:
        together(one, two)
    assert "\n" not in str(error.value)
    assert (said or "") in str(error.value)
    assert "shard-2.json" in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"[]", b'{"a":1}']
)
def test_what_is_no_gate_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "shard-1.json"
    file.write_bytes(content)
    assert refused(file).startswith("bootharness: shard-1.json: not ")


def test_a_shard_is_as_its_schema_says(tmp_path: Path) -> None:
    of = matrix(tmp_path / "k", 3)
    [file, _] = sharded(tmp_path, of, 2)
    jsonschema.validate(json.loads(file.read_text()), gate_schema())


def test_many_shards_are_found_at_once() -> None:
    cells = [Cell(f"v-6.{minor}", BootPlan(until="init")) for minor in range(MOST_SHARDS)]
    assert {len(part) for part in shares(cells, None, MOST_SHARDS)} == {1}
