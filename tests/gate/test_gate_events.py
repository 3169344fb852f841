"""What has happened over the months: what began to fail and was mended, limits, toolchains."""

import json
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.events import Event, Happening, events
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.past import outcome_of
from bootharness.gate.report.html import html
from bootharness.gate.report.past import past_document, print_past
from bootharness.gate.report.plot import trend_plots
from bootharness.gate.report.terminal import print_outcome
from bootharness.gate.report.words import day, event_said
from bootharness.gate.trend import series
from bootharness.plan import BootPlan
from bootharness.predictor.headroom import PartLimit
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.result import Attempt, BootFacts, CellResult, LimitSeen, Past
from tests.support.processes import run

DAY = 86_400.0
WRAPPED, PANIC, SKIPPED = "destination-wrapped", "kernel-panic", "tool-missing"
ENDS = {None: Verdict.GOOD, SKIPPED: Verdict.SKIP}


def booted(
    kernel: str, cause: str | None = None, *, loader: str = "a.asm", compiler: str = "",
    digest: str = "",
) -> CellResult:  # fmt: skip
    release = kernel.rpartition("-")[2] if "-" in kernel else ""
    facts = BootFacts(release=f"{release}.0-amd64" if release else "", sha256=digest or kernel,
                      payload_bytes=1_000_000 * (1 + len(release)), compiler=compiler)  # fmt: skip
    attempt = Attempt(ENDS.get(cause, Verdict.BAD), cause, "said", facts=facts)
    return CellResult(Cell(kernel, BootPlan(loader=loader)), kernel, (attempt,))


def on(number: float, result: CellResult) -> Past:
    return Past(int(number), DAY * number, "0", result)


def told(*pasts: Past, limits: tuple[LimitSeen, ...] = ()) -> list[str]:
    return [f"{day(each.at)} {each.what}: {event_said(each)}" for each in events(pasts, limits)]


def test_what_begins_to_fail_and_what_mends_it_are_events() -> None:
    assert told(
        on(1, booted("v-6.6")),
        on(2, booted("v-6.7", WRAPPED)),
        on(3, booted("v-6.8", WRAPPED)),
        on(4, booted("v-6.6")),  # a baseline is booted again, and that is no news
        on(5, booted("v-6.9", PANIC)),
        on(6, booted("v-6.10", SKIPPED)),
        on(7, booted("v-6.11")),
    ) == [
        "1970-01-03 first bad: v-6.7 (6.7.0-amd64): destination-wrapped; v-6.6 was good",
        "1970-01-06 another cause: v-6.9 (6.9.0-amd64): kernel-panic; v-6.8 was "
        "destination-wrapped",
        "1970-01-08 fixed: v-6.11 (6.11.0-amd64) is good; v-6.9 was kernel-panic",
    ]


def test_versions_say_which_was_the_first_bad_one_however_late_it_was_booted() -> None:
    pasts = on(1, booted("v-6.6")), on(2, booted("v-6.9", WRAPPED)), on(3, booted("v-6.7", WRAPPED))
    assert told(*pasts) == [
        "1970-01-04 first bad: v-6.7 (6.7.0-amd64): destination-wrapped; v-6.6 was good"
    ]


def test_a_kernel_that_does_otherwise_than_it_did_was_not_changed_itself() -> None:
    pasts = (
        on(1, booted("v-6.6")), on(2, booted("v-6.7", WRAPPED)), on(3, booted("v-6.7")),
        on(4, booted("v-6.7", WRAPPED)), on(5, booted("v-6.7")),
    )  # fmt: skip
    assert told(*pasts)[1:] == [
        "1970-01-04 fixed: v-6.7 (6.7.0-amd64) is good; it was destination-wrapped",
        "1970-01-05 first bad: v-6.7 (6.7.0-amd64): destination-wrapped; it was good",
        "1970-01-06 fixed: v-6.7 (6.7.0-amd64) is good; it was destination-wrapped",
    ]


def test_files_without_a_version_come_in_the_order_of_time() -> None:
    pasts = on(1, booted("vmlinuz", digest="a")), on(2, booted("vmlinuz", WRAPPED, digest="b"))
    assert told(*pasts) == ["1970-01-03 first bad: vmlinuz: destination-wrapped; it was good"]


