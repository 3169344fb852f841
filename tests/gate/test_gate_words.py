"""The sentences of a gate: what was decided, what was booted, and what lies ahead."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.outcome import Entry, GateOutcome, Pace, Remark
from bootharness.gate.report.headline import fresh_and_reused, headline
from bootharness.gate.report.words import expectation, projection, reached
from bootharness.gate.trend import crossings, series
from bootharness.predictor.headroom import Headroom
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, BootFacts, CellResult

FACTS = BootFacts("6.1", payload_bytes=16, milestones={"init": 1.5})
GOOD = Attempt(Verdict.GOOD, None, "reached init", 2.0, FACTS)
BAD = Attempt(Verdict.BAD, "kernel-panic", "it panics", 1.0, FACTS)
NO_QEMU = Attempt(Verdict.SKIP, "tool-missing", "no QEMU")
WARNED = (Remark("console", "new on the console: BUG"),)


def entry(
    *attempts: Attempt, kernel: str = "a", expect: str = "good", cached: bool = False,
    **more: object,
) -> Entry:  # fmt: skip
    result = CellResult(Cell(kernel, expect=expect), "key", attempts or (GOOD,), cached=cached)
    return Entry(result, **({"way": ""} | more))  # type: ignore[arg-type]


BASE = entry(kernel="old", baseline=True)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ((entry(),), "accepted: the kernel is good"),
        ((BASE, entry()), "accepted: the kernel is good"),
        ((entry(), entry(kernel="b")), "accepted: both kernels are good"),
        ((entry(way="mbr"), entry(way="ipxe")), "accepted: both boots are good"),
        ((entry(remarks=WARNED), entry(kernel="b", remarks=WARNED)), "accepted, 1 warning"),
        (
            (entry(), entry(BAD, kernel="b"), entry(NO_QEMU, kernel="c")),
            "refused: b: kernel-panic (1 of 3 kernels is bad, 1 good, 1 unknown)",
        ),
        (
            (entry(BAD, way="mbr"), entry(way="ipxe")),
            "refused: a: kernel-panic by mbr (1 of 2 boots is bad, 1 good)",
        ),
        ((entry(BAD),), "refused: a: kernel-panic"),
        ((entry(BAD, expect="kernel-panic"),), "accepted: the kernel is as expected"),
        ((entry(expect="kernel-panic"),), "refused: a: expected kernel-panic, but it booted"),
        (
            (entry(expect="bad"), entry(BAD, kernel="b", expect="bad", remarks=WARNED)),
            "refused: a: expected it to be bad, but it booted (1 of 2 kernels is not as expected, "
            "1 as expected with a warning)",
        ),
        (
            (entry(), entry(NO_QEMU, kernel="b")),
            "undecided: 1 of 2 kernels is unknown (tool-missing), 1 good",
        ),
        (
            (entry(NO_QEMU, kernel="old", baseline=True), entry()),
            "undecided: the baseline could not be booted (tool-missing), so nothing was compared; "
            "the kernel is good",
        ),
        (
            (entry(NO_QEMU, kernel="old", baseline=True), entry(remarks=WARNED)),
            "undecided: the baseline could not be booted (tool-missing), so nothing was compared; "
            "the kernel is good with a warning",
        ),
        (
            (entry(NO_QEMU, kernel="old", baseline=True), entry(), entry(remarks=WARNED, way="x")),
            "undecided: the baseline could not be booted (tool-missing), so nothing was compared; "
            "1 good, 1 good with a warning",
        ),
        ((), "undecided: there is no boot to judge"),
    ],
)
def test_the_headline_says_what_was_decided_and_why(entries: tuple[Entry, ...], said: str) -> None:
    assert headline(GateOutcome(entries)) == said


def test_only_what_was_booted_is_counted_as_a_boot() -> None:
    def said(*entries: Entry) -> str:
        return fresh_and_reused(GateOutcome(entries, seconds=12.34))

    assert said(entry(NO_QEMU)) == "no boot"
    assert said(entry(), entry(NO_QEMU, kernel="b")) == "1 boot (12.3 s)"
    assert said(entry(BAD, GOOD, GOOD)) == "3 boots (12.3 s)"
    assert said(entry(), entry(kernel="b", cached=True)) == (
        "1 boot (12.3 s), 1 unchanged result reused"
    )
    assert said(entry(cached=True), entry(kernel="b", cached=True)) == (
        "no boot, 2 unchanged results reused"
    )


def test_boots_that_were_made_for_their_times_are_counted() -> None:
    timed = entry(kernel="b", pace=Pace("init", (1.0,) * 4, (2.0,) * 4))
    known = entry(kernel="old", baseline=True, cached=True)
    assert fresh_and_reused(GateOutcome((known, timed))) == "8 boots, 1 unchanged result reused"
    reused = replace(timed, result=replace(timed.result, cached=True))
    assert fresh_and_reused(GateOutcome((known, reused))) == "8 boots, 2 unchanged results reused"
    assert reused.pace
    recalled = replace(reused, pace=replace(reused.pace, recalled=True))
    assert fresh_and_reused(GateOutcome((known, recalled))) == (
        "no boot, 2 unchanged results reused"
    )


def test_an_expectation_that_was_not_met_says_what_came_instead() -> None:
    assert expectation(entry(expect="destination-wrapped")) == (
        "expected destination-wrapped, but it booted"
    )
    assert expectation(entry(BAD, expect="destination-wrapped")) == (
        "expected destination-wrapped, but it ended in kernel-panic"
    )
    assert expectation(entry(expect="bad")) == "expected it to be bad, but it booted"
    assert expectation(entry(NO_QEMU, expect="bad")) == "expected: bad"
    assert expectation(entry(BAD, expect="bad")) == "expected: bad"


def test_a_time_is_compared_only_where_it_was_measured_in_turns() -> None:
    pace = Pace("init", (1.0, 1.1), (1.5, 1.6))
    assert reached(entry()) == "init 1.50 s"
    assert reached(entry(pace=pace)) == "init 1.50 s"
    slower = (Remark("slower", "init after 1.55 s instead of 1.05 s"),)
    assert reached(entry(pace=pace, remarks=slower)) == "init 1.50 s (+0.50)"


def growing(*sizes: int) -> list[BootFacts]:
    return [
        BootFacts(f"6.{at}.3-cloud-amd64", str(at), compression="zstd", payload_bytes=size)
        for at, size in enumerate(sizes)
    ]


def projected(kernels: list[BootFacts], known: str, limit: int = 1_000) -> str:
    room = [Headroom("k", "a/no-carry.asm", "payload", "byte", 1, limit)]
    return "; ".join(map(projection, crossings(series(kernels), room, known=set(known))))


def test_a_projection_says_what_it_rests_on_and_how_sure_it_is() -> None:
    outgrows = "at this growth a cloud-amd64 kernel (zstd) outgrows no-carry.asm around Linux"
    assert projected(growing(800, 900), "01") == f"{outgrows} 6.3 (2 kernels, 6.0 to 6.1; rough)"
    assert projected(growing(700, 800, 900), "2") == (
        f"{outgrows} 6.4 (3 kernels, 2 of them from your history, 6.0 to 6.2; rough)"
    )
    assert projected(growing(100, 210, 290, 400, 520), "01234") == (
        f"{outgrows} 6.9 (6.9 to 6.10; 5 kernels, 6.0 to 6.4)"
    )
    assert projected(growing(100, 300, 250, 400, 380, 500), "012345") == (
        f"{outgrows} 6.13 (6.11 to 6.16; 6 kernels, 6.0 to 6.5)"
    )
    assert projected(growing(800, 900, 1_200), "012") == (
        "a cloud-amd64 kernel (zstd) has outgrown no-carry.asm: Linux 6.2 is larger than "
        "1,000 bytes"
    )


def test_two_versions_say_nothing_of_what_is_far_ahead() -> None:
    assert projected(growing(100, 110), "01") == ""
    assert projected(growing(100, 110, 120), "012") != ""
