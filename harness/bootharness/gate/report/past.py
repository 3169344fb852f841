"""The history as a list, for people and as JSON."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bootharness.gate.axes import varying, way
from bootharness.gate.outcome import Entry
from bootharness.gate.report.terminal import STYLES, WIDE
from bootharness.gate.report.words import WORDS
from bootharness.runs.result import Past
from bootharness.text import printable

__all__ = ["PAST_SCHEMA_VERSION", "past_document", "print_past"]

PAST_SCHEMA_VERSION = 2


def print_past(pasts: Sequence[Past], output: TextIO) -> None:
    """Print results of the past, the oldest first; in colours on a terminal alone."""
    console = Console(file=output, highlight=False)
    if not console.is_terminal:
        console = Console(file=output, highlight=False, width=WIDE)
    if not pasts:
        console.print("there is no such boot in the history")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right")
    names = varying(past.result.cell for past in pasts)
    ways = any(way(past.result.cell, names) for past in pasts)
    for heading in ("when", "", "kernel", *(["boots by"] if ways else [])):
        table.add_column(heading, overflow="fold")
    table.add_column("payload", justify="right")
    table.add_column("cause, or reached", overflow="fold")
    for past in pasts:
        result = past.result
        standing = Entry(result, "").standing
        decisive = result.decisive
        milestones = [*decisive.facts.milestones.items()]
        reached = f"{milestones[-1][0]} {milestones[-1][1]:.2f} s" if milestones else ""
        size = decisive.facts.payload_bytes
        table.add_row(
            Text(str(past.id), style="dim"),
            datetime.fromtimestamp(past.made_at).strftime("%Y-%m-%d %H:%M"),
            Text(WORDS[standing], style=f"bold {STYLES[standing]}"),
            Text(printable(result.cell.kernel)),
            *([Text(printable(way(result.cell, names)))] if ways else []),
            f"{size:,}" if size else "",
            Text((decisive.cause or reached) + (", flaky" if result.flaky else "")),
        )
    console.print(table)


def past_document(pasts: Iterable[Past]) -> dict[str, Any]:
    """Return results of the past as plain values; pictures and traces are left out."""
    return {
        "schema_version": PAST_SCHEMA_VERSION,
        "results": [
            {
                "number": past.id,
                "made_at": past.made_at,
                "harness": past.harness,
                "key": past.result.key,
                "cell": msgspec.to_builtins(past.result.cell),
                "verdict": past.result.verdict,
                "flaky": past.result.flaky,
                "attempts": [
                    {
                        "verdict": attempt.verdict,
                        "cause": attempt.cause,
                        "sentence": attempt.sentence,
                        "seconds": attempt.seconds,
                        "facts": msgspec.to_builtins(attempt.facts),
                    }
                    for attempt in past.result.attempts
                ],
            }
            for past in pasts
        ],
    }
