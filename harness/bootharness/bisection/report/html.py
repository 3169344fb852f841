"""A hunt as one HTML file that needs no network: the answer, the range, every boot."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bootharness.bisection.answer import Answer, Side
from bootharness.bisection.bisect import HuntResult
from bootharness.bisection.culprit import Culprit
from bootharness.bisection.log import Seen
from bootharness.bisection.report.plot import hunt_plots
from bootharness.bisection.report.symbols import symbol_table
from bootharness.bisection.report.words import WORDS, Turn, certainty, stages, turn
from bootharness.diagnosis.verdict import Verdict
from bootharness.report.again import command
from bootharness.report.page import drawn, rendered
from bootharness.runs.how import Fact, plan_facts
from bootharness.text import printable

__all__ = ["hunt_html"]

_MOST_GROWTH = 100
_TEMPLATE = Path(__file__).with_name("hunt.html.j2")


def hunt_html(result: HuntResult) -> str:
    """Return the page."""
    answer, lost, seen = result.answer, result.lost, result.boots
    values = {
        "title": printable(result.title),
        "words": WORDS,
        "answer": answer,
        "certainty": certainty(answer) if answer else "",
        "lost": printable(lost.reason) if lost else "",
        "advice": printable(result.advice),
        "facts": [*_facts(result)],
        "sides": [*_sides(answer, result)] if answer else [],
        "rows": [row for row in answer.rows if row.differs] if answer else [],
        "culprit": _culprit(result.culprit) if result.culprit else None,
        "symbols": symbol_table(result.config, _MOST_GROWTH) if result.config else None,
        "columns": [each.name for each in _good_first(answer)] if answer else [],
        "stages": [(title, stage.boots) for title, stage in stages(result)],
        "sized": not all(_names_size(each) for _, of in stages(result) for each in of.boots),
        "plots": drawn(lambda: hunt_plots(seen, answer)),
    }
    return rendered(_TEMPLATE, values)


def _names_size(seen: Seen) -> bool:
    """Whether a kernel is called by its size, as grown ones are."""
    size = seen.facts.payload_bytes
    return not size or f"{size:,}" in seen.label or str(size) in seen.label


def _facts(result: HuntResult) -> Iterable[Fact]:
    yield "hunted", printable(result.hunted)
    if result.built:
        yield "built with", printable(result.built)
    yield from plan_facts(result.plan)
    known = {(each.facts.qemu_version, each.facts.accelerator) for each in result.boots}
    for version, accelerator in sorted(known):
        if version:
            yield "QEMU", f"{version}, {accelerator}"


def _sides(answer: Answer, result: HuntResult) -> Iterable[dict[str, Any]]:
    good, bad = result.pictures
    for each in turn(answer):
        side, picture = each.side, good if each.verdict is Verdict.GOOD else bad
        yield {
            "name": each.name,
            "css": str(each.verdict),
            "label": each.label,
            "sha256": _sha256(side, result.boots),
            "again": printable(command(side.source, result.plan)) if side.source else "",
            "folds": [
                (title, text)
                for title, text in (
                    ("Screen", _lines(picture.screen)),
                    ("Serial log", _lines(picture.serial)),
                    ("Evidence", _lines("\n".join(picture.evidence))),
                )
                if text
            ],
        }


def _good_first(answer: Answer) -> list[Turn]:
    return sorted(turn(answer), key=lambda each: each.verdict is not Verdict.GOOD)


def _culprit(culprit: Culprit) -> dict[str, Any]:
    """Return what is shown of a commit."""
    lines = (line for line in (culprit.fixes, culprit.regzbot) if line)
    return {
        "name": printable(f"{culprit.commit} {culprit.subject}"),
        "author": printable(f"{culprit.author}, {culprit.date}"),
        "diffstat": "\n".join(map(printable, culprit.diffstat)),
        "lines": "\n".join(map(printable, lines)),
        "letter": _lines(culprit.letter),
    }


def _lines(text: str) -> str:
    """Return what a guest wrote, fit to be shown."""
    return "\n".join(printable(line) for line in text.rstrip().splitlines())


def _sha256(side: Side, seen: Sequence[Seen]) -> str:
    return next((each.facts.sha256 for each in seen if each.source == side.source), "")
