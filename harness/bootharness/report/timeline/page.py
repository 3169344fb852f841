"""A timeline as one HTML file that needs no network."""

import json
from pathlib import Path
from typing import Any

from bootharness.diagnosis import Judgement
from bootharness.report.page import rendered
from bootharness.report.timeline.event import Event, Seen
from bootharness.report.timeline.lanes import Lane, lanes
from bootharness.text import count, printable

__all__ = ["timeline_html"]

_HERE = Path(__file__).parent
_STANDINGS = {"good": "good", "bad": "bad", "skip": "unknown"}


def timeline_html(seen: Seen, judgement: Judgement, debug: str = "") -> str:
    """Return the page of a boot; ``debug`` is the command that opens it in gdb, up to ``--at``,
    empty where there is none."""
    trace, found = seen.trace, lanes(seen, judgement)
    recorded = trace.recorded if seen.positions is not None else None
    facts = {
        "booted by": trace.route,
        "ended": f"{trace.ending.kind} after {trace.ending.seconds:.2f} s",
        "machine": f"{trace.machine.qemu} {trace.machine.qemu_version}, {trace.machine.runs_by}"
        if trace.machine else "none",
        "recording": f"{recorded.instructions:,} instructions" if recorded else "none",
    }  # fmt: skip
    values = {
        "standing": _STANDINGS[judgement.verdict.value],
        "word": judgement.verdict.upper(),
        "source": printable(trace.source),
        "sentences": [
            printable(f"{judgement.cause}: " * bool(judgement.cause) + judgement.summary),
            *map(printable, trace.recorded.sentences if trace.recorded else ()),
        ],
        "facts": [(name, printable(value)) for name, value in facts.items()],
        "happened": count(sum(len(lane.events) for lane in found), "event"),
        "recorded": recorded is not None,
        "debug": bool(debug),
        "data": _data(found, trace.ending.seconds, debug),
        "script": (_HERE / "timeline.js").read_text(),
        "style": (_HERE / "timeline.css").read_text(),
    }
    return rendered(_HERE / "timeline.html.j2", values)


def _data(found: tuple[Lane, ...], seconds: float, debug: str) -> str:
    """Return what the script draws from; nothing in it can end the element that it is in."""
    value = {
        "seconds": max([seconds, *(_end(event) for lane in found for event in lane.events)]),
        "debug": printable(debug),
        "lanes": [[lane.name, [_row(event) for event in lane.events]] for lane in found],
    }
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def _end(event: Event) -> float:
    return event.seconds if event.until is None else event.until


def _row(event: Event) -> list[Any]:
    return [
        round(event.seconds, 6), round(_end(event), 6), printable(event.text), int(event.wrong),
        event.at, event.position, event.about,
    ]  # fmt: skip
