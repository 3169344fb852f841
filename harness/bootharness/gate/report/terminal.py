"""A gate on a terminal: a table of its cells, and below it what there is to say of them."""

from collections.abc import Container, Sequence
from typing import TextIO

import click

from bootharness.gate.events import TURNS, Event, Happening
from bootharness.gate.groups import Group, groups
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.headline import fresh_and_reused, headline, totals
from bootharness.gate.report.next_steps import next_steps
from bootharness.gate.report.words import (
    WORDS,
    built_otherwise,
    day,
    event_said,
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
from bootharness.report.lines import Words, say, say_rows
from bootharness.text import count, printable

__all__ = ["STYLES", "print_events", "print_outcome"]

STYLES = {
    Standing.GOOD: "green",
    Standing.WARNING: "yellow",
    Standing.STILL: "red",
    Standing.UNKNOWN: "magenta",
    Standing.BAD: "red",
}
"""How a standing is coloured."""
_EVENTS = {
    Happening.FIRST_BAD: "red",
    Happening.OTHER_CAUSE: "red",
    Happening.FIXED: "green",
    Happening.LIMIT: "cyan",
    Happening.TOOLCHAIN: "cyan",
}
_MOST_EVENTS = 10
_MOST_ROWS = 40
_MOST_GROUPS = 8
_INDENT = 5
_DIM = {"dim": True}


def print_outcome(outcome: GateOutcome, output: TextIO) -> None:
    """Print a gate; in colours on a terminal alone."""
    shown = _shown(outcome)
    say_rows(output, _table(outcome, shown), lead=3, right=(3, 4, 5))
    if hidden := _left_out(outcome, shown):
        say(output, (f"and {totals(hidden)}", _DIM))
    told: set[str] = set()
    common = shared(outcome)
    for entry in outcome.entries:
        if entry.baseline:
            _print_entry(output, entry, told, common)
    alike = groups(outcome)
    for group in alike[:_MOST_GROUPS]:
        _print_group(output, group, told, common, hold=group is alike[0])
    if alike[_MOST_GROUPS:]:
        more = count(len(alike) - _MOST_GROUPS, "other kind")
        say(output, (f"and {more} of failure", _DIM))
    together = {id(entry) for group in alike for entry in group.entries}
    others = [
        entry
        for entry in outcome.candidates
        if id(entry) not in together and _worth_printing(entry, told, common)
    ]
    for entry in others[:_MOST_ROWS]:
        _print_entry(output, entry, told, common)
    if others[_MOST_ROWS:]:
        more = count(len(others) - _MOST_ROWS, "other boot")
        say(output, (f"and {more} that have something to look at", _DIM))
    for sentence in (*outcome.expired, *outcome.patterns, *dict.fromkeys(common.values())):
        say(output, (printable(sentence), {"bold": True}))
    for crossing in trend(outcome)[1]:
        say(output, projection(crossing))
    print_events([each for each in outcome.events if not _is_told(each, outcome)], output)
    say(output, _standing(outcome.standing), printable(headline(outcome)))
    say(output, (fresh_and_reused(outcome), _DIM))


def _is_told(event: Event, outcome: GateOutcome) -> bool:
    """Return whether it is one of this gate's own boots that shows an event: more was said of it
    above."""
    return event.what in TURNS and any(
        entry.result.cell.kernel == event.kernel and not entry.result.cached
        for entry in outcome.entries
    )


def print_events(happened: Sequence[Event], output: TextIO) -> None:
    """Print what has happened over the months, the last of it."""
    if happened[:-_MOST_EVENTS]:
        more = count(len(happened) - _MOST_EVENTS, "event")
        say(output, (f"{more} before these; --html and --json have all", _DIM))
    for event in happened[-_MOST_EVENTS:]:
        what = event.what, {"fg": _EVENTS[event.what], "bold": True}
        say(output, (day(event.at), _DIM), "", what, "", event_said(event))


def _standing(standing: Standing) -> Words:
    return WORDS[standing], {"fg": STYLES[standing], "bold": True}


def _table(outcome: GateOutcome, shown: list[Entry]) -> list[list[Words]]:
    """Return a row for each cell; nothing in it needs a heading."""
    return [
        [
            _standing(entry.standing),
            printable(kernel_name(entry)),
            printable(entry.way),
            payload(outcome, entry, " bytes"),
            _of_limit(share(outcome, entry)),
            reached(entry),
            _notes(entry),
        ]
        for entry in shown
    ]


def _of_limit(percent: str) -> str:
    return f"{percent} of the limit" if percent else ""


def _shown(outcome: GateOutcome) -> list[Entry]:
    """Return the cells that go into the table: of many only as many as are looked at, the worst."""
    order = list(Standing)
    worst = sorted(
        outcome.entries, key=lambda entry: (not entry.baseline, -order.index(entry.standing))
    )
    shown = set(map(id, worst[:_MOST_ROWS]))
    return [entry for entry in outcome.entries if id(entry) in shown]


def _left_out(outcome: GateOutcome, shown: list[Entry]) -> list[Entry]:
    there = set(map(id, shown))
    return [entry for entry in outcome.entries if id(entry) not in there]


def _notes(entry: Entry) -> Words:
    notes = ["baseline"] if entry.baseline else []
    notes += ["flaky"] if entry.result.flaky else []
    notes += ["reused"] if entry.result.cached else []
    return ", ".join(notes), _DIM


def _worth_printing(entry: Entry, told: Container[str], common: Container[str]) -> bool:
    kernel = entry.result.cell.kernel
    return _worth_telling(entry, common) or bool(kernel not in told and built_otherwise(entry))


def _worth_telling(entry: Entry, common: Container[str]) -> bool:
    return worth_a_word(entry, common) or entry.result.cell.expect != "good"


def _print_group(
    output: TextIO, group: Group, told: set[str], common: Container[str], *, hold: bool
) -> None:
    """Print what cells that fail alike have in common, the first of them, and what to do next."""
    click.echo(file=output)
    entry, boots = group.first, len(group.entries)
    if boots == 1:
        way = ["", printable(entry.way)] if entry.way else []
        say(output, _standing(group.standing), "",
            (printable(kernel_name(entry)), {"bold": True}), *way)  # fmt: skip
    else:
        say(output, _standing(group.standing), "", (printable(group.said), {"bold": True}))
        way = [printable(entry.way)] if entry.way else []
        say(output, (f"{count(boots, 'boot')}; the first of them,", _DIM),
            printable(kernel_name(entry)), *way, indent=_INDENT)  # fmt: skip
    for sentence in sentences(entry, common):
        say(output, printable(sentence), indent=_INDENT)
    for what, text in next_steps(group):
        if what != "hold":
            # on one line, however long: it is to be copied
            click.echo(f"{'':{_INDENT}}{what}: {printable(text)}", file=output)
        elif hold:
            click.echo(f"{'':{_INDENT}}hold, in a matrix:", file=output)
            for line in text.split("\n"):
                click.echo(f"{'':{_INDENT}}  {printable(line)}", file=output)
    _print_changes(output, entry, told)
    _print_attempts(output, entry)


def _print_entry(output: TextIO, entry: Entry, told: set[str], common: Container[str]) -> None:
    """Print what there is to say of a cell that is not simply good."""
    if not _worth_printing(entry, told, common):
        return
    way = ["", printable(entry.way)] if entry.way else []
    name = (printable(kernel_name(entry)), {"bold": True})
    click.echo(file=output)
    say(output, _standing(entry.standing), "", name, *way)
    if _worth_telling(entry, common):
        for sentence in sentences(entry, common):
            say(output, printable(sentence), indent=_INDENT)
    if entry.standing in (Standing.BAD, Standing.UNKNOWN):
        click.echo(f"{'':{_INDENT}}reproduce: {printable(entry.again)}", file=output)
    _print_changes(output, entry, told)
    _print_attempts(output, entry)


def _print_changes(output: TextIO, entry: Entry, told: set[str]) -> None:
    """Print in what a kernel differs from the baseline: once, for the first of its cells."""
    kernel = entry.result.cell.kernel
    changes = () if kernel in told else built_otherwise(entry)
    told.add(kernel)
    if changes:
        say(output, (f"since the baseline: {', '.join(changes)}", _DIM), indent=_INDENT)


def _print_attempts(output: TextIO, entry: Entry) -> None:
    if entry.result.flaky:
        for number, attempt in enumerate(entry.result.attempts, start=1):
            end = attempt.cause or attempt.verdict
            said = f"attempt {number}: {end}: {printable(attempt.sentence)}"
            say(output, (said, _DIM), indent=_INDENT)
