"""A result as it is written into a history, and the digest by which it is the same in every one."""

import hashlib
from typing import Any, Literal

import msgspec

from bootharness.runs.result import Moment

__all__ = [
    "ADD_ATTEMPT",
    "ADD_RESULT",
    "ATTEMPT",
    "RESULT",
    "AttemptRow",
    "LimitRow",
    "Written",
    "attempt_rows",
    "result_row",
    "uid_of",
]

RESULT = "key, made_at, harness, cell"
ATTEMPT = "number, verdict, cause, sentence, seconds, facts, trace, picture, host"
AttemptRow = tuple[
    int, Literal["good", "bad", "skip"], str | None, str, float, str, bytes, bytes, str
]
"""What is written of an attempt."""
LimitRow = tuple[str, str, str, int | None, Moment]
ADD_RESULT = f"INSERT INTO result (id, {RESULT}, uid) VALUES (?, ?, ?, ?, ?, ?)"
ADD_ATTEMPT = f"INSERT INTO attempt (result, {ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Written(msgspec.Struct, frozen=True, array_like=True):
    """A result as it is written down: the values of its row, and those of each attempt."""

    key: Any
    made_at: Any
    harness: Any
    cell: Any
    attempts: tuple[tuple[Any, ...], ...]


def uid_of(written: Written) -> str:
    """Return the digest by which a result is the same in every history: of its values, as
    MessagePack has them."""
    return hashlib.sha256(msgspec.msgpack.encode(written)).hexdigest()


def result_row(number: int | None, written: Written, uid: str) -> tuple[Any, ...]:
    """Return what `ADD_RESULT` adds."""
    return number, written.key, written.made_at, written.harness, written.cell, uid


def attempt_rows(number: int | None, written: Written) -> list[tuple[Any, ...]]:
    """Return what `ADD_ATTEMPT` adds, for each attempt."""
    return [(number, *each) for each in written.attempts]
