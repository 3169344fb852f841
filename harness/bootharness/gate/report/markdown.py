"""A gate as Markdown, for a job's summary or a comment; and as annotations of GitHub's."""

from collections.abc import Container, Iterator

from bootharness.gate.groups import Group, groups
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.headline import fresh_and_reused, headline, totals
from bootharness.gate.report.next_steps import next_steps
from bootharness.gate.report.words import (
    WORDS,
    kernel_name,
    payload,
    projection,
    reached,
    sentences,
    share,
    shared,
    worth_a_word,
)
from bootharness.gate.since import Course
from bootharness.gate.trend import trend
from bootharness.report.markdown import code, escaped
from bootharness.text import count, printable

__all__ = ["MARKER", "annotations", "markdown"]

MARKER = "<!-- bootharness gate -->"
"""The first line of each summary: whoever comments finds the comment of the last time by it."""

_SIGNS = {
    Standing.GOOD: "✅",
    Standing.WARNING: "⚠️",
    Standing.STILL: "🔁",
    Standing.UNKNOWN: "❔",
    Standing.BAD: "❌",
}
_LEVELS = {
    Standing.WARNING: "warning",
    Standing.UNKNOWN: "warning",
    Standing.STILL: "error",
    Standing.BAD: "error",
}
_COURSES = {Course.NEW: "new", Course.STILL: "still failing", Course.FIXED: "fixed"}
_MOST = 60_000
"""Characters: GitHub cuts a comment off at 65,536."""
_FOR_DETAILS = 40_000
_MOST_SENTENCE = 1_000
_MOST_ANNOTATIONS = 10
"""GitHub shows so many of a step."""


def markdown(outcome: GateOutcome) -> str:
    """Return a gate as Markdown: the headline, what fails and what to do about it, a table of all
    cells, what else there is to say; what goes beyond the length of a comment is counted."""
    common = shared(outcome)
    said = (*outcome.expired, *outcome.patterns, *map(projection, trend(outcome)[1]))
    lines = [
        MARKER,
        f"### {_SIGNS[outcome.standing]} Boot gate {escaped(headline(outcome))}",
        "",
        *(f"- {escaped(sentence)}" for sentence in said),
        *(f"- {escaped(sentence)}" for sentence in dict.fromkeys(common.values())),
        "",
    ]
    foot = ["", f"<sub>{fresh_and_reused(outcome)}</sub>", ""]
    room = _FOR_DETAILS - len("\n".join(lines))
    alike = groups(outcome)
    blocks = [[*_group(each, common)] for each in alike]
    lines += _within(blocks, room, "kind", "of failure")
    together = {id(entry) for group in alike for entry in group.entries}
    others = [
        [*_details(entry, common)]
        for entry in _worst_first(outcome)
        if id(entry) not in together and worth_a_word(entry, common)
    ]
    lines += _within(others, _FOR_DETAILS - len("\n".join(lines)), "boot", "to look at")
    return "\n".join([*lines, *_table(outcome, _MOST - len("\n".join([*lines, *foot]))), *foot])


def _within(blocks: list[list[str]], room: int, noun: str, what: str) -> list[str]:
    """Return the lines of as many blocks as there is room for, and how many there are besides."""
    lines: list[str] = []
    for number, block in enumerate(blocks):
        room -= sum(len(line) + 1 for line in block)
        if room < 0:
            more = count(len(blocks) - number, f"other {noun}")
            return [*lines, f"and {more} {what}, for which there is no room here", ""]
        lines += block
    return lines


def _worst_first(outcome: GateOutcome) -> list[Entry]:
    """Return all cells, a bad baseline first, then the candidates that are bad."""
    order = list(Standing)
    bad = {id(entry) for entry in outcome.bad_baseline}
    return sorted(
        outcome.entries,
        key=lambda entry: (id(entry) not in bad, -order.index(entry.standing), not entry.baseline),
    )


def _table(outcome: GateOutcome, room: int) -> Iterator[str]:
    """Yield the lines of the table, the bad ones first; a column with nothing in it is left out."""
    entries = _worst_first(outcome)
    heads = ("", "kernel", "boots by", "payload", "of limit", "reached", "")
    rows = [_row(outcome, entry) for entry in entries]
    used = [at for at in range(len(heads)) if at < 2 or any(row[at] for row in rows)]
    rules = ["---:" if heads[at] in ("payload", "of limit", "reached") else "---" for at in used]
    written = [f"| {' | '.join(cells[at] for at in used)} |" for cells in (heads, *rows)]
    written.insert(1, f"|{'|'.join(rules)}|")
    room -= 2 * _MOST_SENTENCE
    for number, line in enumerate(written):
        room -= len(line) + 1
        if room < 0 and number > 1:
            left = totals(entries[number - 2 :])
            yield f"|  | … and {left} |{'  |' * (len(used) - 2)}"
            return
        yield line


