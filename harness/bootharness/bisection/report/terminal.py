"""A hunt on a terminal: every boot with the range as a picture, and at last the answer.

====================····················########
good so far         not known           bad
"""

import shutil
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bootharness.bisection.answer import Answer
from bootharness.bisection.evidence import bad_probability
from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.log import Seen
from bootharness.bisection.ranges import Range
from bootharness.bisection.report.words import certainty, first_bad
from bootharness.bisection.search import Lost, Search
from bootharness.diagnosis.verdict import Verdict
from bootharness.text import printable

__all__ = ["TerminalHunt", "picture", "print_answer", "print_lost"]

_COLOURS = {Verdict.GOOD: "green", Verdict.BAD: "red", Verdict.SKIP: "yellow"}
_PICTURE = 32
_LABEL, _CAUSE = 36, 22
# a line at its widest; with less the picture shrinks, and what is left is said below alone
_WIDE = 122
_NARROW_LABEL, _NARROW_PICTURE = 20, 10
_SURE = 0.06
_WIDTH = 100
_NARROW = 79


def picture(search: Search, width: int = _PICTURE) -> str:
    """Draw a range: ``=`` where it is good, ``#`` where it is bad, ``·`` where that is open."""
    drawn = []
    for column in range(width):
        position = column * (search.size - 1) // (width - 1)
        probability = bad_probability(search.blocks, position) if search.tallies else 0.5
        drawn.append("=" if probability < _SURE else "#" if probability > 1 - _SURE else "·")
    return "".join(drawn)


class TerminalHunt(HuntObserver):
    """Prints a line for every boot; on a terminal, what is being tried below them."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._live = output.isatty()
        columns = shutil.get_terminal_size().columns if self._live else _WIDE
        self._wide = columns >= _WIDE
        self._label = _LABEL if self._wide else _NARROW_LABEL
        self._picture = min(max(columns - _WIDE + _PICTURE, _NARROW_PICTURE), _PICTURE)

    def begun(self, searched: Range, workers: int) -> None:
        """Say what is searched."""
        self._range, self._workers, self._number = searched, workers, 0
        click.echo(click.style(searched.title, bold=True), file=self._output)
        click.echo(
            click.style("     = good   · not known yet   # bad", dim=True), file=self._output
        )

    def trying(self, search: Search, positions: list[int]) -> None:
        """Show what is being tried."""
        if self._live and positions:
            names = ", ".join(printable(self._range.label(at)) for at in positions)
            left = search.steps_left(self._workers)
            self._status(f"about {left} left; trying {names}")

    def experiments(self, done: int, total: int) -> None:
        """Show how many experiments are done."""
        if self._live:
            self._status(f"trying the answer: {done} of {total} experiments done")

    def _status(self, text: str) -> None:
        line = f"     {text}"[: _WIDTH if self._wide else _NARROW]
        click.echo(f"\r\x1b[K{click.style(line, dim=True)}", file=self._output, nl=False)

    def over(self) -> None:
        """Take the status line away."""
        if self._live:
            click.echo("\r\x1b[K", file=self._output, nl=False)

    def seen(self, search: Search, seen: Seen) -> None:
        """Print a boot."""
        self.over()
        self._number += 1
        meaning = search.meaning(seen.observation)
        verdict = click.style(f"{seen.verdict.upper():<4}", fg=_COLOURS[meaning], bold=True)
        said = seen.cause or ""
        if meaning is not seen.verdict:
            said += " (another cause)"
        took = "known" if seen.cached else f"{seen.seconds:.1f} s"
        left = search.steps_left(self._workers) if self._wide else 0
        click.echo(
            f"{self._number:3}  {verdict} {_fitted(seen.label, self._label)}  "
            f"{_fitted(said, _CAUSE)} {took:>7}  {_coloured(picture(search, self._picture))}"
            f"{f'  ~{left} left' if left else ''}",
            file=self._output,
        )


def print_lost(lost: Lost, seen: Sequence[Seen], output: TextIO) -> None:
    """Say why there is no answer, and what the last boot of the kernel in question said."""
    head = click.style("NOT FOUND", fg="yellow", bold=True)
    click.echo(f"\n{head}  {printable(lost.reason)}", file=output)
    last = [each for each in seen if each.position == lost.position][-1:]
    for each in last:
        _sentence(printable(f"{each.label}: {each.sentence}"), output)


def print_answer(answer: Answer, output: TextIO) -> None:
    """Print the answer: the first bad one, the sentence, the experiments, and the two kernels."""
    click.echo(file=output)
    click.echo(f"{click.style('FIRST BAD', fg='red', bold=True)}  {first_bad(answer)}",
               file=output)  # fmt: skip
    click.echo(f"{click.style('LAST GOOD', fg='green', bold=True)}  {printable(answer.good.label)}",
               file=output)  # fmt: skip
    _sentence(f"{answer.bad.cause}: {printable(answer.bad.sentence)}", output)
    click.echo(file=output)
    _sentence(printable(answer.conclusion), output, bold=True)
    click.echo(file=output)
    for each in answer.outcomes:
        verdict = click.style(f"{each.verdict.upper():<4}", fg=_COLOURS[each.verdict], bold=True)
        why = f": {each.cause}" if each.cause else ""
        click.echo(f"     {verdict} {each.what}{why}", file=output)
    click.echo(click.style(f"     {printable(certainty(answer))}", dim=True), file=output)
    _table(answer, output)


def _table(answer: Answer, output: TextIO) -> None:
    rows = [row for row in answer.rows if row.differs]
    if not rows:
        return
    console = Console(file=output, width=None if output.isatty() else _WIDTH, highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("     differs in", no_wrap=True)
    table.add_column("last good", style="green")
    table.add_column("first bad", style="red")
    for row in rows:
        table.add_row(Text(f"     {row.name}"), Text(row.good), Text(row.bad))
    console.print()
    console.print(table)


def _sentence(text: str, output: TextIO, *, bold: bool = False) -> None:
    width = min(shutil.get_terminal_size().columns, _WIDTH) if output.isatty() else _WIDTH
    wrapped = textwrap.fill(
        text, width, initial_indent=" " * 5, subsequent_indent=" " * 5, break_on_hyphens=False
    )
    click.echo(click.style(wrapped, bold=True) if bold else wrapped, file=output)


def _fitted(text: str, width: int) -> str:
    text = printable(text)
    return f"{text if len(text) <= width else '…' + text[1 - width :]:<{width}}"


def _coloured(drawn: str) -> str:
    colours = {"=": "green", "#": "red", "·": None}
    return "".join(click.style("".join(run), fg=colours[each]) for each, run in groupby(drawn))
