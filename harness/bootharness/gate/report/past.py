"""The history as a list, for people and as JSON."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

import msgspec

from bootharness.gate.axes import varying, way
from bootharness.gate.events import Event
from bootharness.gate.outcome import Entry
from bootharness.gate.report.terminal import STYLES, print_events
from bootharness.gate.report.words import WORDS
from bootharness.report.lines import Words, say, say_rows
from bootharness.runs.result import Past
from bootharness.text import printable

__all__ = ["PAST_SCHEMA_VERSION", "past_document", "print_past"]

PAST_SCHEMA_VERSION = 2


def print_past(pasts: Sequence[Past], happened: Sequence[Event], output: TextIO) -> None:
    """Print results of the past and what has happened over the months, the oldest first; in
    colours on a terminal alone."""
    if not pasts:
        say(output, "there is no such boot in the history")
        return
    names = varying(past.result.cell for past in pasts)
    hosts = {past.result.decisive.host.name for past in pasts} - {""}
    rows: list[list[Words]] = []
    for past in pasts:
        result = past.result
        standing = Entry(result, "").standing
        decisive = result.decisive
        milestones = [*decisive.facts.milestones.items()]
        reached = f"{milestones[-1][0]} {milestones[-1][1]:.2f} s" if milestones else ""
        size = decisive.facts.payload_bytes
        rows.append(
            [
                (str(past.id), {"dim": True}),
                datetime.fromtimestamp(past.made_at).strftime("%Y-%m-%d %H:%M"),
                (WORDS[standing], {"fg": STYLES[standing], "bold": True}),
                printable(result.cell.kernel),
                printable(way(result.cell, names)),
                f"{size:,}" if size else "",
                (decisive.cause or reached) + (", flaky" if result.flaky else ""),
                (printable(decisive.host.name), {"dim": True}) if len(hosts) > 1 else "",
            ]
        )
    say_rows(output, rows, lead=5, right=(0, 5))
    print_events(happened, output)


def past_document(pasts: Iterable[Past], happened: Iterable[Event]) -> dict[str, Any]:
    """Return results of the past and what has happened as plain values; pictures and traces are
    left out."""
    return {
        "schema_version": PAST_SCHEMA_VERSION,
        "events": [msgspec.to_builtins(event) for event in happened],
        "results": [
            {
                "number": past.id,
                "uid": past.uid,
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
                        "host": msgspec.to_builtins(attempt.host),
                    }
                    for attempt in past.result.attempts
                ],
            }
            for past in pasts
        ],
    }
