"""The gate's HTML file in a browser: what people see of it, and what it must not do."""

import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.outcome import Change, Entry, GateOutcome, Remark
from bootharness.gate.report.html import html
from bootharness.predictor.headroom import Headroom
from bootharness.runs.cell import Cell
from bootharness.runs.picture import MemoryRange, Picture, pack
from bootharness.runs.result import Attempt, BootFacts, CellResult

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
)  # fmt: skip


def entry(number: int, verdict: Verdict, *, baseline: bool = False) -> Entry:
    facts = BootFacts(
        f"6.{number}.0-amd64", str(number), compression="zstd",
        payload_bytes=14_000_000 + 100_000 * number,
        milestones={"stage1": 0.2, "init": 1.0 + number},
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
    browser = shutil.which("chromium")
    if not browser:
        pytest.skip("not installed: chromium")
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
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
        "block move 242, wrapped", "descriptor ffff001c00930000", "INT 15h AH=87h, block move",
        "0.1 dhcp-discover", "Linux version </script>", "4.00 s (2.00)",
        "bootharness boot 'kernels/",
    ):  # fmt: skip
        assert expected in text, expected
    assert 'open=""' in seen[seen.index("<dialog") :][:200]
    assert "<title>BAD:" in seen


def test_the_page_needs_no_network_and_obeys_no_guest(page: Path) -> None:
    text = page.read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)[^\"']+", text.replace("xlink:", ""))
    assert not re.findall(r"@import|url\((?!#|data:)", text)
    assert "default-src 'none'" in text
    assert text.count("<script") == 2
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
        "amd64, zstd: the payload limit of no-carry.asm, 15,735,808 bytes, is projected to be "
        "crossed by Linux 6.18, 14.4 releases from the newest of these kernels"
    ) in text
    plot = text[text.index("<figure") : text.index("</figure>")]
    assert "no-carry.asm: 15,735,808 bytes" in plot
    assert "var(--bad)" in plot
    assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]\b", plot)


def test_where_no_trend_can_be_drawn_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    text = unescape(html(OUTCOME))
    assert "is projected to be crossed by Linux 6.18" in text
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
