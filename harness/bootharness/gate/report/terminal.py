"""A gate on a terminal: a table of its cells, and below it what there is to say of them."""

from collections.abc import Container
from typing import TextIO

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

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
from bootharness.text import printable

__all__ = ["STYLES", "WIDE", "print_outcome"]

STYLES = {
    Standing.GOOD: "green",
    Standing.WARNING: "yellow",
    Standing.UNKNOWN: "magenta",
    Standing.BAD: "red",
}
"""How a standing is coloured."""
WIDE = 160
"""As wide as lines get where nobody says how wide they may be."""
_MOST_ROWS = 40
_INDENT = (0, 0, 0, 5)


def print_outcome(outcome: GateOutcome, output: TextIO) -> None:
    """Print a gate; in colours on a terminal alone."""
    console = Console(file=output, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(file=output, highlight=False, width=WIDE)
    console.print(_table(outcome))
    hidden = len(outcome.entries) - len(_shown(outcome))
    if hidden:
        console.print(Text(f"{hidden:,} more boots are good", style="dim"))
    told: set[str] = set()
    common = shared(outcome)
    for entry in outcome.entries:
        _print_entry(console, entry, told, common)
    for sentence in (*outcome.patterns, *common.values()):
        console.print(Text(printable(sentence), style="bold"))
    for crossing in trend(outcome)[1]:
        console.print(Text(projection(crossing)))
    style = f"bold {STYLES[outcome.standing]}"
    console.print(Text(WORDS[outcome.standing], style=style), Text(headline(outcome)))
    console.print(Text(fresh_and_reused(outcome), style="dim"))


def _table(outcome: GateOutcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("kernel", overflow="fold")
    ways = any(entry.way for entry in outcome.entries)
    if ways:
        table.add_column("boots by", overflow="fold")
    table.add_column("payload", justify="right")
    table.add_column("of limit", justify="right")
    table.add_column("reached", justify="right")
    table.add_column("")
    for entry in _shown(outcome):
        cells: list[str | Text] = [
            Text(WORDS[entry.standing], style=f"bold {STYLES[entry.standing]}"),
            Text(printable(kernel_name(entry))),
        ]
        cells += [Text(printable(entry.way))] if ways else []
        cells += [payload(outcome, entry), share(outcome, entry), reached(entry)]
        table.add_row(*cells, _notes(entry))
    return table


def _shown(outcome: GateOutcome) -> list[Entry]:
    """Return the cells that go into the table: of many good ones only as many as are looked at."""
    entries = list(outcome.entries)
    left_out = len(entries) - _MOST_ROWS
    if left_out <= 0:
        return entries
    good = [entry for entry in entries if entry.standing is Standing.GOOD and not entry.baseline]
    hidden = set(map(id, good[-left_out:]))
    return [entry for entry in entries if id(entry) not in hidden]


def _notes(entry: Entry) -> Text:
    notes = ["baseline"] if entry.baseline else []
    notes += ["flaky"] if entry.result.flaky else []
    notes += ["reused"] if entry.result.cached else []
    return Text(", ".join(notes), style="dim")


def _print_entry(console: Console, entry: Entry, told: set[str], common: Container[str]) -> None:
    """Print what there is to say of a cell that is not simply good.

    In what its kernel differs from the baseline is said once, for its first cell.
    """
    shown = worth_a_word(entry, common) or entry.result.cell.expect != "good"
    kernel = entry.result.cell.kernel
    changes = () if kernel in told else built_otherwise(entry)
    told.add(kernel)
    if not shown and not changes:
        return
    head = Text(f"{WORDS[entry.standing]:<4} ", style=f"bold {STYLES[entry.standing]}")
    head.append(printable(kernel_name(entry)), style="bold")
    if entry.way:
        head.append(f"  {printable(entry.way)}")
    console.print(head)
    if shown:
        for sentence in sentences(entry, common):
            console.print(_indented(sentence))
    if entry.standing in (Standing.BAD, Standing.UNKNOWN):
        console.print(Text(f"     reproduce: {printable(entry.again)}"), soft_wrap=True)
    if changes:
        console.print(_indented(f"since the baseline: {', '.join(changes)}", style="dim"))
    if entry.result.flaky:
        for number, attempt in enumerate(entry.result.attempts, start=1):
            end = attempt.cause or attempt.verdict
            console.print(_indented(f"attempt {number}: {end}: {attempt.sentence}", style="dim"))


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(printable(text), style=style), _INDENT, expand=False)
