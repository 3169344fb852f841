"""A gate as one HTML file that needs no network: the matrix, each boot, the trend of payloads.

What a boot looked like is in the file compressed, and drawn when somebody wants to see it:
so a thousand boots are one file that opens at once.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from bootharness.diagnosis.causes import CAUSES
from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.events import Happening
from bootharness.gate.groups import Group, groups
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.past import superseded
from bootharness.gate.report.facts import common as common_facts
from bootharness.gate.report.facts import facts
from bootharness.gate.report.next_steps import next_steps
from bootharness.gate.report.pictured import pictured
from bootharness.gate.report.words import (
    WORDS,
    built_otherwise,
    day,
    event_said,
    fresh_and_reused,
    headline,
    kernel_name,
    payload,
    projection,
    reached,
    sentences,
    share,
    shared,
    totals,
    worth_a_word,
)
from bootharness.gate.since import Course
from bootharness.gate.trend import trend
from bootharness.report.page import drawn, rendered
from bootharness.runs.how import Fact
from bootharness.runs.result import Attempt
from bootharness.text import count, printable

__all__ = ["html"]

_PAGE = Path(__file__).parent / "page"
_MOST_NOTABLE = 8
"""Of what is to be looked at: the worst, so that the table of all is not far below."""
_MOST_TOGETHER = 12
_MOST_EXAMPLES = 3
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


class _Row(Struct, frozen=True):
    number: int
    standing: Standing
    kernel: str
    way: str
    came: str
    tags: tuple[str, ...]
    again: str

    @property
    def label(self) -> str:
        """What a screen reader says of the cell."""
        parts = (WORDS[self.standing], self.kernel, self.way, self.came, *self.tags)
        return ", ".join(part for part in parts if part)


class _Notable(Struct, frozen=True):
    """What there is to say of one boot, or of several alike: ``title`` where that needs one, and
    ``steps`` are what to do next, each with what it is for."""

    standing: Standing
    rows: tuple[_Row, ...]
    more: int
    sentences: tuple[str, ...]
    title: str = ""
    steps: tuple[tuple[str, str], ...] = ()


def html(outcome: GateOutcome, *, title: str = "Boot gate") -> str:
    """Return a gate, or what stands for one, as an HTML file."""
    rows = [_row(number, entry) for number, entry in enumerate(outcome.entries)]
    all_facts = [facts(outcome, entry) for entry in outcome.entries]
    common = shared(outcome)
    whose = _whose(outcome)
    notable = _notable(outcome, rows, whose)
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
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
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


def _row(number: int, entry: Entry) -> _Row:
    came, cause = reached(entry), entry.result.decisive.cause
    if cause:
        came = f"{cause} after {came}" if came else cause
    return _Row(
        number=number,
        standing=entry.standing,
        kernel=printable(kernel_name(entry)),
        way=printable(entry.way),
        came=came if cause or not came else f"reached {came}",
        tags=_course(entry) + ("flaky",) * entry.result.flaky + ("reused",) * entry.result.cached,
        again=printable(entry.again),
    )


def _course(entry: Entry) -> tuple[str, ...]:
    if entry.since is None:
        return ()
    return ("still failing" if entry.since.course is Course.STILL else str(entry.since.course),)


def _whose(outcome: GateOutcome) -> dict[str, Group]:
    """Return the patterns that say whose a failure is, each with the worst group of its kernels."""
    failing = [each for each in groups(outcome) if each.standing is not Standing.UNKNOWN]
    found = {}
    for pattern in outcome.patterns:
        for group in failing:
            if pattern.startswith(f"{group.fold.kernels}: "):
                found[pattern] = group
                break
    return found


def _notable(outcome: GateOutcome, rows: list[_Row], whose: Mapping[str, Group]) -> list[_Notable]:
    """Return what is to be looked at, a bad baseline first, then the worst; boots of which the
    same is said together."""
    common = shared(outcome)
    places = {id(entry): number for number, entry in enumerate(outcome.entries)}
    failing = groups(outcome)
    old = superseded(outcome) if outcome.past else frozenset()
    found = []
    for group in failing:
        known = [said.removeprefix(f"{group.fold.kernels}: ") for said, own in whose.items()
                 if own.entries == group.entries]  # fmt: skip
        its = [rows[places[id(entry)]] for entry in group.entries]
        may_be_held = not old.issuperset(group.fold.sources)
        found.append(_failing(group, its, known, common, held=may_be_held))
    together = {id(entry) for each in failing for entry in each.entries}
    alike: dict[tuple[bool, Standing, tuple[str, ...]], list[_Row]] = defaultdict(list)
    for row, entry in zip(rows, outcome.entries, strict=True):
        if id(entry) not in together and worth_a_word(entry, common):
            said = tuple(map(printable, sentences(entry, common)))
            alike[entry.baseline, entry.standing, said].append(row)
    order = list(Standing)
    for (baseline, standing, said), same in sorted(
        alike.items(), key=lambda each: (not each[0][0], -order.index(each[0][1]))
    ):
        shown, more = tuple(same[:_MOST_TOGETHER]), max(len(same) - _MOST_TOGETHER, 0)
        steps: tuple[tuple[str, str], ...] = ()
        if standing in (Standing.BAD, Standing.UNKNOWN):
            steps = (("reproduce", same[0].again),)
        title = "the baseline" if baseline else ""
        told = _Notable(standing, shown, more, said, title, steps)
        if baseline and standing in (Standing.BAD, Standing.UNKNOWN):
            found.insert(0, told)
        else:
            found.append(told)
    return found


def _failing(
    group: Group, rows: list[_Row], whose: list[str], common: Container[str], *, held: bool
) -> _Notable:
    """Return what there is to say of cells that fail alike: of the first of them, ``whose`` it is,
    and what its cause asks for. What need not be ``held``, for a later kernel is there, is not."""
    cause = CAUSES.get(group.cause or "")
    said = [printable(sentence) for sentence in (*sentences(group.first, common), *whose)]
    if cause and group.standing is not Standing.UNKNOWN:
        said.append(f"What to do: {cause.advice}")
    alone = len(rows) == 1
    return _Notable(
        group.standing,
        tuple(rows[: 1 if alone else _MOST_EXAMPLES]),
        max(len(rows) - _MOST_EXAMPLES, 0),
        tuple(said),
        "" if alone else printable(f"{group.said} ({count(len(rows), 'boot')})"),
        tuple(
            (what, _printable_lines(text))
            for what, text in next_steps(group)
            if held or what != "hold"
        ),
    )


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _lines(
    outcome: GateOutcome, rows: list[_Row], ways: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """Yield the matrix, a kernel in each line and a way of booting in each column."""
    by_kernel: dict[str, dict[str, _Row]] = {}
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


def _shares(outcome: GateOutcome, rows: list[_Row]) -> list[str]:
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


def _data(outcome: GateOutcome, rows: list[_Row], all_facts: list[tuple[Fact, ...]]) -> str:
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
