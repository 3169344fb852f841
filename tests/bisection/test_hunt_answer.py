"""What a hunt concludes and how it is shown: pure functions on answers made by hand."""

import json
import re
import sys
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from bootharness.bisection.answer import Answer, Row, Side, conclusion, side_by_side
from bootharness.bisection.bisect import HuntResult
from bootharness.bisection.evidence import Inversion
from bootharness.bisection.experiments import ExperimentOutcome, experiments
from bootharness.bisection.log import HuntLog, Seen
from bootharness.bisection.report.document import hunt_document, hunt_schema
from bootharness.bisection.report.html import hunt_html
from bootharness.bisection.report.markdown import hunt_markdown
from bootharness.bisection.report.plot import hunt_plots, nearest
from bootharness.bisection.report.terminal import picture, print_answer, print_lost
from bootharness.bisection.search import Found, Lost, Observation, Search
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.plan import STAGE1, BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.picture import Picture
from bootharness.runs.result import BootFacts
from tests.support.traces import loading_trace, move

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP
WRAPPED = "destination-wrapped"
LAST = Side("6.6 gcc-8", "a/bzImage", None, "reached init", 15_691_776)
FIRST = Side("6.6 gcc-10", "b/bzImage", WRAPPED, "block move 242 went to 0x001c00", 15_757_312)
ROWS = (Row("payload (syssize * 16)", "1", "2"), Row("setup_sects", "39 sectors", "40 sectors"))


def outcome(name: str, verdict: Verdict, cause: str | None = None) -> ExperimentOutcome:
    by = {"grown": "grown", "stage1": "with stage1", "direct": "with QEMU's -kernel",
          "network": "from the network"}[name]  # fmt: skip
    return ExperimentOutcome(
        name, f"the kernel {by}", by, 15_757_312, verdict, cause, "", cached=False
    )


def said(
    *outcomes: ExperimentOutcome, good: Side = LAST, bad: Side = FIRST, limit: int | None = None
) -> str:
    return conclusion(good, bad, ROWS, outcomes, loader="my.asm", limit=limit)


def test_size_is_the_cause_when_the_grown_kernel_fails_the_same() -> None:
    others = [outcome("stage1", GOOD), outcome("direct", GOOD), outcome("network", SKIP)]
    assert said(outcome("grown", BAD, WRAPPED), *others, limit=15_735_808) == (
        "the cause is the payload size: every build above 15,735,808 bytes fails with my.asm "
        "(destination-wrapped), whatever made it; 6.6 gcc-10 only made it grow by 65,536 bytes, "
        "to 15,757,312; with 15,757,312 bytes it boots with stage1 and with QEMU's -kernel"
    )


def test_size_is_not_the_cause_when_the_grown_kernel_boots() -> None:
    text = said(outcome("grown", GOOD), outcome("stage1", GOOD), limit=15_735_808)
    assert "the cause is the payload size" not in text
    assert text == (
        "6.6 gcc-10 and my.asm do not go together (destination-wrapped): it boots with stage1; it "
        "is not the payload size, for 6.6 gcc-8 grown to 15,757,312 bytes boots; what differs: "
        "payload (syssize * 16), setup_sects"
    )


def test_kernel_that_fails_however_it_is_loaded_is_the_cause_itself() -> None:
    bad = replace(FIRST, cause="kernel-panic", payload_bytes=LAST.payload_bytes)
    panics = [outcome(name, BAD, "kernel-panic") for name in ("direct", "network")]
    assert said(*panics, bad=bad) == (
        "the cause is in 6.6 gcc-10 itself (kernel-panic): it fails with QEMU's -kernel and from "
        "the network too; it is not the payload size, for the bad one is not larger"
    )


def test_another_cause_of_the_grown_kernel_is_no_proof() -> None:
    text = said(outcome("grown", BAD, "no-init"), outcome("stage1", GOOD))
    assert "the cause is the payload size" not in text
    assert "6.6 gcc-8 grown to the same size fails too, but with no-init" in text


def test_experiments_that_could_not_be_done_say_nothing() -> None:
    skipped = [outcome(name, SKIP, "tool-missing") for name in ("grown", "stage1", "network")]
    assert said(*skipped) == "6.6 gcc-10 is the first to fail with destination-wrapped"


def test_who_fails_by_one_route_is_tried_by_the_others_and_who_is_slow_by_none() -> None:
    network = Cell("", BootPlan(route="ipxe", until="banner"))
    tried = {each.name: each.cell.plan for each in experiments(network, ("a", 16), ("b", 16))}
    assert {name: plan.route for name, plan in tried.items()} == {
        "direct": "direct", "stage1": "mbr",
    }  # fmt: skip
    slow = Cell("", BootPlan(loader="my.asm", at_most_s=2.0))
    assert {each.name for each in experiments(slow, ("a", 16), ("b", 32))} == {"grown"}


