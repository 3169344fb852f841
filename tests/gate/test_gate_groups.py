"""Cells that fail alike, told together, and what to do about them."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.gate.axes import varying, way
from bootharness.gate.groups import fitting, groups, kernels_said
from bootharness.gate.matrix import Matrix, read_matrix
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.document import gate_document
from bootharness.gate.report.headline import headline
from bootharness.gate.report.markdown import annotations, markdown
from bootharness.gate.report.next_steps import next_steps
from bootharness.gate.since import courses
from bootharness.plan import BootPlan, choose
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, BootFacts, CellResult

LOADERS = ("a/no-carry.asm", "a/no-carry-b.asm", "stage1")


def boots(kernels: int, fails: Any, **axes: tuple[Any, ...]) -> GateOutcome:
    """Return a gate of kernels 6.8.0 and on, of which some fail by what ``fails`` says."""
    plans = [BootPlan(until="init")]
    for name, values in axes.items():
        plans = [choose(plan, {name: value}) for plan in plans for value in values]
    results = []
    for number in range(kernels):
        for plan in plans:
            cause = fails(number, plan)
            attempt = Attempt(
                Verdict.BAD if cause else Verdict.GOOD, cause, f"said of {number}",
                facts=BootFacts(sha256=str(number)),
            )  # fmt: skip
            results.append(CellResult(Cell(f"many/v-6.8.{number}", plan), "key", (attempt,)))
    names = varying(each.cell for each in results)
    since = courses(results, None, ())
    return GateOutcome(
        tuple(Entry(each, way(each.cell, names), since=since.get(each.cell)) for each in results)
    )


def wraps(number: int, plan: BootPlan) -> str | None:
    bad = number > 0 and plan.route == "mbr" and "no-carry" in plan.loader
    return "destination-wrapped" if bad else None


def test_a_range_of_kernels_and_a_pattern_of_loaders_are_one_sentence() -> None:
    outcome = boots(60, wraps, loader=LOADERS, memory_mib=(64, 512))
    [group] = groups(outcome)
    assert len(group.entries) == 59 * 2 * 2
    assert group.said == (
        "from v-6.8.1 on (59 kernels): destination-wrapped with no-carry*.asm; stage1 boots them"
    )
    assert headline(outcome) == (
        f"refused: {group.said} (236 of 360 boots are bad, 124 good)"
    )  # fmt: skip
    assert group.first.since
    assert group.first.since.last_good
    assert group.first.since.last_good.kernel == "many/v-6.8.0"


def test_the_headline_names_kernel_cause_and_what_boots_it() -> None:
    outcome = boots(
        2, wraps, route=("mbr", "direct", "grub", "ipxe"), loader=("a/no-carry.asm",)
    )  # fmt: skip
    assert headline(outcome) == (
        "refused: v-6.8.1: destination-wrapped with no-carry.asm (mbr); direct, grub and ipxe boot "
        "it (1 of 8 boots is bad, 7 good)"
    )


def test_what_begins_at_different_kernels_is_told_apart() -> None:
    def fails(number: int, plan: BootPlan) -> str | None:
        first = {"a/no-carry.asm": 4, "a/no-carry-b.asm": 7}.get(plan.loader, 99)
        return "destination-wrapped" if number >= first else None

    assert [each.said.partition(";")[0] for each in groups(boots(10, fails, loader=LOADERS))] == [
        "from v-6.8.4 on (6 kernels): destination-wrapped with no-carry.asm",
        "from v-6.8.7 on (3 kernels): destination-wrapped with no-carry-b.asm",
    ]


def test_ways_that_are_no_combination_are_named() -> None:
    def fails(number: int, plan: BootPlan) -> str | None:
        odd = (plan.loader == "stage1") != (plan.machine.memory_mib == 64)
        return "kernel-panic" if odd else None

    [group] = groups(boots(1, fails, loader=("stage1", "a/b.asm"), memory_mib=(64, 512)))
    assert group.said == "v-6.8.0: kernel-panic by stage1, 512 MiB; b.asm, 64 MiB"


@pytest.mark.parametrize(
    ("some", "said"),
    [
        ("c", "c"),
        ("abcdef", "all 6 kernels"),
        ("def", "from d on (3 kernels)"),
        ("bcd", "b to d (3 kernels)"),
        ("ace", "a, c and e"),
        ("abdf", "a, b, d and 1 more kernels"),
    ],
)
def test_kernels_are_a_range_where_they_are_one(some: str, said: str) -> None:
    assert kernels_said(list(some), list("abcdef")) == said


def test_a_pattern_fits_nothing_else() -> None:
    assert fitting(["a1.asm", "a2.asm"], ["b.asm"]) == "a*.asm"
    assert fitting(["a1.asm", "a2.asm"], ["a3.asm"]) == "a1.asm and a2.asm"
    assert fitting(["x", "y"], []) == "x and y"


def test_next_steps_reproduce_bisect_and_hold(tmp_path: Path) -> None:
    outcome = boots(3, wraps, loader=LOADERS)
    [group] = groups(outcome)
    steps = dict(next_steps(group))
    assert steps["reproduce"] == (
        "bootharness boot many/v-6.8.1 --until init --loader a/no-carry.asm"
    )
    assert steps["bisect"] == (
        "bootharness bisect many/v-6.8.0 many/v-6.8.1 --until init --loader a/no-carry.asm"
    )
    [held] = tomllib.loads(steps["hold"])["expect"]
    assert held["kernel"] == ["many/v-6.8.1", "many/v-6.8.2"]
    assert held["loader"] == ["a/no-carry.asm", "a/no-carry-b.asm"]
    assert held["result"] == "destination-wrapped"
    document = gate_document(outcome)
    assert [step["what"] for step in document["groups"][0]["next_steps"]] == [*steps]
    text = markdown(outcome)
    for step in (steps["reproduce"], steps["bisect"]):
        assert f"`{step}`" in text
    assert 'ticket = "say where it is mended"' in text


def test_a_file_that_is_built_anew_is_bisected_over_commits() -> None:
    outcome = boots(1, lambda *_: "kernel-panic")
    [entry] = outcome.entries
    assert entry.since
    since = replace(entry.since, last_good=replace(entry.since.first_bad, sha256="before"))
    [group] = groups(replace(outcome, entries=(replace(entry, since=since),)))
    assert dict(next_steps(group))["bisect"] == (
        "bootharness bisect git GOOD BAD --build COMMAND --image many/v-6.8.0 --until init"
    )


def test_what_holds_a_failure_makes_the_gate_accept_it(tmp_path: Path) -> None:
    kernels = ["selfcheck:32", "selfcheck:48"]
    loader = tmp_path / "no-carry[1].bin"
    loader.write_bytes(bytes(440))
    loader.with_suffix(".toml").write_text("[patch]\nkernel_lba = 0\n")
    matrix = Matrix(tuple(kernels), axes={"loader": ("stage1", str(loader)), "until": ("setup",)})
    bad = Attempt(Verdict.BAD, "destination-wrapped", "it wrapped")
    good = Attempt(Verdict.GOOD, None, "reached setup")
    cells = matrix.cells()
    names = varying(cells)
    entries = tuple(
        Entry(CellResult(cell, "", (good if cell.plan.loader == "stage1" else bad,)),
              way(cell, names))
        for cell in cells
    )  # fmt: skip
    [group] = groups(GateOutcome(entries))
    file = tmp_path / "gate.toml"
    file.write_text(
        f'kernels = {kernels}\nloader = ["stage1", "{loader}"]\nuntil = "setup"\n'
        + dict(next_steps(group))["hold"]
    )
    expected = {cell.plan.loader: cell.expect for cell in read_matrix(file).cells()}
    assert expected == {"stage1": "good", str(loader): "destination-wrapped"}


def test_an_expectation_ends_on_its_day_and_is_said_to_have(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    file = tmp_path / "gate.toml"

    def read(expires: object) -> Matrix:
        file.write_text(
            'kernels = ["selfcheck:16"]\n[[expect]]\nmachine_type = "pc"\nqemu = "*"\n'
            'disk_interface = "ahci"\ncmdline = "console=*"\nresult = "bad"\n'
            f'reason = "fixed in 6.9"\nticket = "BUG-7"\nexpires = {expires}\n'
        )
        return read_matrix(file)

    matrix = read(today)
    assert ([cell.expect for cell in matrix.cells()], matrix.expired()) == (["bad"], ())
    matrix = read(today - timedelta(days=1))
    assert [cell.expect for cell in matrix.cells()] == ["good"]
    [said] = matrix.expired()
    assert said == (
        "[[expect]] number 1, bad for * (BUG-7: fixed in 6.9), expired on "
        f"{matrix.expect[0].expires}"
    )
    text = markdown(GateOutcome((), expired=matrix.expired()))
    assert "BUG-7: fixed in 6.9" in text
    with pytest.raises(UsageError, match="expires"):
        read('"soon"')


def test_a_comment_of_a_large_gate_has_the_bad_ones_first_and_room_to_spare() -> None:
    outcome = boots(
        100, lambda number, plan: wraps(number - 40, plan), loader=LOADERS, memory_mib=(64, 512)
    )
    text = markdown(outcome)
    assert 20_000 < len(text) < 60_000
    rows = [line for line in text.splitlines() if line.startswith("| ") and "v-6.8" in line]
    bad = [row.startswith("| ❌ BAD") for row in rows]
    assert bad == sorted(bad, reverse=True)
    assert sum(bad) == 59 * 4
    every = boots(900, lambda *_: "kernel-panic", memory_mib=(64, 512))
    assert len(markdown(every)) < 60_000
    left = 1_800 - markdown(every).count("| ❌ BAD")
    assert f"… and {left:,} bad" in markdown(every)


def test_there_are_ten_annotations_at_most_the_bad_ones_first_and_the_rest_is_counted() -> None:
    outcome = boots(40, lambda number, _: f"kernel-{number}" if number < 30 else None)
    lines = [*annotations(outcome)]
    assert len(lines) == 10
    assert lines[0].startswith("::error title=BAD v-6.8.0")
    assert lines[-1].endswith("and 21 boots more to look at, in the report")


def test_what_is_unknown_is_a_group_that_is_neither_bisected_nor_held() -> None:
    outcome = boots(1, lambda *_: "tool-missing")
    attempt = replace(outcome.entries[0].result.decisive, verdict=Verdict.SKIP)
    entry = replace(
        outcome.entries[0], result=replace(outcome.entries[0].result, attempts=(attempt,))
    )
    [group] = groups(GateOutcome((entry,)))
    assert group.standing is Standing.UNKNOWN
    assert [what for what, _ in next_steps(group)] == ["reproduce"]
    assert msgspec.json.encode(gate_document(GateOutcome((entry,))))
