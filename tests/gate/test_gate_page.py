"""The gate's HTML file in a browser: what people see of it, and what it must not do."""

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterable
from html import unescape
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.outcome import Change, Entry, GateOutcome, Remark
from bootharness.gate.report.html import html
from bootharness.plan import DEFAULT_CMDLINE, BootPlan
from bootharness.predictor.headroom import Headroom
from bootharness.report.legend import LEGEND
from bootharness.runs.cell import Cell
from bootharness.runs.picture import MemoryRange, Picture, pack
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Host
from bootharness.trace.milestones import MILESTONES
from tests.support.browser import (
    TEXTS_ON_EACH_OTHER,
    WIDER_THAN_THE_WINDOW,
    browser,
    chromium,
)

NASTY = (
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    "\x1b[31m \U0001f427"
)
PICTURE = Picture(
    memory_bytes=512 << 20,
    ranges=(MemoryRange("protected-mode kernel", 0x100000, 0x1001E00),
            MemoryRange("block move 242, wrapped", 0x1C00, 0x11A00, stray=True)),
    moves=((0xFF1E00, 0xFE00, 0xFF1E00), (0x001C00, 0xFE00, 0x1001C00)),
    evidence=("descriptor ffff001c00930000",), calls=("INT 15h AH=87h, block move",),
    packets=("0.1 dhcp-discover",), serial=f"Linux version {NASTY}\n",
    screen=f"Booting from Hard Disk...\nDisk error 17 {NASTY}",
)  # fmt: skip


def entry(number: int, verdict: Verdict, *, baseline: bool = False) -> Entry:
    facts = BootFacts(
        f"6.{number}.0-amd64", str(number), compression="zstd",
        payload_bytes=14_000_000 + 100_000 * number,
        milestones={"stage1": 0.2, "init": 1.0 + number}, qemu_version="7.2.22",
        accelerator="tcg",
    )  # fmt: skip
    cause = "destination-wrapped" if verdict is Verdict.BAD else None
    attempt = Attempt(verdict, cause, f"it said {NASTY}", 2.0, facts, picture=pack(PICTURE))
    result = CellResult(Cell(f"kernels/{NASTY[:9]}-{number}"), str(number), (attempt,))
    remark = () if baseline else (Remark("console", NASTY),)
    return Entry(result, "mbr", baseline, (Change("payload", "1", "2"),), remark)


OUTCOME = GateOutcome(
    (entry(1, Verdict.GOOD, baseline=True), entry(2, Verdict.GOOD), entry(3, Verdict.BAD)),
    headroom=(Headroom("k", "a/no-carry.asm", "payload", "byte", 1, 15_735_808),),
    patterns=(f"only mbr fails {NASTY}",),
)


