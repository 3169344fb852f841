"""What a gate writes for others: read by what they read it with, whatever the guest has said."""

from pathlib import Path

import pytest
from lxml import etree
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.outcome import Change, Entry, GateOutcome, Remark
from bootharness.gate.report.junit import junit
from bootharness.gate.report.markdown import MARKER, annotations, markdown
from bootharness.runs.cell import Cell
from bootharness.runs.picture import Picture, pack
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Host

NASTY = "\x00\x1b[31m\x07 ]]> <b>&amp;</b> | `x` \U0001f427 \udcff \ufffe ::error::x %0A\r\n@all"
SERIAL = f"Linux version 6.1\n{NASTY}\nlast line\n"
FACTS = BootFacts("6.1", payload_bytes=16, milestones={"init": 1.5})
GOOD = Attempt(Verdict.GOOD, None, "reached init", 2.0, FACTS)
BAD = Attempt(
    Verdict.BAD,
    "kernel-panic",
    f"it said {NASTY}",
    1.0,
    FACTS,
    picture=pack(Picture(serial=SERIAL.replace("\udcff", ""), evidence=(NASTY[:20],))),
)
SKIP = Attempt(Verdict.SKIP, "tool-missing", "no QEMU")


def entry(*attempts: Attempt, **more: object) -> Entry:
    result = CellResult(Cell(f"a/{NASTY[1:5]}bzImage"), "key", attempts)
    return Entry(result, "mbr, 64 MiB", **more)  # type: ignore[arg-type]


OUTCOME = GateOutcome(
    (
        entry(GOOD, baseline=True),
        entry(GOOD, changes=(Change("payload", "16 bytes", "32 bytes"),)),
        entry(GOOD, remarks=(Remark("console", NASTY),)),
        entry(BAD, GOOD, GOOD),
        entry(BAD),
        entry(SKIP),
    ),
    patterns=(f"only mbr fails {NASTY}",),
    seconds=12.3456,
)


def parsed() -> "etree._Element":
    return etree.fromstring(junit(OUTCOME))


def test_junit_validates_against_the_common_schema() -> None:
    schema = etree.XMLSchema(etree.parse(Path("tests/gate/junit.xsd")))
    schema.assertValid(parsed())
    assert not schema.validate(etree.fromstring("<testsuites/>"))


def test_junit_counts_what_it_has() -> None:
    [suite] = parsed()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    assert len(suite.findall("testcase/failure")) == 1
    assert len(suite.findall("testcase/skipped")) == 1
    assert len(suite.findall("testcase/flakyFailure")) == 1


def test_junit_says_on_what_all_was_booted() -> None:
    facts = replace(FACTS, qemu_version="7.2.22", accelerator="tcg")
    hosts = Host("a\x00b", "EPYC"), Host("c", "EPYC")
    boots = [entry(replace(GOOD, facts=facts, host=host)) for host in hosts]
    suite = etree.fromstring(junit(GateOutcome((*boots, entry(SKIP)))))[0]
    said = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert {name: said[name] for name in ("host", "cpu", "qemu", "accelerator")} == {
        "host": "a\\x00b, c", "cpu": "EPYC", "qemu": "7.2.22", "accelerator": "tcg",
    }  # fmt: skip
    assert [each.text.splitlines()[1] for each in suite.findall("testcase/system-out")][:2] == [
        "computer: a\\x00b, EPYC", "computer: c, EPYC",
    ]  # fmt: skip


def test_junit_keeps_what_a_guest_says_readable_and_harmless() -> None:
    text = junit(OUTCOME)
    assert text.isascii()
    [failure] = parsed().iter("failure")
    assert failure.get("type") == "kernel-panic"
    assert failure.text
    assert "\\x00\\x1b[31m\\x07 ]]> <b>&amp;</b>" in failure.text
    assert "\U0001f427" in failure.text
    assert "last line" in failure.text
    assert "reproduce: bootharness boot 'a/" in failure.text


def test_markdown_has_a_row_for_each_cell_and_shows_words_as_they_are() -> None:
    text = markdown(OUTCOME)
    assert text.startswith(MARKER)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(OUTCOME.entries)
    for row in rows:
        assert row.replace("\\|", "").count("|") == 7
    assert "<b>" not in text
    assert "\x1b" not in text
    assert "only mbr fails" in text
    assert "| | kernel | boots by | payload | reached | |" in text.replace("|  |", "| |")
    alone = markdown(GateOutcome((replace(OUTCOME.entries[0], way="", baseline=False),)))
    assert "|  | kernel | payload | reached |\n" in alone
    many = replace(OUTCOME, entries=OUTCOME.entries[:2] * 500)
    assert len(markdown(many)) < 65_536


def test_annotations_are_one_command_each() -> None:
    lines = list(annotations(OUTCOME))
    levels = [line.partition(" ")[0] for line in lines]
    assert levels == ["::error", "::warning", "::warning"]
    for line in lines:
        assert "\n" not in line
        assert "\r" not in line
        assert "%250A" in line or "no QEMU" in line


@pytest.mark.parametrize("kind", ["junit", "markdown"])
def test_nothing_of_somebody_elses_is_written_over(kind: str, tmp_path: Path) -> None:
    from tests.support.processes import run

    mine = tmp_path / "mine"
    mine.write_text("my own notes")
    done = run("gate", "selfcheck:64", f"--{kind}", mine)
    assert done.returncode == 129
    assert "so it is not written over" in done.stderr
    assert mine.read_text() == "my own notes"


def test_what_several_boots_have_is_said_once() -> None:
    common, own = Remark("console", "new on the console: BUG"), Remark("speed", "slower")
    both = entry(GOOD, remarks=(common,)), entry(GOOD, remarks=(common, own))
    text = markdown(GateOutcome(both))
    assert text.count("new on the console: BUG") == 1
    assert "- in 2 boots: new on the console: BUG" in text
    assert text.count("**WARN ") == 1
    assert "- slower" in text