def test_experiments_are_those_that_tell_something() -> None:
    cell = Cell("", BootPlan(loader="my.asm", until="banner"))
    names = {each.name: each.cell for each in experiments(cell, ("a", 16), ("b", 32))}
    assert set(names) == {"grown", "stage1", "direct", "network"}
    assert names["grown"].kernel == "grow:32:a"
    assert names["grown"].plan.loader == "my.asm"
    assert names["stage1"].kernel == "b"
    assert names["stage1"].plan.loader == STAGE1
    smaller = {each.name for each in experiments(cell, ("a", 32), ("b", 16))}
    assert "grown" not in smaller
    ours = {each.name for each in experiments(Cell(""), ("a", 16), ("b", 32), same_kernel=True)}
    assert ours == {"direct", "network"}


def test_side_by_side_shows_what_differs_and_no_times() -> None:
    good = loading_trace(130_048, [move(0x100000), move(0x10FE00)])
    bad = loading_trace(130_064, [move(0x100000)])
    rows = {row.name: row for row in side_by_side(good, bad)}
    assert rows["payload (syssize * 16)"].differs
    assert rows["block moves"].good == "2 moves"
    assert rows["last destination"].good.endswith("base 0x10fe00")
    assert not rows["compression"].differs
    assert not Row("banner after", "1.00 s", "2.00 s").differs
    assert Row("banner after", "1.00 s", "").differs


def seen(position: int, verdict: Verdict, label: str = "", payload: int = 0) -> Seen:
    facts = BootFacts(payload_bytes=payload)
    cause = WRAPPED if verdict is BAD else "build-failed" if verdict is SKIP else None
    label = label or f"kernel {position}"
    return Seen(position, label, "x", "key", verdict, cause, "it did", 1.0, facts)


BOOTS = [seen(9, BAD, payload=15_800_000), seen(0, GOOD, payload=15_000_000), seen(3, SKIP),
         seen(4, GOOD, "<b>|4", 15_700_000), seen(5, BAD, payload=15_757_312)]  # fmt: skip
FOUND = Found(4, 5, 0.995, 0.1, (Inversion(1, 2),))
ANSWER = Answer(
    found=FOUND,
    good=replace(LAST, label="<b>|4"),
    bad=FIRST,
    candidates=(FIRST.label,),
    rows=ROWS,
    outcomes=(outcome("grown", BAD, WRAPPED), outcome("stage1", GOOD)),
    limit=15_735_808,
    conclusion="the cause is the payload size",
    earlier=(("kernel 1", "kernel 2"),),
)