def opened(file: Path, fragment: str, profile: Path, width: int = 1280) -> tuple[str, str]:
    """Return the page's elements after its script has run, and what the browser complains of."""
    done = subprocess.run(
        [
            chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", f"--window-size={width},900", "--enable-logging=stderr",
            "--virtual-time-budget=5000", "--dump-dom", f"{file.as_uri()}{fragment}",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(complaints)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "gate.html"
    file.write_text(html(OUTCOME))
    return file


def test_a_boot_is_drawn_when_it_is_chosen(page: Path, tmp_path: Path) -> None:
    seen, complaints = opened(page, "#cell-2", tmp_path)
    assert not complaints
    text = unescape(re.sub(r"<[^>]*>", " ", seen[seen.index("<dialog") : seen.index("<noscript")]))
    for expected in (
        "Block move 1 wrapped: it went to 0x001c00 instead of 0x1001c00",
        "Disk error 17", "What the diagnosis rests on", "What destination-wrapped means",
        "SHA-256", "512 MiB", "console=ttyS0", "mbr: ", "QEMU",
        "block move 242, wrapped", "descriptor ffff001c00930000", "INT 15h AH=87h, block move",
        "0.1 dhcp-discover", "Linux version </script>", "4.00 s (2.00)",
        "bootharness boot 'kernels/", "bootharness timeline kept",
    ):  # fmt: skip
        assert expected in text, expected
    assert 'open=""' in seen[seen.index("<dialog") :][:200]
    assert "<title>BAD:" in seen
    good, _ = opened(page, "#cell-1", tmp_path / "good")
    assert "bootharness boot" in good[good.index("<dialog") :]
    assert "timeline kept" not in good[good.index("<dialog") : good.index("<noscript")]


def test_the_page_needs_no_network_and_obeys_no_guest(page: Path) -> None:
    text = page.read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)[^\"']+", text.replace("xlink:", ""))
    assert not re.findall(r"@import|url\((?!#|data:)", text)
    assert "default-src 'none'" in text
    # what hides and shows the table, what is drawn from, what copies, what draws
    assert text.count("<script") == 5
    assert "<img" not in text
    assert "\x1b" not in text


def test_everything_has_a_name(page: Path) -> None:
    text = page.read_text()
    labels = re.findall(r'<button class="cell[^>]*aria-label="([^"]+)"', text)
    assert len(labels) == 3
    assert labels[0].startswith("GOOD, kernels/")
    for svg in re.findall(r"<svg [^>]*>", text):
        assert "aria-label" in svg or "aria-hidden" in svg, svg
    assert '<html lang="en">' in text
    assert 'name="viewport"' in text


def test_the_trend_says_which_version_is_too_large(page: Path) -> None:
    text = unescape(page.read_text())
    assert (
        "At this growth an amd64 kernel (zstd) outgrows no-carry.asm around Linux 6.18 "
        "(3 kernels, 6.1 to 6.3; rough)."
    ) in text
    plot = text[text.index("<figure") : text.index("</figure>")]
    assert "limit of no-carry.asm" in plot
    assert re.findall(r'<svg [^>]*class="(\w+)"', plot) == ["wide", "narrow"]
    assert "var(--bad)" in plot
    assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]\b", plot)


def test_ids_are_there_once(page: Path) -> None:
    ids = re.findall(r'\sid="([^"]+)"', page.read_text())
    assert len(ids) == len(set(ids))


def test_every_point_of_the_chart_is_in_a_table_with_where_it_is_from() -> None:
    past = BootFacts("6.0.0-amd64", "0", compression="zstd", payload_bytes=13_900_000)
    text = unescape(html(replace(OUTCOME, builds=(past,))))
    table = text[text.index("The same as a table") : text.index("</main>")]
    rows = [re.sub(r"<[^>]*>", "|", row) for row in table.split("<tr>")[2:]]
    assert len(rows) == 5
    assert "6.0.0-amd64||13,900,000||before, in your history" in rows[0]
    assert "6.3.0-amd64||14,300,000||now" in rows[3]
    assert "15,735,808||never: a projection" in rows[4]


def test_the_page_says_at_its_top_how_all_were_booted(page: Path) -> None:
    text = unescape(page.read_text())
    top = text[text.index('id="with"') : text.index('id="cells"')]
    facts = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", top))
    assert facts["loader"] == "stage1"
    assert facts["memory"] == "512 MiB"
    assert facts["command line"] == DEFAULT_CMDLINE
    assert facts["QEMU"] == "7.2.22, tcg"
    assert facts["route"].startswith("mbr: ")
    assert "kernel" not in facts  # there are three
    unknown = Attempt(Verdict.SKIP, "kernel-unavailable", "no such package")
    none = replace(
        OUTCOME.entries[0], result=replace(OUTCOME.entries[0].result, attempts=(unknown,))
    )
    assert "<dt>QEMU</dt><dd>7.2.22, tcg</dd>" in html(GateOutcome((none, *OUTCOME.entries)))
    only = html(GateOutcome(OUTCOME.entries[:1]))
    assert "<dt>SHA-256</dt><dd>1</dd>" in only


def test_our_words_are_explained_before_they_are_used(page: Path) -> None:
    text = page.read_text()
    words = re.findall(r"<dt>([^<]*)</dt>", text[: text.index("<main>")])
    assert {"block move", "payload", "init_size", "cell", "milestones"} <= set(words)
    milestones = dict(LEGEND)["milestones"]
    assert all(name in milestones for name in MILESTONES)


