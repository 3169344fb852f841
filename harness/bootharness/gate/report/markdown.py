"""A gate as Markdown, for a job's summary or a comment; and as annotations of GitHub's."""

import re
from collections.abc import Container, Iterator

from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.words import (
    WORDS,
    fresh_and_reused,
    headline,
    kernel_name,
    payload,
    projection,
    reached,
    sentences,
    share,
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
        f"### {_SIGNS[outcome.standing]} Boot gate {headline(outcome)}",
        "",
        *(f"- {_escaped(sentence)}" for sentence in outcome.patterns),
        *(f"- {_escaped(projection(each))}" for each in trend(outcome)[1]),
        "",
        *_table(outcome),
        "",
    ]
    common = shared(outcome)
    lines += [f"- {_escaped(sentence)}" for sentence in common.values()]
    lines += [""] * bool(common)
    for entry in outcome.entries:
        lines += _details(entry, common)
    return "\n".join([*lines, f"<sub>{fresh_and_reused(outcome)}</sub>", ""])


def _table(outcome: GateOutcome) -> Iterator[str]:
    """Yield the lines of the table; a column with nothing in it is left out."""
    shown = outcome.entries[:_MOST_ROWS]
    heads = ("", "kernel", "boots by", "payload", "of limit", "reached", "")
    rows = [_row(outcome, entry) for entry in shown]
    used = [at for at in range(len(heads)) if at < 2 or any(row[at] for row in rows)]
    if len(outcome.entries) > len(shown):
        rows.append(("", f"… {len(outcome.entries) - len(shown):,} more", *[""] * 5))
    rules = ["---:" if heads[at] in ("payload", "of limit", "reached") else "---" for at in used]
    for cells in (heads, *rows):
        yield f"| {' | '.join(cells[at] for at in used)} |"
        if cells is heads:
            yield f"|{'|'.join(rules)}|"


def _row(outcome: GateOutcome, entry: Entry) -> tuple[str, ...]:
    notes = ["baseline"] * entry.baseline + ["flaky"] * entry.result.flaky
    notes += ["reused"] * entry.result.cached
    return (
        f"{_SIGNS[entry.standing]} {WORDS[entry.standing]}",
        _escaped(kernel_name(entry)),
        _escaped(entry.way),
        payload(outcome, entry),
        share(outcome, entry),
        reached(entry),
        ", ".join(notes),
    )


def _details(entry: Entry, said: Container[str]) -> Iterator[str]:
    if not worth_a_word(entry, said):
        return
    way = f" by {_escaped(entry.way)}" if entry.way else ""
    yield f"**{WORDS[entry.standing]} {_escaped(kernel_name(entry))}**{way}"
    yield ""
    yield from (f"- {_escaped(sentence)}" for sentence in sentences(entry, said))
    if entry.standing in (Standing.BAD, Standing.UNKNOWN):
        yield f"- reproduce: {_code(entry.again)}"
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


def _code(text: str) -> str:
    """Write text as code, between more backticks than there are in it."""
    text = printable(text)
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def _data(text: str) -> str:
    """Escape a workflow command's message: a guest's words must not become a command."""
    lines = [printable(line) for line in text.split("\n")]
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
