"""What has changed from one gate to another, as one HTML file that needs no network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bootharness.gate.diff import GateDiff, Turn, Turned
from bootharness.gate.report.diff import TOLD, TURNS, headline, said, sides, told_of, was
from bootharness.gate.report.headline import bad_baseline
from bootharness.gate.report.next_steps import next_steps
from bootharness.gate.report.words import kernel_name
from bootharness.gate.series import short
from bootharness.report.page import rendered
from bootharness.text import count, printable

__all__ = ["diff_html"]

_TEMPLATE = Path(__file__).parent / "page" / "diff.html.j2"
_MOST_TOLD, _MOST_BOOTS = 24, 500
_VERDICTS = {0: ("GOOD", "good"), 1: ("BAD", "bad")}
_CSS = {
    Turn.BROKEN: "bad", Turn.OTHERWISE: "bad", Turn.LOST: "unknown", Turn.WARNED: "warning",
    Turn.FIXED: "good", Turn.HELD: "warning", Turn.KNOWN: "good",
}  # fmt: skip


def diff_html(diff: GateDiff, before: Path, after: Path) -> str:
    """Return the page of two gates, which were read from these files."""
    word, css = _VERDICTS.get(diff.exit_status, ("UNKNOWN", "unknown"))
    worse = [each for each in diff.turned if each.turn in TOLD]
    boots = [*_boots(diff)]
    bad = bad_baseline(diff.after)
    return rendered(
        _TEMPLATE,
        {
            "word": word,
            "css_class": css,
            "headline": headline(diff),
            "sides": printable(sides(diff, before, after)),
            "bad_baseline": printable(f"{after}: {bad}") if bad else "",
            "worse": [_told(each) for each in worse[:_MOST_TOLD]],
            "more_worse": len(worse[_MOST_TOLD:]),
            "others": [_line(each) for each in diff.turned if each.turn not in TOLD],
            "builds": [
                printable(f"{short(new)} is compared with {short(old)}") for old, new in diff.builds
            ],
            "boots": boots[:_MOST_BOOTS],
            "more_boots": len(boots[_MOST_BOOTS:]),
        },
    )


def _line(turned: Turned) -> dict[str, Any]:
    """Return what is said of any cells that have turned."""
    return {
        "word": TURNS[turned.turn][0],
        "css": _CSS.get(turned.turn, ""),
        "said": printable(said(turned)),
        "boots": count(len(turned.group.entries), "boot"),
    }


def _told(turned: Turned) -> dict[str, Any]:
    """Return what is said of cells for the worse: why, since which change, and what to do."""
    entry = turned.group.first
    several = len(turned.group.entries) > 1
    return {
        **_line(turned),
        "first": printable(", ".join(filter(None, (kernel_name(entry), entry.way))))
        if several
        else "",
        "sentences": [printable(sentence) for sentence in told_of(turned)],
        "changes": printable(", ".join(map(str, turned.changes))),
        "steps": [
            (what, printable(text)) for what, text in next_steps(turned.group) if what != "hold"
        ],
    }


def _boots(diff: GateDiff) -> Iterator[dict[str, str]]:
    """Yield every boot that has turned."""
    for each in diff.turned:
        for entry, old in zip(each.group.entries, each.before, strict=True):
            decisive = entry.result.decisive
            end = "" if each.turn is Turn.GONE else decisive.cause or str(decisive.verdict)
            yield {
                "word": TURNS[each.turn][0],
                "css": _CSS.get(each.turn, ""),
                "kernel": printable(kernel_name(entry)),
                "way": printable(entry.way),
                "end": printable("; ".join(filter(None, (end, was(each.turn, old))))),
            }