FOCUSED = "document.activeElement.id || document.activeElement.className"


def said(selector: str) -> str:
    """Return an expression that waits for what an element says."""
    return (
        "new Promise((done) => { const look = () => { const said = document.querySelector("
        f"'{selector}')?.textContent; said ? done(said) : setTimeout(look, 20); }}; look(); }})"
    )


def test_a_boot_is_opened_read_copied_and_closed_by_keys_alone(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as opened_page:
        opened_page.open(page.as_uri())
        opened_page.value("document.getElementById('cell-1').focus()")
        opened_page.press("Enter")
        assert "WARN" in opened_page.value(said("#boot-title"))
        for _ in range(9):
            opened_page.press("Tab")
            if opened_page.value(FOCUSED) == "copy":
                break
        opened_page.press("Enter")
        assert opened_page.value(said("dialog .copied")) == "copied"
        opened_page.press("Escape")
        assert opened_page.value(FOCUSED) == "cell-1"


def test_a_command_on_the_page_itself_is_copied(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as opened_page:
        opened_page.open(page.as_uri())
        opened_page.value("document.querySelector('li .copy').focus()")
        opened_page.press("Enter")
        assert opened_page.value(said("li .copied")) == "copied"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_and_no_words_lie_on_others(width: int, tmp_path: Path) -> None:
    sizes = (11_100_000, 11_300_000, 11_686_400, 12_900_000)
    past = tuple(
        BootFacts(f"5.{15 + at}.3-{flavour}", f"{flavour}{at}", compression="zstd",
                  payload_bytes=size - less)
        for at, size in enumerate(sizes) for flavour, less in (("amd64", 0), ("cloud", 2_000_000))
    )  # fmt: skip
    own = replace(OUTCOME.entries[0].result.attempts[0].facts, release="6.1.3-cloud", sha256="c")
    attempt = replace(OUTCOME.entries[0].result.attempts[0], facts=own)
    more = replace(OUTCOME.entries[0].result, attempts=(attempt,))
    limits = {"a/no-carry.asm": 15_735_808, "mine.asm": 15_700_000}
    loaders = (replace(OUTCOME.headroom[0], loader=name, limit=limits[name]) for name in limits)
    outcome = GateOutcome((*OUTCOME.entries, Entry(more, "ipxe, to init, 64 MiB")), tuple(loaders),
                          OUTCOME.patterns, builds=past)  # fmt: skip
    file = tmp_path / "gate.html"
    file.write_text(html(outcome))
    with browser(tmp_path / "profile", width) as opened_page:
        opened_page.open(file.as_uri())
        assert opened_page.value("innerWidth") == width
        assert opened_page.value(WIDER_THAN_THE_WINDOW) == []
        many, smallest, on_others = opened_page.value(TEXTS_ON_EACH_OTHER)
        assert many > 10
        assert smallest > 10  # pixels: else nobody can read it
        assert on_others == []
        opened_page.value("document.getElementById('cell-2').click()")
        assert opened_page.value(said("#boot-title"))
        assert opened_page.value(WIDER_THAN_THE_WINDOW) == []


def test_attempts_are_a_list_each_with_its_verdict(tmp_path: Path) -> None:
    bad, good = (OUTCOME.entries[at].result.attempts[0] for at in (2, 1))
    result = replace(OUTCOME.entries[2].result, attempts=(bad, good, bad))
    file = tmp_path / "flaky.html"
    file.write_text(html(GateOutcome((replace(OUTCOME.entries[2], result=result),))))
    seen, complaints = opened(file, "#cell-0", tmp_path / "profile")
    assert not complaints
    listed = seen[seen.index('class="attempts"') :]
    assert re.findall(r"badge (\w+)", listed[: listed.index("</ol>")]) == ["bad", "good", "bad"]


def test_results_of_the_past_are_not_judged_together() -> None:
    text = html(replace(OUTCOME, past=True), title="Boot history")
    head = text[: text.index("<main>")]
    assert "<title>Boot history</title>" in head
    assert "badge" not in head[head.index("<h1>") :]
    assert "3 boots: 1 good, 1 good with a warning, 1 bad." in head


def test_what_is_to_be_said_of_several_boots_is_said_once() -> None:
    bad = OUTCOME.entries[2]
    text = html(GateOutcome((bad, replace(bad, way="direct"), replace(bad, way="ipxe"))))
    listed = text[text.index('id="look"') : text.index('id="cells"')]
    assert listed.count("<li>") == 1
    assert listed.count("<a href") == 3
    assert listed.count("destination-wrapped: it said") == 1


def test_where_no_trend_can_be_drawn_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    text = unescape(html(OUTCOME))
    assert "around Linux 6.18" in text
    plot = text[text.index("<figure") : text.index("</figure>")]
    assert "No chart: " in plot
    assert "pip install 'bootharness[plots]'" in plot


def test_the_worst_is_to_be_looked_at_first() -> None:
    bad = OUTCOME.entries[2]
    warned = [
        replace(OUTCOME.entries[1], remarks=(Remark("console", f"own trouble {number}"),))
        for number in range(20)
    ]
    text = html(GateOutcome((*warned, bad)))
    listed = text[text.index('id="look"') : text.index('id="cells"')]
    assert re.findall(r'class="badge (\w+)"', listed) == ["bad", *["warning"] * 7]
    assert "and 13 more, in the table" in listed


def test_a_thousand_boots_are_one_small_file() -> None:
    many = GateOutcome(OUTCOME.entries * 334, headroom=OUTCOME.headroom)
    assert len(html(many)) < 4_000_000


def test_of_too_many_boots_to_open_those_are_drawn_that_are_not_good(tmp_path: Path) -> None:
    """What a page has no room for is said where it would be."""
    picture = random.Random(1).randbytes(1 << 20)
    entries = []
    for number in range(40):
        bad = number > 30
        cause = "kernel-panic" if bad else None
        verdict = Verdict.BAD if bad else Verdict.GOOD
        attempt = Attempt(verdict, cause, "said", picture=picture)
        cell = Cell(f"k-{number}", BootPlan(route="direct"))
        entries.append(Entry(CellResult(cell, "", (attempt,)), ""))
    outcome = GateOutcome(tuple(entries))
    text = html(outcome)
    [data] = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    drawn = [at for at, cell in enumerate(json.loads(data)["cells"]) if cell["picture"]]
    assert drawn == [*range(7), *range(31, 40)]
    assert len(text) < 25_000_000
    page = tmp_path / "page.html"
    page.write_text(text)
    with browser(tmp_path / "profile") as opened:
        opened.open(f"{page.as_uri()}#cell-20")
        said = opened.value("document.getElementById('boot-content').textContent")
    assert "What it looked like is not in this page" in said


NUMBERS = [7 * number % 20 for number in range(20)]
"""The versions of a large gate's kernels, in the order of the gate."""


def _payload(number: int) -> int:
    return (3 * number % 20 + 1) << 20


def large() -> GateOutcome:
    """Twenty kernels in two ways, of which the last five versions fail in one."""
    entries = []
    for number in NUMBERS:
        for way, route in (("mbr", "mbr"), ("direct, 64 MiB", "direct")):
            bad = number >= 15 and way == "mbr"
            facts = BootFacts(f"6.{number}.0", str(number), payload_bytes=_payload(number))
            attempt = Attempt(
                Verdict.BAD if bad else Verdict.GOOD, "kernel-panic" if bad else None, "said",
                facts=facts,
            )  # fmt: skip
            cell = Cell(f"many/v-6.{number}", BootPlan(route=route))
            entries.append(Entry(CellResult(cell, f"{number}{way}", (attempt,)), way))
    return GateOutcome(tuple(entries))


@pytest.mark.parametrize(("cpu", "drawn"), [("EPYC", {"init": 1.0}), ("486", None)])
def test_the_baseline_s_times_are_drawn_beside_those_of_the_same_kind_of_computer(
    cpu: str, drawn: dict[str, float] | None
) -> None:
    entries = []
    for kernel, own, seconds in (("old", "EPYC", 1.0), ("new", cpu, 2.0)):
        attempt = Attempt(Verdict.GOOD, None, "said", facts=BootFacts(milestones={"init": seconds}),
                          host=Host("a", own))  # fmt: skip
        entries.append(Entry(CellResult(Cell(kernel), "", (attempt,)), "", kernel == "old"))
    text = html(GateOutcome(tuple(entries)))
    [data] = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert json.loads(data)["cells"][1]["before"] == drawn


SEEN = """
({
  kernels: [...document.querySelectorAll(".matrix tbody tr")].filter((row) => !row.hidden)
    .map((row) => row.dataset.kernel.split(" ")[0]),
  ways: [...document.querySelectorAll(".matrix thead th")].filter((cell) => !cell.hidden)
    .map((cell) => cell.textContent),
  cells: [...document.querySelectorAll(".matrix [data-cell]")]
    .filter((cell) => cell.checkVisibility() && !cell.closest(".other")).length,
  count: document.getElementById("filter-count").textContent,
})
"""
"""What one sees of the table: its kernels and ways, and how many cells stand out."""


def chosen(name: str, value: str) -> str:
    """Return what chooses a value of the filter as a person does."""
    element = f"document.getElementById('filter-{name}')"
    kind = "input" if name == "words" else "change"
    return f"{element}.value = {value!r}; {element}.dispatchEvent(new Event({kind!r}))"


@pytest.mark.parametrize("width", [390, 1400])
def test_a_large_table_is_filtered_and_sorted(width: int, tmp_path: Path) -> None:
    file = tmp_path / "gate.html"
    file.write_text(html(large()))

    def named(numbers: Iterable[int]) -> list[str]:
        return [f"many/v-6.{number}" for number in numbers]

    failing = [number for number in NUMBERS if number >= 15]
    passing = [number for number in NUMBERS if number < 15]
    with browser(tmp_path / "profile", width) as page_of_it:
        page_of_it.open(file.as_uri())
        assert page_of_it.value(SEEN) == {
            "kernels": named(failing), "ways": ["kernel", "mbr"], "cells": 5,
            "count": "5 of 20 kernels, 5 boots",
        }  # fmt: skip
        page_of_it.value(chosen("words", "PANIC v-6.17"))
        assert page_of_it.value(SEEN)["kernels"] == ["many/v-6.17"]
        page_of_it.value(chosen("words", "v-6.1"))
        page_of_it.value(chosen("standing", "good"))
        assert page_of_it.value(SEEN) == {
            "kernels": named(number for number in NUMBERS if number == 1 or number > 9),
            "ways": ["kernel", "mbr", "direct, 64 MiB"],
            "cells": 17, "count": "11 of 20 kernels, 17 boots",
        }  # fmt: skip
        page_of_it.value(chosen("words", "nothing of this kind"))
        assert page_of_it.value(SEEN)["count"] == "0 of 20 kernels, 0 boots"
        page_of_it.value(chosen("words", ""))
        page_of_it.value(chosen("standing", ""))
        orders = {
            "worst": named([*failing, *passing]),
            "kernel": named(range(20)),  # 6.10 behind 6.9
            "bytes": named(sorted(NUMBERS, key=_payload, reverse=True)),
            "order": named(NUMBERS),
        }
        for order, kernels in orders.items():
            page_of_it.value(chosen("order", order))
            assert page_of_it.value(SEEN)["kernels"] == kernels, order
        assert page_of_it.value(WIDER_THAN_THE_WINDOW) == []


def test_a_small_table_has_no_filter() -> None:
    assert 'id="filter"' in html(large())
    assert 'id="filter"' not in html(OUTCOME)


def test_whose_a_failure_is_stands_with_it() -> None:
    outcome = replace(large(), patterns=("from v-6.15 on (5 kernels): only mbr fails", "another"))
    text = html(outcome)
    listed = text[text.index('id="look"') : text.index('id="cells"')]
    first = listed[listed.index("<li>") : listed.index("</li>")]
    assert "<p>only mbr fails</p>" in first
    assert re.findall(r'<li class="pattern">(.*?)</li>', listed) == ["another"]
