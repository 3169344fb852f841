"""What there is to say of a gate's boots on its page: a row for each, and what to look at."""

from collections import defaultdict
from collections.abc import Container, Mapping

from msgspec import Struct

from bootharness.diagnosis.causes import CAUSES
from bootharness.gate.groups import Group, groups
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.past import superseded
from bootharness.gate.report.next_steps import next_steps
from bootharness.gate.report.words import (
    WORDS,
    kernel_name,
    reached,
    sentences,
    shared,
    worth_a_word,
)
from bootharness.gate.since import Course
from bootharness.text import count, printable

__all__ = ["Notable", "Row", "notable_of", "row_of", "whose_failures"]

_MOST_TOGETHER = 12
_MOST_EXAMPLES = 3


class Row(Struct, frozen=True):
    """A boot in a line of text: ``number`` is its place in the gate, ``again`` the command."""

    number: int
    standing: Standing
    kernel: str
    way: str
    came: str
    tags: tuple[str, ...]
    again: str

    @property
    def label(self) -> str:
        """What a screen reader says of the cell."""
        parts = (WORDS[self.standing], self.kernel, self.way, self.came, *self.tags)
        return ", ".join(part for part in parts if part)


class Notable(Struct, frozen=True):
    """What there is to say of one boot, or of several alike: ``title`` where that needs one, and
    ``steps`` are what to do next, each with what it is for."""

    standing: Standing
    rows: tuple[Row, ...]
    more: int
    sentences: tuple[str, ...]
    title: str = ""
    steps: tuple[tuple[str, str], ...] = ()


def row_of(number: int, entry: Entry) -> Row:
    """Return the row of a cell, which has this place in the gate."""
    came, cause = reached(entry), entry.result.decisive.cause
    if cause:
        came = f"{cause} after {came}" if came else cause
    return Row(
        number=number,
        standing=entry.standing,
        kernel=printable(kernel_name(entry)),
        way=printable(entry.way),
        came=came if cause or not came else f"reached {came}",
        tags=_course(entry) + ("flaky",) * entry.result.flaky + ("reused",) * entry.result.cached,
        again=printable(entry.again),
    )


def _course(entry: Entry) -> tuple[str, ...]:
    if entry.since is None:
        return ()
    return ("still failing" if entry.since.course is Course.STILL else str(entry.since.course),)


def whose_failures(outcome: GateOutcome) -> dict[str, Group]:
    """Return the patterns that say whose a failure is, each with the worst group of its kernels."""
    failing = [each for each in groups(outcome) if each.standing is not Standing.UNKNOWN]
    found = {}
    for pattern in outcome.patterns:
        for group in failing:
            if pattern.startswith(f"{group.fold.kernels}: "):
                found[pattern] = group
                break
    return found


def notable_of(outcome: GateOutcome, rows: list[Row], whose: Mapping[str, Group]) -> list[Notable]:
    """Return what is to be looked at, a bad baseline first, then the worst; boots of which the
    same is said together."""
    common = shared(outcome)
    places = {id(entry): number for number, entry in enumerate(outcome.entries)}
    failing = groups(outcome)
    old = superseded(outcome) if outcome.past else frozenset()
    found = []
    for group in failing:
        known = [said.removeprefix(f"{group.fold.kernels}: ") for said, own in whose.items()
                 if own.entries == group.entries]  # fmt: skip
        its = [rows[places[id(entry)]] for entry in group.entries]
        may_be_held = not old.issuperset(group.fold.sources)
        found.append(_failing(group, its, known, common, held=may_be_held))
    together = {id(entry) for each in failing for entry in each.entries}
    alike: dict[tuple[bool, Standing, tuple[str, ...]], list[Row]] = defaultdict(list)
    for row, entry in zip(rows, outcome.entries, strict=True):
        if id(entry) not in together and worth_a_word(entry, common):
            said = tuple(map(printable, sentences(entry, common)))
            alike[entry.baseline, entry.standing, said].append(row)
    order = list(Standing)
    for (baseline, standing, said), same in sorted(
        alike.items(), key=lambda each: (not each[0][0], -order.index(each[0][1]))
    ):
        shown, more = tuple(same[:_MOST_TOGETHER]), max(len(same) - _MOST_TOGETHER, 0)
        steps: tuple[tuple[str, str], ...] = ()
        if standing in (Standing.BAD, Standing.UNKNOWN):
            steps = (("reproduce", same[0].again),)
        title = "the baseline" if baseline else ""
        told = Notable(standing, shown, more, said, title, steps)
        if baseline and standing in (Standing.BAD, Standing.UNKNOWN):
            found.insert(0, told)
        else:
            found.append(told)
    return found


def _failing(
    group: Group, rows: list[Row], whose: list[str], common: Container[str], *, held: bool
) -> Notable:
    """Return what there is to say of cells that fail alike: of the first of them, ``whose`` it is,
    and what its cause asks for. What need not be ``held``, for a later kernel is there, is not."""
    cause = CAUSES.get(group.cause or "")
    said = [printable(sentence) for sentence in (*sentences(group.first, common), *whose)]
    if cause and group.standing is not Standing.UNKNOWN:
        said.append(f"What to do: {cause.advice}")
    alone = len(rows) == 1
    return Notable(
        group.standing,
        tuple(rows[: 1 if alone else _MOST_EXAMPLES]),
        max(len(rows) - _MOST_EXAMPLES, 0),
        tuple(said),
        "" if alone else printable(f"{group.said} ({count(len(rows), 'boot')})"),
        tuple(
            (what, _printable_lines(text))
            for what, text in next_steps(group)
            if held or what != "hold"
        ),
    )


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))
