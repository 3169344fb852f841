"""A gate as one HTML file that needs no network: the matrix, each boot, the trend of payloads.

What a boot looked like is in the file compressed, and drawn when somebody wants to see it:
so a thousand boots are one file that opens at once.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bootharness.diagnosis.causes import CAUSES
from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.events import Happening
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.facts import common as common_facts
from bootharness.gate.report.facts import facts
from bootharness.gate.report.headline import fresh_and_reused, headline, totals
from bootharness.gate.report.notable import Row, notable_of, row_of, whose_failures
from bootharness.gate.report.pictured import pictured
from bootharness.gate.report.words import (
    WORDS,
    built_otherwise,
    day,
    event_said,
    payload,
    projection,
    sentences,
    share,
    shared,
)
from bootharness.gate.trend import trend
from bootharness.report.page import drawn, rendered
from bootharness.runs.how import Fact
from bootharness.runs.result import Attempt
from bootharness.text import count, printable

__all__ = ["html"]

_PAGE = Path(__file__).parent / "page"
_MOST_NOTABLE = 8
"""Of what is to be looked at: the worst, so that the table of all is not far below."""
_LEAST_FILTERED = 13
"""Kernels, or so many ways of booting: fewer are seen at a glance."""
_MOST_EVENTS = 12
_EVENTS = {
    Happening.FIRST_BAD: "bad",
    Happening.OTHER_CAUSE: "bad",
    Happening.FIXED: "good",
    Happening.LIMIT: "unknown",
    Happening.TOOLCHAIN: "unknown",
}
"""As what an event is coloured."""
_PASSING = (Standing.GOOD, Standing.WARNING)
_STANDINGS = {
    Verdict.GOOD: Standing.GOOD,
    Verdict.BAD: Standing.BAD,
    Verdict.SKIP: Standing.UNKNOWN,
}


def html(outcome: GateOutcome, *, title: str = "Boot gate") -> str:
    """Return a gate, or what stands for one, as an HTML file."""
    rows = [row_of(number, entry) for number, entry in enumerate(outcome.entries)]
    all_facts = [facts(outcome, entry) for entry in outcome.entries]
    common = shared(outcome)
    whose = whose_failures(outcome)
    notable = notable_of(outcome, rows, whose)
    lines, ahead = trend(outcome)
    plots: tuple[str, ...] = ()
    if lines:
        from bootharness.gate.report.plot import trend_plots

        plots = drawn(lambda: trend_plots(lines, outcome.headroom, ahead, outcome.events))
    ways = tuple(dict.fromkeys(row.way for row in rows))
    known = {entry.result.decisive.facts.sha256 for entry in outcome.entries}
    values = {
        "title": title,
        "words": WORDS,
        "past": outcome.past,
        "standing": outcome.standing,
        "headline": _counted(outcome) if outcome.past else headline(outcome),
        "booted": "" if outcome.past else fresh_and_reused(outcome),
        "patterns": [
            printable(sentence)
            for sentence in (
                *outcome.expired,
                *(each for each in outcome.patterns if each not in whose),
                *dict.fromkeys(common.values()),
            )
        ],
        "notable": notable[:_MOST_NOTABLE],
        "failing": sum(each.standing not in _PASSING for each in notable[:_MOST_NOTABLE]),
        "more_notable": max(len(notable) - _MOST_NOTABLE, 0),
        "facts": common_facts(_of_booted(outcome, all_facts)),
        "ways": ways,
        "standings": [
            each for each in reversed(Standing) if any(row.standing is each for row in rows)
        ],
        "filtered": len({entry.result.cell.kernel for entry in outcome.entries}) >= _LEAST_FILTERED,
        "lines": list(_lines(outcome, rows, ways)),
        "happened": [
            (day(each.at), each.what, _EVENTS[each.what], event_said(each))
            for each in reversed(outcome.events)
        ],
        "most_events": _MOST_EVENTS,
        "series": lines,
        "known": known,
        "projections": [projection(each) for each in ahead],
        "crossings": ahead,
        "plots": plots,
        "script": (_PAGE / "gate.js").read_text(),
        "data": _data(outcome, rows, all_facts),
    }
    return rendered(_PAGE / "gate.html.j2", values)


def _of_booted(outcome: GateOutcome, all_facts: list[tuple[Fact, ...]]) -> list[tuple[Fact, ...]]:
    """Return the facts of what was booted; of what was not there is no QEMU to tell."""
    booted = [
        known
        for known, entry in zip(all_facts, outcome.entries, strict=True)
        if entry.result.decisive.facts.qemu_version
    ]
    return booted or all_facts


def _counted(outcome: GateOutcome) -> str:
    return f"{count(len(outcome.entries), 'boot')}: {totals(outcome.entries)}"


def _lines(
    outcome: GateOutcome, rows: list[Row], ways: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """Yield the matrix, a kernel in each line and a way of booting in each column."""
    by_kernel: dict[str, dict[str, Row]] = {}
    order = list(Standing)
    for row, entry in zip(rows, outcome.entries, strict=True):
        by_kernel.setdefault(entry.result.cell.kernel, {})[row.way] = row
    for cells in by_kernel.values():
        known = [*cells.values()]
        entry = outcome.entries[known[0].number]
        largest = max(
            (outcome.entries[row.number] for row in known),
            key=lambda each: each.result.decisive.facts.payload_bytes,
        )
        yield {
            "kernel": max((row.kernel for row in known), key=len),
            "baseline": entry.baseline,
            "bytes": largest.result.decisive.facts.payload_bytes,
            "worst": max(order.index(row.standing) for row in known),
            "payload": payload(outcome, largest, " bytes"),
            "shares": _shares(outcome, known),
            "cells": [cells.get(way) for way in ways],
        }


def _shares(outcome: GateOutcome, rows: list[Row]) -> list[str]:
    """Say how much of each loader's limit a kernel takes up, the most first."""
    found = {
        entry.result.cell.plan.loader: share(outcome, entry)
        for entry in (outcome.entries[row.number] for row in rows)
    }
    return [
        printable(f"{percent} of what {Path(loader).name} can load")
        for loader, percent in found.items()
        if percent
    ]


