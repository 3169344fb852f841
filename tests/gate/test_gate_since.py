"""Whether a failure is new, still there or gone: by the baseline, by other kernels, by the past."""

from pathlib import Path

import pytest
from lxml import etree
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.badge import _SAYS, badge
from bootharness.gate.report.headline import headline, summary
from bootharness.gate.report.junit import junit
from bootharness.gate.report.markdown import annotations, markdown
from bootharness.gate.report.words import since_said
from bootharness.gate.series import series_of, short
from bootharness.gate.since import Course, Since, courses
from bootharness.plan import BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.result import Attempt, BootFacts, CellResult, Past

DAY = 86_400.0
GOOD, WRAPPED, PANIC = (Verdict.GOOD, None), (Verdict.BAD, "destination-wrapped"), (
    Verdict.BAD, "kernel-panic",
)  # fmt: skip
SKIPPED = (Verdict.SKIP, "tool-missing")


def booted(
    kernel: str, end: tuple[Verdict, str | None], *, loader: str = "stage1", digest: str = ""
) -> CellResult:
    facts = BootFacts(sha256=digest or kernel)
    attempt = Attempt(*end, "said", facts=facts)
    return CellResult(Cell(kernel, BootPlan(loader=loader)), kernel, (attempt,))


def past(number: int, *result: object, **more: str) -> Past:
    return Past(number, DAY * number, "0", booted(*result, **more))  # type: ignore[arg-type]


def gate(
    *results: CellResult, baseline: str | None = None, pasts: tuple[Past, ...] = ()
) -> GateOutcome:
    since = courses(results, baseline, pasts)
    return GateOutcome(
        tuple(
            Entry(each, "", baseline=each.cell.kernel == baseline, since=since.get(each.cell))
            for each in results
        )
    )


def told(outcome: GateOutcome) -> str:
    return since_said(outcome.entries[-1])


def test_what_the_baseline_boots_fails_anew() -> None:
    outcome = gate(booted("v-6.3", GOOD), booted("v-6.4", WRAPPED), baseline="v-6.3")
    assert told(outcome) == "a new failure; last good v-6.3"
    assert outcome.exit_status == 1


def test_what_fails_as_the_baseline_does_is_no_regression_and_has_a_standing_of_its_own() -> None:
    outcome = gate(booted("v-6.4", WRAPPED), booted("v-6.5", WRAPPED), baseline="v-6.4")
    assert told(outcome) == "fails as the baseline does (destination-wrapped): no regression"
    assert outcome.entries[1].standing is Standing.STILL
    assert (outcome.standing, outcome.exit_status) == (Standing.BAD, 1)
    assert headline(outcome) == (
        "the baseline is bad itself: v-6.4: destination-wrapped; refused: v-6.5: "
        "destination-wrapped, as the baseline does: no regression"
    )
    accepted = replace(outcome, still_accepted=True)
    assert (accepted.standing, accepted.exit_status) == (Standing.WARNING, 0)
    assert headline(accepted) == (
        "the baseline is bad itself: v-6.4: destination-wrapped; accepted, 1 boot fails as the "
        "baseline does"
    )


def test_another_cause_than_the_baselines_is_a_regression_all_the_same() -> None:
    outcome = gate(booted("v-6.4", PANIC), booted("v-6.5", WRAPPED), baseline="v-6.4")
    assert outcome.entries[1].standing is Standing.BAD
    assert told(outcome).startswith("the baseline fails, too, but in another way (kernel-panic); ")
    assert replace(outcome, still_accepted=True).exit_status == 1


def test_a_bad_baseline_is_said_everywhere_and_is_no_failure_of_the_candidate() -> None:
    outcome = gate(booted("v-6.4", WRAPPED), booted("v-6.5", GOOD), baseline="v-6.4")
    said = "the baseline is bad itself: v-6.4: destination-wrapped"
    assert headline(outcome) == f"{said}; accepted: the kernel is good"
    assert (outcome.standing, outcome.exit_status) == (Standing.WARNING, 0)
    assert told(outcome) == "fixed: v-6.4 fails here (destination-wrapped)"
    assert said in markdown(outcome)
    assert [line.partition(" ")[0] for line in annotations(outcome)] == ["::warning"]
    [suite] = etree.fromstring(junit(outcome))
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    [skipped] = suite.iter("skipped")
    assert (skipped.get("message") or "").startswith("the baseline is bad itself")


def test_the_history_says_since_which_kernel_and_since_when() -> None:
    pasts = (
        past(1, "v-6.2", GOOD),
        past(2, "v-6.3", GOOD),
        past(3, "v-6.4", WRAPPED),
        past(4, "v-6.3", GOOD),  # booted again, as baselines are
        past(5, "v-6.5", SKIPPED),
        past(6, "other-6.9", GOOD),
        past(7, "v-6.9", GOOD, loader="a.asm"),
    )
    outcome = gate(booted("v-6.6", WRAPPED), pasts=pasts)
    assert told(outcome) == (
        "still failing, since v-6.4 (first seen on 1970-01-04); last good v-6.3 (on 1970-01-03)"
    )
    assert headline(outcome) == (
        "refused: v-6.6: destination-wrapped; still failing, since v-6.4 (first seen on 1970-01-04)"
    )
    assert outcome.entries[0].standing is Standing.BAD