def test_several_ways_are_one_event_that_names_them_where_others_boot_it() -> None:
    loaders = "a.asm", "b.asm", "c.asm"
    pasts = [on(1, booted("v-6.6", loader=loader)) for loader in loaders]
    pasts += [on(2 + at, booted("v-6.7", WRAPPED if at < 2 else None, loader=loader))
              for at, loader in enumerate(loaders)]  # fmt: skip
    assert told(*pasts) == [
        "1970-01-03 first bad: v-6.7 (6.7.0-amd64): destination-wrapped (a.asm; b.asm); v-6.6 was "
        "good"
    ]


def test_another_compiler_is_an_event_where_both_kernels_have_said_theirs() -> None:
    assert told(
        on(1, booted("v-6.6", compiler="gcc-12 12.2.0")),
        on(2, booted("v-6.7")),  # came to no banner
        on(3, booted("v-6.8", compiler="gcc-13 13.2.0")),
        on(4, booted("v-6.9", compiler="gcc-13 13.2.0")),
    ) == ["1970-01-04 toolchain changed: v-6.8 (6.8.0-amd64): gcc-13 13.2.0, v-6.6: gcc-12 12.2.0"]


def test_a_limit_that_has_moved_is_an_event_of_the_loaders_that_were_booted() -> None:
    seen = (
        LimitSeen("x/a.asm", "payload", "byte", 15_735_808, DAY),
        LimitSeen("x/a.asm", "setup", "sector", 64, DAY),
        LimitSeen("other.asm", "payload", "byte", 16, 2 * DAY),
        LimitSeen("other.asm", "payload", "byte", 32, 3 * DAY),
        LimitSeen("x/a.asm", "payload", "byte", None, 4 * DAY),
    )
    assert told(on(1, booted("v-6.6", loader="x/a.asm")), limits=seen) == [
        "1970-01-05 limit moved: a.asm can load any payload that fits into memory, before "
        "15,735,808 bytes of payload"
    ]


def test_a_limit_that_two_computers_have_noted_has_not_moved() -> None:
    seen = tuple(LimitSeen("x/a.asm", "payload", "byte", 4_000, float(at)) for at in (1, 2))
    assert told(on(1, booted("v-6.6", loader="x/a.asm")), limits=seen) == []


def test_the_history_notes_a_limit_when_it_moves(tmp_path: Path) -> None:
    with History(tmp_path / "history") as history:
        for largest in (16, 16, 32, None, None):
            history.note_limits("a.asm", [PartLimit("payload", "byte", largest)])
        history.note_limits("b.asm", [PartLimit("payload", "byte", 16)])
        seen = [(each.loader, each.largest) for each in history.limits_seen()]
    assert seen == [("a.asm", 16), ("a.asm", 32), ("a.asm", None), ("b.asm", 16)]


PASTS = (
    on(1, booted("v-6.6", compiler="gcc-12 12.2.0")),
    on(2, booted("v-6.7", WRAPPED, compiler="gcc-12 12.2.0")),
    on(3, booted("v-6.8", compiler="gcc-13 13.2.0")),
)
LIMITS = tuple(
    LimitSeen("a.asm", "payload", "byte", largest, DAY * (5 + at))
    for at, largest in enumerate((4_000_000, 6_000_000))
)
HAPPENED = events(PASTS, LIMITS)


def test_the_page_of_the_past_holds_what_the_newest_kernel_does_alone(tmp_path: Path) -> None:
    """What an older one did nobody boots again; and what is held by now is no failure."""
    with History(tmp_path / "history") as history:

        def page(*pasts: Past) -> str:
            return html(outcome_of(pasts, history))

        hold = "Hold it until it is mended"
        old, new = on(1, booted("v-6.7", WRAPPED)), on(2, booted("v-6.8"))
        assert hold in page(old)
        assert hold not in page(old, new)
        assert hold in page(new, on(3, booted("v-6.9", WRAPPED)))
        held = replace(old.result, cell=replace(old.result.cell, expect=WRAPPED))
        assert hold not in page(old, on(3, held))
        assert "See it again" not in page(old, on(3, held))