class _Page(HTMLParser):
    """Notes what a page asks for and what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def result(
    title: str, boots: list[Seen] | None = None, answer: Answer | None = None,
    search: Search | None = None,
) -> HuntResult:  # fmt: skip
    """Return what came of a hunt; the good end is bad where nothing else is said."""
    lost = Search(3).observed(*(Observation(0, BAD, WRAPPED),) * 9)
    return HuntResult(title, search or lost, tuple(boots or ()), answer)


def test_page_shows_all_and_asks_for_nothing() -> None:
    text = hunt_html(result("a <title>", BOOTS, ANSWER))
    page = _Page()
    page.feed(text)
    assert page.tags.count("script") == 1  # what copies
    assert "b" not in page.tags  # a label is no markup
    assert all(link.startswith("#") for link in page.links if link)
    for words in ("The cause is the payload size.", "<b>|4", "kernel 9", "15,757,312",
                  "bad at kernel 1 too, and good again at kernel 2",
                  "10% of the boots gave a wrong verdict", "bootharness boot b/bzImage",
                  "bootharness boot a/bzImage", "console=ttyS0", "512 MiB", "UNKNOWN",
                  "block move"):  # fmt: skip
        assert words in page.text
    assert text.count("<use ") >= 2 * 4  # for a page, and for a phone
    assert re.findall(r'<svg [^>]*class="(\w+)"', text) == ["wide", "narrow"]
    assert "0102" not in re.sub(r"[^#]*(#\w+)|.", r"\1", text)
    lost = hunt_html(result("x"))
    assert "the good end is bad" in lost


def test_what_is_drawn_is_next_to_the_boundary() -> None:
    positions = [0, 1000, 500, 510, 511, 512, 513, 520, 600, 700]
    assert nearest(positions, 511.5, 4) == (510, 511, 512, 513)
    assert nearest(positions, 511.5, 100) == tuple(sorted(positions))
    assert nearest([3], 1.5, 6) == (3,)


def test_payloads_that_are_all_the_same_are_not_drawn() -> None:
    assert not hunt_plots([seen(at, GOOD, payload=4096) for at in range(3)], None)


def test_plot_calls_commits_by_their_digest() -> None:
    names = (f"{number:012x} drivers: the very same words" for number in range(160, 170))
    boots = [seen(at, GOOD, name, 16 * at + 16) for at, name in enumerate(names)]
    for plot in hunt_plots(boots, None):
        assert "0000000000a4" in plot
        assert "very same words" not in plot


def test_page_leaves_out_what_would_stand_there_twice() -> None:
    grown = [seen(size, GOOD if size < 3 else BAD, f"grown to {size:,}", size) for size in (2, 4)]
    assert ">payload, bytes</th>" not in hunt_html(result("x", grown, ANSWER))
    assert ">payload, bytes</th>" in hunt_html(result("x", BOOTS, ANSWER))


def test_page_shows_what_both_guests_have_said_and_obeys_neither() -> None:
    drawn = Picture(
        screen="Booting...\n<script>alert(1)</script>\x1b[31m", serial="Linux version 6"
    )
    text = hunt_html(replace(result("x", BOOTS, ANSWER), pictures=(Picture(), drawn)))
    shown = text[: text.index("last good</span>")]
    assert "Booting...\n&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m" in shown
    assert "Linux version 6" in shown
    assert "<pre" not in text[text.index("last good</span>") :]


def test_page_says_so_where_nothing_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    text = hunt_html(result("a title", BOOTS, ANSWER))
    assert "The cause is the payload size." in text
    assert "No chart: a chart is drawn by matplotlib" in text


def test_markdown_is_safe_in_a_table() -> None:
    text = hunt_markdown(result("a|b", BOOTS, ANSWER))
    assert "a\\|b" in text
    assert "| ✅ | &lt;b>\\|4 |  | 15,700,000 bytes |" in text
    assert "| ❔ | kernel 3 | build-failed |  |" in text
    assert "not found: the good end is bad" in hunt_markdown(result("x", BOOTS))


def test_terminal_names_every_candidate() -> None:
    output = StringIO()
    print_answer(replace(ANSWER, candidates=("one", "two")), output)
    assert "one of 2 candidates, and no boot could tell which: one, two" in output.getvalue()
    print_lost(Lost("no way", 9), BOOTS, output)
    assert output.getvalue().endswith("NOT FOUND  no way\n     kernel 9: it did\n")


def test_document_holds_everything() -> None:
    search = Search(10, any_cause=True)
    search = search.observed(*(each.observation for each in BOOTS))
    document = json.loads(json.dumps(hunt_document(result("title", BOOTS, ANSWER, search))))
    jsonschema.validate(document, hunt_schema())
    written = Path(__file__).parents[2] / "docs/bisect.schema.json"
    assert json.loads(written.read_text()) == json.loads(json.dumps(hunt_schema()))
    assert document["schema_version"] == 1
    assert len(document["boots"]) == len(BOOTS)
    assert document["answer"]["limit"] == 15_735_808


def test_picture_of_a_range() -> None:
    search = Search(101)
    assert picture(search, 11) == "·" * 11
    search = search.observed(Observation(100, BAD, WRAPPED), Observation(0, GOOD))
    for _ in range(4):
        search = search.observed(Observation(50, BAD, WRAPPED), Observation(20, GOOD))
    assert picture(search, 11) == "===··######"


def test_log_goes_on_after_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with HuntLog(path, {"of": 1}) as log:
        log.add(BOOTS[0])
        with pytest.raises(UsageError, match="being hunted already"):
            HuntLog(path, {"of": 1})
    with path.open("ab") as file:
        file.write(b'{"position": 4, "la')
    with HuntLog(path, {"of": 1}) as log:
        assert log.seen == [BOOTS[0]]
        log.add(BOOTS[1])
    with HuntLog(path, {"of": 1}) as log:
        assert log.seen == BOOTS[:2]
    with pytest.raises(UsageError, match="the log of another hunt"):
        HuntLog(path, {"of": 2})


def test_with_a_medium_of_which_no_kernel_was_seen_no_header_is_compared() -> None:
    good = loading_trace(130_048, [move(0x100000)])
    rows = {row.name: row for row in side_by_side(good, replace(good, kernel=None))}
    assert (rows["kernel"].good, rows["kernel"].bad) == ("6.1.0", "none was seen")
    assert "loadflags" not in rows
    nothing = replace(FIRST, payload_bytes=0)
    assert "payload size" not in said(bad=nothing)
