"""A gate as JSON. Within one version fields are added but never change their meaning."""

from typing import Any

import msgspec
from msgspec import Struct

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.outcome import Change, Entry, GateOutcome, Pace, Remark, Standing
from bootharness.predictor.headroom import Headroom
from bootharness.report.document import schema_of
from bootharness.runs.cell import Cell
from bootharness.runs.result import BootFacts

__all__ = ["GATE_SCHEMA_VERSION", "gate_document", "gate_schema"]

GATE_SCHEMA_VERSION = 2


class _Attempt(Struct, frozen=True):
    """One boot of a cell; ``seconds`` is how long all of it took."""

    verdict: Verdict
    cause: str | None
    sentence: str
    seconds: float
    facts: BootFacts


class _Entry(Struct, frozen=True):
    """One cell: how it was booted, every attempt, and what stands for them.

    ``again`` is the command that boots the same.
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


class _Document(Struct, frozen=True):
    """A gate: where the candidates stand together, and every cell; ``untried`` ones were not
    booted, for it was interrupted."""

    schema_version: int
    standing: Standing
    exit_status: int
    seconds: float
    cached: int
    untried: int
    patterns: tuple[str, ...]
    headroom: tuple[Headroom, ...]
    entries: tuple[_Entry, ...]


def gate_document(outcome: GateOutcome) -> dict[str, Any]:
    """Return the JSON document of a gate as plain values."""
    document = _Document(
        schema_version=GATE_SCHEMA_VERSION,
        standing=outcome.standing,
        exit_status=outcome.exit_status,
        seconds=outcome.seconds,
        cached=outcome.cached,
        untried=outcome.untried,
        patterns=outcome.patterns,
        headroom=outcome.headroom,
        entries=tuple(_entry(each) for each in outcome.entries),
    )
    plain: dict[str, Any] = msgspec.to_builtins(document)
    return plain


def _entry(entry: Entry) -> _Entry:
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
            _Attempt(each.verdict, each.cause, each.sentence, each.seconds, each.facts)
            for each in result.attempts
        ),
        changes=entry.changes,
        remarks=entry.remarks,
        pace=entry.pace,
    )


def gate_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return schema_of(_Document, f"bootharness gate, version {GATE_SCHEMA_VERSION}")
