"""A gate as one HTML file that needs no network: the matrix, each boot, the trend of payloads.

What a boot looked like is in the file compressed, and drawn when somebody wants to see it:
so a thousand boots are one file that opens at once.
"""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.words import (
    WORDS,
    built_otherwise,
    fresh_and_cached,
    headline,
    kernel_name,
    projection,
    sentences,
    shared,
    worth_a_word,
)
from bootharness.gate.trend import trend
from bootharness.report.page import drawn, rendered
from bootharness.text import count, printable

__all__ = ["html"]

_PAGE = Path(__file__).parent / "page"
_MOST_NOTABLE = 8
"""Of what is to be looked at: the worst, so that the table of all is not far below."""


class _Row(Struct, frozen=True):
    number: int
    standing: Standing
    kernel: str
    way: str
    time: str
    tags: tuple[str, ...]
    sentences: tuple[str, ...]

    @property
    def label(self) -> str:
        """What a screen reader says of the cell."""
        parts = (WORDS[self.standing], self.kernel, self.way, self.time, *self.tags)
        return ", ".join(part for part in parts if part)


def html(outcome: GateOutcome, *, title: str = "Boot gate") -> str:
    """Return a gate, or what stands for one, as an HTML file."""
    rows = [_row(number, entry) for number, entry in enumerate(outcome.entries)]
    common = shared(outcome)
    notable = sorted(
        (
            replace(row, sentences=tuple(map(printable, sentences(entry, common))))
            for row, entry in zip(rows, outcome.entries, strict=True)
            if worth_a_word(entry, common)
        ),
        key=lambda row: -list(Standing).index(row.standing),
    )
    lines, ahead = trend(outcome)
    plot = ""
    if lines:
        from bootharness.gate.report.plot import trend_plot

        plot = drawn(lambda: trend_plot(lines, outcome.headroom, ahead))
    ways = tuple(dict.fromkeys(row.way for row in rows))
    values = {
        "title": title,
        "words": WORDS,
        "standing": outcome.standing,
        "headline": headline(outcome),
        "cached": fresh_and_cached(outcome),
        "versions": _versions(outcome),
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "patterns": [printable(sentence) for sentence in (*outcome.patterns, *common.values())],
        "notable": notable[:_MOST_NOTABLE],
        "more_notable": max(len(notable) - _MOST_NOTABLE, 0),
        "ways": ways,
        "lines": list(_lines(outcome, rows, ways)),
        "series": lines,
        "projections": [projection(each) for each in ahead],
        "trend": plot,
        "script": (_PAGE / "gate.js").read_text(),
        "data": _data(outcome, rows),
    }
    return rendered(_PAGE / "gate.html.j2", values)


def _row(number: int, entry: Entry) -> _Row:
    milestones = [*entry.result.decisive.facts.milestones.items()]
    return _Row(
        number=number,
        standing=entry.standing,
        kernel=printable(kernel_name(entry)),
        way=printable(entry.way),
        time=f"{milestones[-1][0]} {milestones[-1][1]:.2f} s" if milestones else "",
        tags=("flaky",) * entry.result.flaky + ("cached",) * entry.result.cached,
        sentences=tuple(printable(sentence) for sentence in sentences(entry)),
    )


def _lines(
    outcome: GateOutcome, rows: list[_Row], ways: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """Yield the matrix, a kernel in each line and a way of booting in each column."""
    by_kernel: dict[str, dict[str, _Row]] = {}
    for row, entry in zip(rows, outcome.entries, strict=True):
        by_kernel.setdefault(entry.result.cell.kernel, {})[row.way] = row
    for cells in by_kernel.values():
        known = [*cells.values()]
        entry = outcome.entries[known[0].number]
        payload = max(
            outcome.entries[row.number].result.decisive.facts.payload_bytes for row in known
        )
        yield {
            "kernel": max((row.kernel for row in known), key=len),
            "baseline": entry.baseline,
            "payload": count(payload, "byte") if payload else "",
            "cells": [cells.get(way) for way in ways],
        }


def _data(outcome: GateOutcome, rows: list[_Row]) -> str:
    """Return what the script draws from; nothing in it can end the element that it is in."""
    before = {
        entry.way: entry.result.decisive.facts.milestones
        for entry in outcome.entries
        if entry.baseline
    }
    cells = (
        {
            "standing": row.standing,
            "word": WORDS[row.standing],
            "kernel": row.kernel,
            "way": row.way,
            "sentences": row.sentences,
            "changes": built_otherwise(entry),
            "attempts": [
                printable(f"{number}: {each.cause or each.verdict}: {each.sentence}")
                for number, each in enumerate(entry.result.attempts, start=1)
            ],
            "milestones": entry.result.decisive.facts.milestones,
            "before": None if entry.baseline else before.get(entry.way),
            "again": entry.again,
            "picture": base64.b64encode(entry.result.decisive.picture).decode(),
        }
        for row, entry in zip(rows, outcome.entries, strict=True)
    )
    # one by one: together their pictures take tens of megabytes
    written = (json.dumps(cell, ensure_ascii=True).replace("<", "\\u003c") for cell in cells)
    return f"[{', '.join(written)}]"


def _versions(outcome: GateOutcome) -> str:
    found = {
        f"QEMU {facts.qemu_version}, {facts.accelerator}."
        for facts in (entry.result.decisive.facts for entry in outcome.entries)
        if facts.qemu_version
    }
    return " ".join(sorted(found))
