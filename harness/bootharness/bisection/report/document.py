"""A hunt as JSON. Within one version fields are added but never change their meaning."""

from typing import Any

import msgspec
from msgspec import Struct

from bootharness.bisection.answer import Answer
from bootharness.bisection.bisect import HuntResult
from bootharness.bisection.config_answer import ConfigAnswer
from bootharness.bisection.culprit import Culprit
from bootharness.bisection.log import Seen
from bootharness.bisection.search import Found, Lost
from bootharness.report.document import schema_of

__all__ = ["HUNT_SCHEMA_VERSION", "hunt_document", "hunt_schema"]

HUNT_SCHEMA_VERSION = 1


class _Stage(Struct, frozen=True):
    """A part of a hunt that has several: the main line, or the branch that a merge brought in."""

    title: str
    size: int
    sought: str | None
    found: Found | None
    lost: Lost | None
    boots: tuple[Seen, ...]


class _Document(Struct, frozen=True):
    """A hunt: what was searched, what came of it, and every boot in order.

    ``size`` is the number of positions, ``sought`` the cause that was looked for, and ``hunted``
    is that in words, with the pattern that a person gave it. One of
    ``found`` and ``lost`` is there, and ``answer`` with the former. A hunt through a history and
    merged branches has ``stages``, and then the rest is of the stage with the answer. What of an
    answer is open is in ``undecided``, and ``advice`` says what to do about a hunt without one.
    ``config`` is there where configurations were searched, ``culprit`` where a commit was found;
    ``built`` is the toolchain of a hunt that builds, with ccache where that is between.
    """

    schema_version: int
    title: str
    size: int
    sought: str | None
    confidence_wanted: float
    found: Found | None
    lost: Lost | None
    answer: Answer | None
    boots: tuple[Seen, ...]
    stages: tuple[_Stage, ...]
    undecided: str
    advice: str
    config: ConfigAnswer | None = None
    culprit: Culprit | None = None
    hunted: str = ""
    built: str = ""


def hunt_document(result: HuntResult) -> dict[str, Any]:
    """Return the JSON document of a hunt as plain values."""
    search, end = result.search, result.search.result
    document: dict[str, Any] = msgspec.to_builtins(
        _Document(
            schema_version=HUNT_SCHEMA_VERSION,
            title=result.title,
            size=search.size,
            sought=search.sought,
            confidence_wanted=search.confidence,
            found=end if isinstance(end, Found) else None,
            lost=result.lost,
            answer=result.answer,
            boots=result.boots,
            stages=tuple(map(_stage, result.stages)),
            undecided=result.undecided,
            advice=result.advice,
            config=result.config,
            culprit=result.culprit,
            hunted=result.hunted,
            built=result.built,
        )
    )
    return document


def _stage(result: HuntResult) -> _Stage:
    search, end = result.search, result.search.result
    return _Stage(
        title=result.title,
        size=search.size,
        sought=search.sought,
        found=end if isinstance(end, Found) else None,
        lost=result.lost,
        boots=result.boots,
    )


def hunt_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return schema_of(_Document, f"bootharness bisect, version {HUNT_SCHEMA_VERSION}")
