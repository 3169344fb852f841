"""A gate on a terminal: a table of its cells, and below it what there is to say of them."""

from collections.abc import Container
from typing import TextIO

import click

from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.words import (
    WORDS,
    built_otherwise,
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
from bootharness.report.lines import Words, say, say_rows
from bootharness.text import printable

__all__ = ["STYLES", "print_outcome"]

STYLES = {
    Standing.GOOD: "green",
    Standing.WARNING: "yellow",
    Standing.UNKNOWN: "magenta",
    Standing.BAD: "red",
}
"""How a standing is coloured."""
_MOST_ROWS = 40
_INDENT = 5
_DIM = {"dim": True}


def print_outcome(outcome: GateOutcome, output: TextIO) -> None:
    """Print a gate; in colours on a terminal alone."""
    say_rows(output, _table(outcome), lead=3, right=(3, 4, 5))
    hidden = len(outcome.entries) - len(_shown(outcome))
    if hidden:
        say(output, (f"{hidden:,} more boots are good", _DIM))
    told: set[str] = set()
    common = shared(outcome)
    for entry in outcome.entries:
        _print_entry(output, entry, told, common)
    for sentence in (*outcome.patterns, *common.values()):
        say(output, (printable(sentence), {"bold": True}))
    for crossing in trend(outcome)[1]:
        say(output, projection(crossing))
    say(output, _standing(outcome.standing), headline(outcome))
    say(output, (fresh_and_reused(outcome), _DIM))


def _standing(standing: Standing) -> Words:
    return WORDS[standing], {"fg": STYLES[standing], "bold": True}


def _table(outcome: GateOutcome) -> list[list[Words]]:
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
        for entry in _shown(outcome)
    ]


def _of_limit(percent: str) -> str:
    return f"{percent} of the limit" if percent else ""


def _shown(outcome: GateOutcome) -> list[Entry]:
    """Return the cells that go into the table: of many good ones only as many as are looked at."""
    entries = list(outcome.entries)
    left_out = len(entries) - _MOST_ROWS
    if left_out <= 0:
        return entries
    good = [entry for entry in entries if entry.standing is Standing.GOOD and not entry.baseline]
    hidden = set(map(id, good[-left_out:]))
    return [entry for entry in entries if id(entry) not in hidden]


def _notes(entry: Entry) -> Words:
    notes = ["baseline"] if entry.baseline else []
    notes += ["flaky"] if entry.result.flaky else []
    notes += ["reused"] if entry.result.cached else []
    return ", ".join(notes), _DIM


def _print_entry(output: TextIO, entry: Entry, told: set[str], common: Container[str]) -> None:
    """Print what there is to say of a cell that is not simply good.

    In what its kernel differs from the baseline is said once, for its first cell.
    """
    shown = worth_a_word(entry, common) or entry.result.cell.expect != "good"
    kernel = entry.result.cell.kernel
    changes = () if kernel in told else built_otherwise(entry)
    told.add(kernel)
    if not shown and not changes:
        return
    way = ["", printable(entry.way)] if entry.way else []
    name = (printable(kernel_name(entry)), {"bold": True})
    click.echo(file=output)
    say(output, _standing(entry.standing), "", name, *way)
    if shown:
        for sentence in sentences(entry, common):
            say(output, printable(sentence), indent=_INDENT)
    if entry.standing in (Standing.BAD, Standing.UNKNOWN):
        # on one line, however long: it is to be copied
        click.echo(f"{'':{_INDENT}}reproduce: {printable(entry.again)}", file=output)
    if changes:
        say(output, (f"since the baseline: {', '.join(changes)}", _DIM), indent=_INDENT)
    if entry.result.flaky:
        for number, attempt in enumerate(entry.result.attempts, start=1):
            end = attempt.cause or attempt.verdict
            said = f"attempt {number}: {end}: {printable(attempt.sentence)}"
            say(output, (said, _DIM), indent=_INDENT)
