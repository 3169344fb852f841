"""What has changed from one gate to another, for people and as JSON."""

from collections import Counter
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from msgspec import Struct

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.diff import GateDiff, Turn, Turned
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.document import Step, steps
from bootharness.gate.report.headline import bad_baseline
from bootharness.gate.report.words import kernel_name, sentences
from bootharness.gate.series import short
from bootharness.report.document import schema_of
from bootharness.report.lines import Words, say
from bootharness.text import count, printable

__all__ = [
    "DIFF_SCHEMA_VERSION", "TOLD", "TURNS", "diff_document", "diff_schema", "headline",
    "print_diff", "said", "sides", "told_of", "was",
]  # fmt: skip

DIFF_SCHEMA_VERSION = 1
TURNS: dict[Turn, tuple[str, str]] = {
    Turn.BROKEN: ("BAD", "red"),
    Turn.OTHERWISE: ("BAD", "red"),
    Turn.LOST: ("UNKNOWN", "magenta"),
    Turn.WARNED: ("WARN", "yellow"),
    Turn.FIXED: ("FIXED", "green"),
    Turn.HELD: ("HELD", "yellow"),
    Turn.KNOWN: ("GOOD", "green"),
    Turn.NEW: ("NEW", "cyan"),
    Turn.GONE: ("GONE", "cyan"),
}
"""How a turn is called, and its colour on a terminal."""
_COUNTED = {
    Turn.BROKEN: "newly bad",
    Turn.OTHERWISE: "bad in another way",
    Turn.LOST: "not known now",
    Turn.WARNED: "with a new warning",
    Turn.FIXED: "fixed",
    Turn.HELD: "bad as before and expected to be now",
    Turn.KNOWN: "good and not known before",
    Turn.NEW: "new",
    Turn.GONE: "gone",
}
TOLD = (Turn.BROKEN, Turn.OTHERWISE, Turn.LOST, Turn.WARNED)
"""What there is to look at: more than a line is said of it."""
_MOST_TOLD = 8
_INDENT = 5
_DIM = {"dim": True}


def headline(diff: GateDiff) -> str:
    """Say in one sentence what has changed, the worst first."""
    boots: Counter[Turn] = Counter()
    for each in diff.turned:
        boots[each.turn] += len(each.group.entries)
    numbers = {said: boots[turn] for turn, said in _COUNTED.items() if boots[turn]}
    if untried := diff.after.untried:
        numbers["not made, for the later gate was interrupted"] = untried
    if not numbers:
        return f"nothing has changed: {count(diff.same, 'boot')} as before"
    if diff.same:
        numbers["as before"] = diff.same
    (first, number), *rest = numbers.items()
    others = (f", {number:,} {said}" for said, number in rest)
    apart = "; no boot is in both, so nothing was compared" if diff.apart else ""
    return f"{count(number, 'boot')} {first}{''.join(others)}{apart}"


def said(turned: Turned) -> str:
    """Say which cells these are, how they stand now, and how they stood before."""
    return f"{turned.group.said}; {was(turned.turn, turned.before[0])}"


def was(turn: Turn, old: Entry | None) -> str:
    """Say how a cell stood before that has turned so."""
    match turn:
        case Turn.GONE:
            return "not booted now"
        case Turn.HELD:
            return "so before, and expected now"
        case Turn.WARNED:
            return "no such warning before"
    if old is None:
        return "not booted before"
    decisive = old.result.decisive
    if old.standing is Standing.UNKNOWN:
        return f"not known before ({decisive.cause})" if decisive.cause else "not known before"
    if old.result.verdict is Verdict.GOOD:
        return "good before" if old.result.as_expected else "good before, which was not expected"
    expected = ", which was expected" if old.result.as_expected else ""
    return f"{decisive.cause} before{expected}"


def print_diff(diff: GateDiff, before: Path, after: Path, output: TextIO) -> None:
    """Print what has changed from one file to another; in colours on a terminal alone."""
    told = [each for each in diff.turned if each.turn in TOLD]
    for each in told[:_MOST_TOLD]:
        _print_told(each, output)
    if told[_MOST_TOLD:]:
        more = count(len(told) - _MOST_TOLD, "other kind")
        say(output, (f"and {more} of change for the worse", _DIM))
    if told:
        click.echo(file=output)
    for each in diff.turned:
        if each.turn not in TOLD:
            boots = count(len(each.group.entries), "boot")
            say(output, _word(each.turn), "", printable(said(each)), (f"({boots})", _DIM))
    for old, new in diff.builds:
        say(output, (f"{printable(short(new))} is compared with {printable(short(old))}", _DIM))
    if bad := bad_baseline(diff.after):
        say(output, printable(f"{after}: {bad}"))
    word, colour = {0: ("GOOD", "green"), 1: ("BAD", "red")}.get(
        diff.exit_status, ("UNKNOWN", "magenta")
    )
    say(output, (word, {"fg": colour, "bold": True}), headline(diff))
    say(output, (printable(sides(diff, before, after)), _DIM))


