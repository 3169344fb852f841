"""A gate as JSON. Within one version fields are added but never change their meaning."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Struct

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.gate.events import Event
from bootharness.gate.groups import Group, groups
from bootharness.gate.outcome import Change, Entry, GateOutcome, Pace, Remark, Standing
from bootharness.gate.report.headline import bad_baseline, headline
from bootharness.gate.report.next_steps import next_steps
from bootharness.gate.report.pictured import pictured
from bootharness.gate.shard import Shard
from bootharness.gate.since import Since
from bootharness.host.regular import read_regular
from bootharness.predictor.headroom import Headroom
from bootharness.report.document import schema_of
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, BootFacts, CellResult, Moment
from bootharness.runs.where import Host
from bootharness.text import plainly

__all__ = ["GATE_SCHEMA_VERSION", "Step", "gate_document", "gate_schema", "read_gate", "steps"]

GATE_SCHEMA_VERSION = 3
_FILE_BYTES = 1 << 28


CauseId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}$")]


class _Attempt(Struct, frozen=True):
    """One boot of a cell; ``seconds`` is how long all of it took, ``host`` the computer that it was
    made on. A shard has a ``picture`` of the one that stands for all, for the pages of a merge."""

    verdict: Verdict
    cause: CauseId | None
    sentence: str
    seconds: float
    facts: BootFacts
    host: Host = Host()
    picture: bytes = b""


class _Entry(Struct, frozen=True):
    """One cell: how it was booted, every attempt, and what stands for them.

    ``again`` is the command that boots the same. ``since`` is how it goes on from what was known
    before: by the baseline, by the other kernels of its series in this gate, and by the history.
    """

    standing: Standing
    cell: Cell
    way: str
    baseline: bool
    key: str
    cached: bool
    flaky: bool
    as_expected: bool | None
    verdict: Verdict
    cause: str | None
    sentence: str
    again: str
    attempts: tuple[_Attempt, ...]
    changes: tuple[Change, ...]
    remarks: tuple[Remark, ...]
    pace: Pace | None
    since: Since | None


class Step(Struct, frozen=True):
    """What to do next: ``what`` for, and the command, or for "hold" the lines of a matrix."""

    what: str
    text: str


class _Group(Struct, frozen=True):
    """Cells that fail alike: ``entries`` are their places in the list of all."""

    standing: Standing
    cause: str | None
    sentence: str
    kernels: tuple[str, ...]
    entries: tuple[int, ...]
    next_steps: tuple[Step, ...]


class _Document(Struct, frozen=True):
    """A gate: where the candidates stand together, and every cell; ``untried`` ones were not
    booted, for it was interrupted. ``bad_baseline`` is said of a baseline that is bad itself, and
    ``still_accepted`` tells that what fails as it does was not refused for that. ``expired`` are
    sentences on expectations that hold no longer, ``events`` what has happened over the months.
    ``made_at`` is when it began, in seconds since 1970, and ``shard`` which part of a gate it is
    where it is not all of one, with what `bootharness merge` has to know of the whole."""

    schema_version: int
    standing: Standing
    exit_status: int
    headline: str
    bad_baseline: str
    still_accepted: bool
    expired: tuple[str, ...]
    seconds: float
    cached: int
    untried: int
    patterns: tuple[str, ...]
    groups: tuple[_Group, ...]
    headroom: tuple[Headroom, ...]
    entries: tuple[_Entry, ...]
    events: tuple[Event, ...]
    made_at: float
    shard: Shard | None


def gate_document(outcome: GateOutcome) -> dict[str, Any]:
    """Return the JSON document of a gate as plain values."""
    kept = pictured(outcome) if outcome.shard else ()
    document = _Document(
        schema_version=GATE_SCHEMA_VERSION,
        standing=outcome.standing,
        exit_status=outcome.exit_status,
        headline=headline(outcome),
        bad_baseline=bad_baseline(outcome),
        still_accepted=outcome.still_accepted,
        expired=outcome.expired,
        seconds=outcome.seconds,
        cached=outcome.cached,
        untried=outcome.untried,
        patterns=outcome.patterns,
        groups=tuple(_groups(outcome)),
        headroom=outcome.headroom,
        entries=tuple(
            _entry(each, picture=number in kept) for number, each in enumerate(outcome.entries)
        ),
        events=outcome.events,
        made_at=outcome.made_at,
        shard=outcome.shard,
    )
    plain: dict[str, Any] = msgspec.to_builtins(document)
    return plain


def _groups(outcome: GateOutcome) -> Iterator[_Group]:
    places = {id(entry): number for number, entry in enumerate(outcome.entries)}
    for each in groups(outcome):
        yield _Group(
            standing=each.standing,
            cause=each.cause,
            sentence=each.said,
            kernels=each.fold.sources,
            entries=tuple(places[id(entry)] for entry in each.entries),
            next_steps=steps(each),
        )


def steps(group: Group) -> tuple[Step, ...]:
    """Return what to do next about a group."""
    return tuple(Step(what, text) for what, text in next_steps(group))


def _entry(entry: Entry, *, picture: bool) -> _Entry:
    result, decisive = entry.result, entry.result.decisive
    return _Entry(
        standing=entry.standing,
        cell=result.cell,
        way=entry.way,
        baseline=entry.baseline,
        key=result.key,
        cached=result.cached,
        flaky=result.flaky,
        as_expected=result.as_expected,
        verdict=result.verdict,
        cause=decisive.cause,
        sentence=decisive.sentence,
        again=entry.again,
        attempts=tuple(
            _Attempt(
                each.verdict,
                each.cause,
                each.sentence,
                each.seconds,
                each.facts,
                each.host,
                each.picture if picture and each is decisive else b"",
            )
            for each in result.attempts
        ),
        changes=entry.changes,
        remarks=entry.remarks,
        pace=entry.pace,
        since=entry.since,
    )


def gate_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return schema_of(_Document, f"bootharness gate, version {GATE_SCHEMA_VERSION}")


class _KeptEntry(Struct):
    """What of a document's cell the rest can be told from."""

    cell: Cell
    attempts: tuple[_Attempt, ...]
    way: str = ""
    baseline: bool = False
    key: str = ""
    cached: bool = False
    changes: tuple[Change, ...] = ()
    remarks: tuple[Remark, ...] = ()
    pace: Pace | None = None
    since: Since | None = None