def test_the_page_lists_what_has_happened_the_newest_first() -> None:
    entries = tuple(Entry(past.result, "") for past in PASTS)
    text = html(GateOutcome(entries, past=True, events=HAPPENED))
    start = text.index('<h2 id="happened">')
    section = text[text.rindex("<section", 0, start) : text.index("</section>", start)]
    listed = [
        ["".join(part.itertext()) for part in line]
        for line in ElementTree.fromstring(f"{section}</section>").iter("li")
    ]
    assert listed == [
        ["1970-01-07", "limit moved",
         "a.asm can load 6,000,000 bytes of payload, before 4,000,000 bytes of payload"],
        ["1970-01-04", "toolchain changed",
         "v-6.8 (6.8.0-amd64): gcc-13 13.2.0, v-6.7: gcc-12 12.2.0"],
        ["1970-01-04", "fixed", "v-6.8 (6.8.0-amd64) is good; v-6.7 was destination-wrapped"],
        ["1970-01-03", "first bad",
         "v-6.7 (6.7.0-amd64): destination-wrapped; v-6.6 was good"],
    ]  # fmt: skip
    assert "What has happened" not in html(GateOutcome(entries, past=True))


@pytest.mark.parametrize("what", ["first bad", "fixed", "toolchain changed"])
def test_the_chart_marks_the_kernels_that_something_has_happened_to(what: str) -> None:
    lines = series(past.result.decisive.facts for past in PASTS)
    assert [each.points for each in lines]
    wide, narrow = trend_plots(lines, (), (), HAPPENED)
    assert f">{what}<" in wide
    assert f">{what}<" in narrow
    assert "limit of a.asm until 1970-01-07" in wide
    assert f">{what}<" not in trend_plots(lines, (), ())[0]


def test_the_list_of_what_was_booted_ends_with_what_has_happened() -> None:
    output = StringIO()
    print_past(PASTS, HAPPENED, output)
    lines = output.getvalue().splitlines()
    assert lines[-1] == (
        "1970-01-07  limit moved  a.asm can load 6,000,000 bytes of payload, before 4,000,000 "
        "bytes of payload"
    )
    assert lines[-4].startswith("1970-01-03  first bad  v-6.7")
    assert past_document(PASTS, HAPPENED)["events"][0]["what"] == "first bad"


def test_of_many_events_the_last_are_printed_and_the_rest_is_counted() -> None:
    output = StringIO()
    print_past(PASTS, HAPPENED * 4, output)
    assert "6 events before these; --html and --json have all\n" in output.getvalue()


def test_a_gate_does_not_tell_twice_what_its_own_boots_show() -> None:
    entries = tuple(Entry(past.result, "") for past in PASTS[1:])
    output = StringIO()
    print_outcome(GateOutcome(entries, events=HAPPENED), output)
    said = output.getvalue()
    assert "1970-01-07  limit moved  " in said
    assert "toolchain changed" in said
    assert "first bad" not in said
    assert "fixed  v" not in said


def test_the_command_tells_what_has_happened(tmp_path: Path) -> None:
    path = tmp_path / "history"
    with History(path) as history:
        for past in PASTS:
            history.add(past.result, harness="0")
    done = run("history", "--history", path, "--last", "1", "--json", tmp_path / "past.json")
    assert "  first bad  v-6.7 (6.7.0-amd64): destination-wrapped; v-6.6 was good" in done.stdout
    document = json.loads((tmp_path / "past.json").read_text())
    assert [each["what"] for each in document["events"]] == [
        "first bad", "fixed", "toolchain changed",
    ]  # fmt: skip
    assert len(document["results"]) == 1
    other = run("history", "w-*", "v-6.6", "--history", path)
    assert "first bad" not in other.stdout


def test_an_event_is_a_plain_value() -> None:
    assert HAPPENED[0] == Event(
        Happening.FIRST_BAD, 2 * DAY, "", WRAPPED, "v-6.7", "6.7.0-amd64", "v-6.6"
    )
