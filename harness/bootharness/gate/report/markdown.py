"""A gate as Markdown, for a job's summary or a comment; and as annotations of GitHub's."""

from collections.abc import Container, Iterator

from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.words import (
    WORDS,
    fresh_and_cached,
    headline,
    kernel_name,
    projection,
    sentences,
    shared,
    worth_a_word,
)
from bootharness.gate.trend import trend
from bootharness.text import printable

__all__ = ["MARKER", "annotations", "markdown"]

MARKER = "<!-- bootharness gate -->"
"""The first line of each summary: whoever comments finds the comment of the last time by it."""

_SIGNS = {
    Standing.GOOD: "✅",
    Standing.WARNING: "⚠️",
    Standing.UNKNOWN: "❔",
    Standing.BAD: "❌",
}
_LEVELS = {Standing.WARNING: "warning", Standing.UNKNOWN: "warning", Standing.BAD: "error"}
# GitHub cuts a comment off at 65,536 characters
_MOST_ROWS = 200


def markdown(outcome: GateOutcome) -> str:
    """Return a gate as Markdown: the headline, a table of all cells, what there is to say."""
    lines = [
        MARKER,
        f"### {_SIGNS[outcome.standing]} Boot gate: {headline(outcome)}",
        "",
        *(f"- {_escaped(sentence)}" for sentence in outcome.patterns),
        *(f"- {_escaped(projection(each))}" for each in trend(outcome)[1]),
        "",
        "| | kernel | boots by | payload | time | |",
        "|---|---|---|---:|---:|---|",
    ]
    lines += [_row(entry) for entry in outcome.entries[:_MOST_ROWS]]
    if len(outcome.entries) > _MOST_ROWS:
        lines.append(f"| | … {len(outcome.entries) - _MOST_ROWS:,} more | | | | |")
    lines.append("")
    common = shared(outcome)
    lines += [f"- {_escaped(sentence)}" for sentence in common.values()]
    lines += [""] * bool(common)
    for entry in outcome.entries:
        lines += _details(entry, common)
    return "\n".join([*lines, f"<sub>{fresh_and_cached(outcome)}</sub>", ""])


def _row(entry: Entry) -> str:
    facts = entry.result.decisive.facts
    milestones = [*facts.milestones.items()]
    time = f"{milestones[-1][0]} {milestones[-1][1]:.2f} s" if milestones else ""
    notes = ["baseline"] * entry.baseline + ["flaky"] * entry.result.flaky
    notes += ["cached"] * entry.result.cached
    cells = (
        f"{_SIGNS[entry.standing]} {WORDS[entry.standing]}",
        _escaped(kernel_name(entry)),
        _escaped(entry.way),
        f"{facts.payload_bytes:,}" if facts.payload_bytes else "",
        time,
        ", ".join(notes),
    )
    return f"| {' | '.join(cells)} |"


def _details(entry: Entry, said: Container[str]) -> Iterator[str]:
    if not worth_a_word(entry, said):
        return
    way = f" by {_escaped(entry.way)}" if entry.way else ""
    yield f"**{WORDS[entry.standing]} {_escaped(kernel_name(entry))}**{way}"
    yield ""
    yield from (f"- {_escaped(sentence)}" for sentence in sentences(entry, said))
    if entry.standing in (Standing.BAD, Standing.UNKNOWN):
        yield f"- to see it again: {_escaped(entry.again)}"
    yield ""


def annotations(outcome: GateOutcome) -> Iterator[str]:
    """Yield a line for each cell that is not good, as GitHub's workflow commands are written."""
    for entry in outcome.entries:
        if entry.standing in _LEVELS:
            title = f"{WORDS[entry.standing]} {kernel_name(entry)} {entry.way}".strip()
            said = "\n".join(sentences(entry))
            yield f"::{_LEVELS[entry.standing]} title={_property(title)}::{_data(said)}"


def _escaped(text: str) -> str:
    """Write text that comes from elsewhere so that Markdown shows it as it is."""
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{letter}" if letter in "\\`*_|[]#@" else letter for letter in text)


def _data(text: str) -> str:
    """Escape a workflow command's message: a guest's words must not become a command."""
    lines = [printable(line) for line in text.split("\n")]
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
