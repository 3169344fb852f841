"""A hunt on a terminal: every boot with the range as a picture, and at last the answer.

====================····················########
good so far         not known           bad
"""

import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import TextIO

import click

from bootharness.bisection.answer import Answer
from bootharness.bisection.build_log import last_said
from bootharness.bisection.config_answer import ConfigAnswer
from bootharness.bisection.culprit import Culprit
from bootharness.bisection.evidence import bad_probability
from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.log import Seen
from bootharness.bisection.ranges import Range
from bootharness.bisection.report.symbols import symbol_table
from bootharness.bisection.report.words import certainty, turn
from bootharness.bisection.search import Lost, Search
from bootharness.diagnosis.verdict import Verdict
from bootharness.report.lines import Words, say, say_row, say_rows, width_of
from bootharness.report.live import Clock
from bootharness.text import printable

__all__ = ["TerminalHunt", "picture", "print_answer", "print_config", "print_culprit", "print_lost"]

_COLOURS = {Verdict.GOOD: "green", Verdict.BAD: "red", Verdict.SKIP: "yellow"}
_PICTURE = 32
_SURE = 0.06
_INDENT = 5
_WIDE = 100
_MOST_GROWTH = 12


def picture(search: Search, width: int = _PICTURE) -> str:
    """Draw a range: ``=`` where it is good, ``#`` where it is bad, ``·`` where that is open."""
    drawn = []
    for column in range(width):
        position = column * (search.size - 1) // (width - 1)
        probability = bad_probability(search.blocks, position) if search.tallies else 0.5
        drawn.append("=" if probability < _SURE else "#" if probability > 1 - _SURE else "·")
    return "".join(drawn)