def sides(diff: GateDiff, before: Path, after: Path) -> str:
    """Say how many boots there are in either file."""
    return "; ".join(
        f"{file}: {count(len(gate.candidates), 'boot')}"
        for file, gate in ((before, diff.before), (after, diff.after))
    )


def _word(turn: Turn) -> Words:
    word, colour = TURNS[turn]
    return word, {"fg": colour, "bold": True}


def _print_told(turned: Turned, output: TextIO) -> None:
    entry, boots = turned.group.first, len(turned.group.entries)
    click.echo(file=output)
    say(output, _word(turned.turn), "", (printable(said(turned)), {"bold": True}))
    if boots > 1:
        say(output, (f"{count(boots, 'boot')}; the first of them,", _DIM),
            printable(kernel_name(entry)), printable(entry.way), indent=_INDENT)  # fmt: skip
    for sentence in told_of(turned):
        say(output, printable(sentence), indent=_INDENT)
    if turned.changes:
        changed = printable(", ".join(map(str, turned.changes)))
        say(output, (f"since then: {changed}", _DIM), indent=_INDENT)
    for step in steps(turned.group):
        if step.what != "hold":
            # on one line, however long: it is to be copied
            click.echo(f"{'':{_INDENT}}{step.what}: {printable(step.text)}", file=output)


def told_of(turned: Turned) -> tuple[str, ...]:
    """Return what is to be said of the first cell; of since when it is so, its gate says more."""
    if turned.turn is Turn.WARNED:
        return turned.warnings
    entry = msgspec.structs.replace(turned.group.first, since=None, remarks=())
    return sentences(entry)


class _Side(Struct, frozen=True):
    """One of the two gates: its file, where its candidates stand, and how many boots it has."""

    file: str
    standing: Standing
    boots: int
    untried: int


class _Pair(Struct, frozen=True):
    """The places of a cell in the entries of either file; null where it is in one alone."""

    before: int | None
    after: int | None


class _Turned(Struct, frozen=True):
    """Cells that have turned alike. ``changes`` are in what the first two boots differ, and
    ``warnings`` the new ones of the first."""

    turn: Turn
    cause: str | None
    sentence: str
    kernels: tuple[str, ...]
    cells: tuple[_Pair, ...]
    changes: tuple[str, ...]
    warnings: tuple[str, ...]
    next_steps: tuple[Step, ...]


class _Document(Struct, frozen=True):
    """What has changed from one gate to another; ``same`` cells are as they were, ``builds`` are
    kernels that were compared as two builds of one thing."""

    schema_version: int
    exit_status: int
    headline: str
    before: _Side
    after: _Side
    same: int
    builds: tuple[tuple[str, str], ...]
    turned: tuple[_Turned, ...]


def diff_document(diff: GateDiff, before: Path, after: Path) -> dict[str, Any]:
    """Return the JSON document of a comparison as plain values."""
    old, new = _places(diff.before), _places(diff.after)
    turned = []
    for each in diff.turned:
        gone = each.turn is Turn.GONE
        cells = (
            (entry, None) if gone else (was, entry)
            for entry, was in zip(each.group.entries, each.before, strict=True)
        )
        turned.append(
            _Turned(
                turn=each.turn,
                cause=each.group.cause,
                sentence=said(each),
                kernels=each.group.fold.sources,
                cells=tuple(_Pair(_place(one, old), _place(other, new)) for one, other in cells),
                changes=tuple(map(str, each.changes)),
                warnings=each.warnings,
                next_steps=steps(each.group) if each.turn in TOLD else (),
            )
        )
    document = _Document(
        schema_version=DIFF_SCHEMA_VERSION,
        exit_status=diff.exit_status,
        headline=headline(diff),
        before=_side(before, diff.before),
        after=_side(after, diff.after),
        same=diff.same,
        builds=diff.builds,
        turned=tuple(turned),
    )
    plain: dict[str, Any] = msgspec.to_builtins(document)
    return plain


def _places(gate: GateOutcome) -> dict[object, int]:
    return {each.result.cell: number for number, each in enumerate(gate.entries)}


def _place(entry: Entry | None, places: dict[object, int]) -> int | None:
    return places[entry.result.cell] if entry else None


def _side(file: Path, gate: GateOutcome) -> _Side:
    return _Side(str(file), gate.standing, len(gate.candidates), gate.untried)


def diff_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return schema_of(_Document, f"bootharness gate diff, version {DIFF_SCHEMA_VERSION}")