def _row(outcome: GateOutcome, entry: Entry) -> tuple[str, ...]:
    course = entry.since.course if entry.since else None
    notes = [_COURSES[course]] if course else []
    notes += ["baseline"] * entry.baseline + ["flaky"] * entry.result.flaky
    notes += ["reused"] * entry.result.cached
    return (
        f"{_SIGNS[entry.standing]} {WORDS[entry.standing]}",
        escaped(kernel_name(entry)),
        escaped(entry.way),
        payload(outcome, entry),
        share(outcome, entry),
        reached(entry),
        ", ".join(notes),
    )


def _group(group: Group, said: Container[str]) -> Iterator[str]:
    entry, boots = group.first, len(group.entries)
    if boots == 1:
        yield from _details(entry, said, end=False)
    else:
        yield f"**{WORDS[group.standing]} {escaped(group.said)}**"
        yield ""
        way = f" by {escaped(entry.way)}" if entry.way else ""
        yield f"{count(boots, 'boot')}; the first of them, {escaped(kernel_name(entry))}{way}:"
        yield ""
        yield from _said(entry, said)
    for what, text in next_steps(group):
        if what == "hold":
            yield "- hold, in a matrix:"
            yield "  ```toml"
            yield from (f"  {printable(line).replace('```', '')}" for line in text.split("\n"))
            yield "  ```"
        else:
            yield f"- {what}: {code(text)}"
    yield ""


def _details(entry: Entry, said: Container[str], *, end: bool = True) -> Iterator[str]:
    way = f" by {escaped(entry.way)}" if entry.way else ""
    role = ", the baseline" if entry.baseline else ""
    yield f"**{WORDS[entry.standing]} {escaped(kernel_name(entry))}**{role}{way}"
    yield ""
    yield from _said(entry, said)
    if end:
        if entry.standing in (Standing.BAD, Standing.UNKNOWN):
            yield f"- reproduce: {code(entry.again)}"
        yield ""


def _said(entry: Entry, without: Container[str]) -> Iterator[str]:
    for sentence in sentences(entry, without):
        more = "…" if len(sentence) > _MOST_SENTENCE else ""
        yield f"- {escaped(sentence[:_MOST_SENTENCE])}{more}"


def annotations(outcome: GateOutcome) -> Iterator[str]:
    """Yield GitHub's workflow commands for what is not good: a line for what fails alike, the bad
    first, and one that counts those for which there is no room."""
    told: list[tuple[Standing, str, Entry, int]] = []
    alike = groups(outcome)
    for group in alike:
        told.append((group.standing, group.said, group.first, len(group.entries)))
    together = {id(entry) for group in alike for entry in group.entries}
    common = shared(outcome)
    for entry in _worst_first(outcome):
        if id(entry) not in together and entry.standing in _LEVELS and worth_a_word(entry, common):
            role = ", the baseline" if entry.baseline else ""
            told.append((entry.standing, f"{kernel_name(entry)}{role} {entry.way}", entry, 1))
    shown = told if len(told) <= _MOST_ANNOTATIONS else told[: _MOST_ANNOTATIONS - 1]
    for standing, what, entry, _ in shown:
        # what is no candidate's fault is no error of the step
        level = "warning" if entry.baseline else _LEVELS[standing]
        title = f"{WORDS[standing]} {what}".strip()
        said = "\n".join(sentences(entry, common))
        yield f"::{level} title={_property(title)}::{_data(said)}"
    for sentence in dict.fromkeys(common.values()) if len(shown) == len(told) else ():
        yield f"::warning title=Boot gate::{_data(sentence)}"
    if left := sum(boots for *_, boots in told[len(shown) :]):
        yield f"::warning title=Boot gate::and {count(left, 'boot')} more to look at, in the report"


def _data(text: str) -> str:
    """Escape a workflow command's message: a guest's words must not become a command."""
    lines = [printable(line) for line in text.split("\n")]
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