def test_versions_order_kernels_however_late_one_was_booted() -> None:
    pasts = (past(1, "v-6.10", WRAPPED), past(2, "v-6.9", GOOD), past(3, "v-6.2", WRAPPED))
    assert told(gate(booted("v-6.11", WRAPPED), pasts=pasts)) == (
        "still failing, since v-6.10 (first seen on 1970-01-02); last good v-6.9 (on 1970-01-03)"
    )


def test_a_file_that_is_built_anew_is_another_kernel_and_time_orders_it() -> None:
    pasts = (past(1, "vmlinuz", GOOD, digest="a"), past(2, "vmlinuz", WRAPPED, digest="b"))
    seen = gate(booted("vmlinuz", WRAPPED, digest="b"), pasts=pasts)
    assert told(seen) == (
        "still failing, first seen on 1970-01-03; last good vmlinuz (on 1970-01-02)"
    )
    fixed = gate(booted("vmlinuz", GOOD, digest="c"), pasts=pasts)
    assert told(fixed) == "fixed: vmlinuz fails here (destination-wrapped)"
    assert fixed.standing is Standing.GOOD
    first = gate(booted("vmlinuz", WRAPPED, digest="c"), pasts=pasts[:1])
    assert told(first) == "a new failure; last good vmlinuz (on 1970-01-02)"


def test_kernels_of_this_gate_come_one_after_the_other() -> None:
    outcome = gate(*(booted(f"v-6.8.{n}", WRAPPED if n > 1 else GOOD) for n in range(4)))
    [third, fourth] = [entry.since for entry in outcome.entries if entry.since]
    assert isinstance(third, Since)
    assert isinstance(fourth, Since)
    assert (third.course, fourth.course) == (Course.NEW, Course.NEW)
    assert fourth.first_bad
    assert fourth.last_good
    assert (fourth.first_bad.kernel, fourth.last_good.kernel) == ("v-6.8.2", "v-6.8.1")


def test_of_what_was_good_before_and_of_what_nobody_knows_there_is_nothing_to_say() -> None:
    pasts = (past(1, "v-6.3", GOOD),)
    assert told(gate(booted("v-6.4", GOOD), pasts=pasts)) == ""
    assert told(gate(booted("v-6.4", SKIPPED), pasts=pasts)) == ""


def test_the_history_tells_what_came_of_each_result_without_its_pictures(tmp_path: Path) -> None:
    with History(tmp_path / "history") as history:
        for result in (booted("v-6.3", GOOD), booted("v-6.4", WRAPPED)):
            history.add(result, harness="0")
        history._database.execute("UPDATE attempt SET facts = '{' WHERE result = 1")
        [known] = history.outcomes()
    assert known.result.cell.kernel == "v-6.4"
    assert known.result.decisive.outcome == WRAPPED
    assert known.result.decisive.facts.sha256 == "v-6.4"


@pytest.mark.parametrize(
    ("source", "series"),
    [
        ("vmlinuz-6.8.0-rc3", "vmlinuz"),
        ("vmlinuz-6.12.107+deb13-cloud-amd64", "vmlinuz-cloud-amd64"),
        ("builds/6.8.1/bzImage", "builds//bzImage"),
        ("deb:linux-image-6.1.0-50-cloud-amd64/bookworm", "deb:linux-image-cloud-amd64/bookworm"),
        ("deb:linux-image-amd64=6.12.48-1/trixie", "deb:linux-image-amd64/trixie"),
        ("selfcheck:15_735_808", "selfcheck"),
        ("grow:17000000:vmlinuz-6.4", "grow:vmlinuz"),
        ("bzImage-4e33ec0dc7eb", "bzImage"),
        ("bzImage", "bzImage"),
        ("arch/x86/boot/bzImage", "arch/x86/boot/bzImage"),
    ],
)
def test_builds_of_the_same_thing_are_one_series(source: str, series: str) -> None:
    assert series_of(source) == series


def test_a_file_is_named_without_its_folder_where_its_own_name_has_a_version() -> None:
    assert short("a/b/vmlinuz-6.4") == "vmlinuz-6.4"
    assert short("a/6.4/bzImage") == "a/6.4/bzImage"
    assert short("deb:linux-image-6.1.0-5/bookworm") == "deb:linux-image-6.1.0-5/bookworm"


def test_tests_are_called_the_same_from_version_to_version() -> None:
    def names(*kernels: str) -> list[tuple[str | None, str | None]]:
        text = junit(gate(*(booted(kernel, GOOD) for kernel in kernels)))
        return [(case.get("classname"), case.get("name"))
                for case in etree.fromstring(text).iter("testcase")]  # fmt: skip

    assert names("v-6.3") == names("v-6.4") == [("v", "mbr")]
    assert names("v-6.3", "v-6.4") == [("v", "mbr, v-6.3"), ("v", "mbr, v-6.4")]


def test_a_summary_is_one_line_and_a_badge_a_small_file() -> None:
    outcome = gate(booted("v-6.3", GOOD), booted("v-6.4", WRAPPED), baseline="v-6.3")
    assert summary(outcome) == (
        "BAD refused: v-6.4: destination-wrapped; a new failure; last good v-6.3"
    )
    drawn = badge(outcome)
    assert etree.fromstring(drawn).get("aria-label") == "boot gate: refused"
    assert len(drawn) < 1_000
    for standing in Standing:
        if standing is not Standing.STILL:  # a cell's, not a gate's
            assert standing in _SAYS