class _Kept(Struct):
    schema_version: int
    entries: tuple[_KeptEntry, ...]
    untried: Annotated[int, msgspec.Meta(ge=0, le=1 << 20)] = 0
    still_accepted: bool = False
    seconds: float = 0.0
    headroom: tuple[Headroom, ...] = ()
    expired: tuple[str, ...] = ()
    made_at: Moment = 0.0
    shard: Shard | None = None


def read_gate(path: Path) -> GateOutcome:
    """Read a gate that was written as JSON: its cells, without what was known from before.

    Raises UsageError, naming the file and the field, for anything else.
    """
    written = read_regular(path, most=_FILE_BYTES)
    try:
        kept = msgspec.json.decode(written, type=_Kept)
    except (msgspec.ValidationError, UsageError) as error:
        raise UsageError(f"{path}: not what `gate --json` writes: {plainly(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: not a JSON file: {error}") from error
    if kept.schema_version != GATE_SCHEMA_VERSION:
        raise UsageError(
            f"{path}: schema_version: it is {kept.schema_version}, and this bootharness reads "
            f"{GATE_SCHEMA_VERSION}: write it anew with `gate --json`"
        )
    for number, each in enumerate(kept.entries):
        if not each.attempts:
            raise UsageError(f"{path}: entries[{number}].attempts: it is empty, and a boot has one")
    entries = tuple(
        Entry(
            CellResult(each.cell, each.key, tuple(
                Attempt(one.verdict, one.cause, one.sentence, one.seconds, one.facts,
                        picture=one.picture, host=one.host)
                for one in each.attempts
            ), each.cached),
            each.way, each.baseline, each.changes, each.remarks, each.pace, each.since,
        )
        for each in kept.entries
    )  # fmt: skip
    return GateOutcome(
        entries, headroom=kept.headroom, seconds=kept.seconds, untried=kept.untried,
        still_accepted=kept.still_accepted, expired=kept.expired, made_at=kept.made_at,
        shard=kept.shard,
    )  # fmt: skip