def _data(outcome: GateOutcome, rows: list[Row], all_facts: list[tuple[Fact, ...]]) -> str:
    """Return what the script draws from; nothing in it can end the element that it is in."""
    kept = pictured(outcome)
    places: dict[Fact, int] = {}  # most facts are those of many boots
    cells = (
        {
            "standing": row.standing,
            "word": WORDS[row.standing],
            "kernel": row.kernel,
            "way": row.way,
            "facts": [places.setdefault(fact, len(places)) for fact in known],
            "again": row.again,
            "closer": _closer(row, entry),
            "sentences": [printable(sentence) for sentence in sentences(entry)],
            "cause": entry.result.decisive.cause,
            "changes": built_otherwise(entry),
            "attempts": [_attempt(each) for each in entry.result.attempts],
            "milestones": entry.result.decisive.facts.milestones,
            "before": _times(entry, outcome.baseline_of(entry)),
            "picture": base64.b64encode(entry.result.decisive.picture).decode()
            if row.number in kept
            else None,
        }
        for row, entry, known in zip(rows, outcome.entries, all_facts, strict=True)
    )
    found = {entry.result.decisive.cause for entry in outcome.entries}
    causes = {
        name: [cause.meaning, cause.evidence, cause.advice]
        for name, cause in CAUSES.items()
        if name in found
    }
    # one by one: together their pictures take tens of megabytes
    written = ", ".join(map(_json, cells))
    return f'{{"causes": {_json(causes)}, "cells": [{written}], "facts": {_json([*places])}}}'


def _closer(row: Row, entry: Entry) -> list[str]:
    """Return the commands that draw a bad boot's timeline: a gate keeps no boots."""
    if entry.result.verdict is not Verdict.BAD or not entry.result.decisive.facts.qemu_version:
        return []
    return [f"{row.again} --keep kept", "bootharness timeline kept --html boot.html"]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")


def _times(entry: Entry, baseline: Entry | None) -> dict[str, float] | None:
    """Return the baseline's times, where it was booted on the same kind of computer."""
    if not baseline or entry.result.decisive.profile != baseline.result.decisive.profile:
        return None
    return baseline.result.decisive.facts.milestones


def _attempt(attempt: Attempt) -> dict[str, Any]:
    standing = _STANDINGS[attempt.verdict]
    return {
        "standing": standing,
        "word": WORDS[standing],
        "said": printable(f"{attempt.cause}: " * bool(attempt.cause) + attempt.sentence),
        "seconds": attempt.seconds,
    }