class TerminalHunt(HuntObserver):
    """Prints each boot; on a terminal, what is being tried below them, with a clock."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._clock = Clock(output)
        self._builds: dict[str, tuple[Path, float]] = {}
        self._of_builds = Lock()

    def preparing(self, what: str) -> None:
        """Show it until something is printed; where nobody looks at a screen, say it once."""
        self._clock.show(printable(what))
        if not self._output.isatty():
            click.echo(printable(what), err=True)

    def begun(self, searched: Range, workers: int) -> None:
        """Say what is searched."""
        self.over()
        self._range, self._workers, self._number = searched, workers, 0
        say(self._output, (printable(searched.title), {"bold": True}))
        say(self._output, ("= good   · not known yet   # bad", {"dim": True}), indent=_INDENT)

    def trying(self, search: Search, positions: list[int]) -> None:
        """Show what is being tried."""
        if positions:
            left = search.steps_left(self._workers)
            self._clock.show(lambda: self._status(left, positions), below=picture(search))

    def _status(self, left: int, positions: list[int]) -> str:
        """Return what is being tried, and how far what is being built for it has come."""
        with self._of_builds:
            builds = [*self._builds.items()]
        names = ", ".join(printable(self._range.label(at)) for at in positions)
        lines = [f"about {left} left; trying {names}"]
        for name, (log, began) in builds:
            said = "".join(last_said(log, 1))
            lines += [f"building {name.split(' ')[0]} {_clock(time.monotonic() - began)}  {said}",
                      f"log {log}"]  # fmt: skip
        return "\n".join(lines)

    def building(self, name: str, log: Path) -> None:
        """Show a build with what it says last; where nobody looks at a screen, say it once."""
        with self._of_builds:
            self._builds[name] = (log, time.monotonic())
        if not self._output.isatty():
            click.echo(f"building {printable(name)}; log {log}", err=True)

    def built(self, name: str, seconds: float, failure: str) -> None:
        """Show it no more."""
        with self._of_builds:
            self._builds.pop(name, None)
        if not self._output.isatty():
            how = f": {printable(failure)}" if failure else ""
            said = "does not build" if failure else "built"
            click.echo(f"{said}: {printable(name)}, {_clock(seconds)}{how}", err=True)

    def branch(self, merge: str, tip: str) -> None:
        """Say that the range turns at a merge, and which branch comes next."""
        self.over()
        click.echo(file=self._output)
        say(self._output, ("TURNS AT", {"bold": True}), "", printable(merge))
        say(self._output, "it is a merge; on with the branch that it brought in, up to "
            f"{printable(tip)}")  # fmt: skip
        click.echo(file=self._output)

    def experiments(self, done: int, total: int) -> None:
        """Show how many experiments are done."""
        self._clock.show(f"trying the answer: {done} of {total} experiments done")

    def note(self, sentence: str) -> None:
        """Print it."""
        self.over()
        say(self._output, printable(sentence))

    def over(self) -> None:
        """Take the status line away."""
        self._clock.stop()

    def seen(self, search: Search, seen: Seen) -> None:
        """Print a boot."""
        self.over()
        self._number += 1
        meaning = search.meaning(seen.observation)
        verdict = (f"{seen.verdict.upper():<4}", {"fg": _COLOURS[meaning], "bold": True})
        said = seen.cause or ""
        if meaning is not seen.verdict:
            said += " (another cause)"
        took = "known" if seen.cached else f"{seen.seconds:.1f} s"
        left = search.steps_left(self._workers)
        row: list[Words] = [f"{self._number:3}", verdict, printable(seen.label)]
        row += [said, took, *([f"~{left} left"] if left else [])]
        # where there is no room for it, it is drawn below, while the hunt goes on
        if (width_of(self._output) or _WIDE) >= _WIDE:
            row.append(_coloured(picture(search)))
        say_row(self._output, row)
        if seen.verdict is Verdict.SKIP and seen.sentence:
            say(self._output, (printable(seen.sentence), {"dim": True}), indent=_INDENT)


def print_lost(lost: Lost, seen: Sequence[Seen], output: TextIO, advice: str = "") -> None:
    """Say why there is no answer, what the last boot of the kernel in question said, and what to
    do."""
    click.echo(file=output)
    say(output, ("NOT FOUND", {"fg": "yellow", "bold": True}), "", printable(lost.reason))
    last = [each for each in seen if each.position == lost.position][-1:]
    for each in last:
        if each.sentence:
            say(output, printable(f"{each.label}: {each.sentence}"), indent=_INDENT)
    if advice:
        say(output, (printable(advice), {"bold": True}), indent=_INDENT)


def print_answer(answer: Answer, output: TextIO) -> None:
    """Print the answer: the first bad one, the sentence, the experiments, and the two kernels."""
    click.echo(file=output)
    for each in turn(answer):
        name = (each.name.upper(), {"fg": _COLOURS[each.verdict], "bold": True})
        say(output, name, "", each.label)
    say(output, f"{answer.bad.cause}: {printable(answer.bad.sentence)}", indent=_INDENT)
    click.echo(file=output)
    say(output, (printable(answer.conclusion), {"bold": True}), indent=_INDENT)
    click.echo(file=output)
    for outcome in answer.outcomes:
        verdict = (f"{outcome.verdict.upper():<4}",
                   {"fg": _COLOURS[outcome.verdict], "bold": True})  # fmt: skip
        why = f": {printable(outcome.why)}" if outcome.why else ""
        say(output, verdict, f"{outcome.what}{why}", indent=_INDENT)
    say(output, (printable(certainty(answer)), {"dim": True}), indent=_INDENT)
    by_verdict = {each.verdict: each.name for each in turn(answer)}
    names = (by_verdict[Verdict.GOOD], by_verdict[Verdict.BAD])
    rows: list[list[Words]] = [["differs in", *names]]
    for row in answer.rows:
        if row.differs:
            good, bad = printable(row.good), printable(row.bad)
            rows.append([printable(row.name), (good, {"fg": "green"}), (bad, {"fg": "red"})])
    if len(rows) > 1:
        click.echo(file=output)
        say_rows(output, rows, indent=_INDENT)


def print_culprit(culprit: Culprit, output: TextIO, built: str = "") -> None:
    """Print what built the kernels, who wrote a commit, what it changes, and the lines that are
    written about it."""
    if built:
        say(output, (printable(f"built with {built}"), {"dim": True}), indent=_INDENT)
    click.echo(file=output)
    say(output, printable(f"{culprit.commit} {culprit.subject}"), indent=_INDENT)
    say(output, printable(f"{culprit.author}, {culprit.date}"), indent=_INDENT)
    for line in culprit.diffstat:
        say(output, printable(line), indent=_INDENT + 2)
    for line in (culprit.fixes, culprit.regzbot):
        if line:
            say(output, printable(line), indent=_INDENT)
    if culprit.letter:
        hint = "a text to send is in what --markdown, --html and --json write"
        say(output, (hint, {"dim": True}), indent=_INDENT)


def print_config(config: ConfigAnswer, output: TextIO) -> None:
    """Print the guilty symbols, or which made the kernel grow most."""
    table = symbol_table(config, _MOST_GROWTH)
    click.echo(file=output)
    say_rows(output, (table.head, *table.rows), indent=_INDENT)
    for note in table.notes:
        say(output, (note, {"dim": True}), indent=_INDENT)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _coloured(drawn: str) -> str:
    colours = {"=": "green", "#": "red", "·": None}
    return "".join(click.style("".join(run), fg=colours[each]) for each, run in groupby(drawn))
