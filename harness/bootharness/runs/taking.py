"""Results of other histories on their way into one."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from bootharness.runs.written import (
    ADD_ATTEMPT,
    ADD_RESULT,
    LimitRow,
    Written,
    attempt_rows,
    result_row,
)

__all__ = ["Taking"]

_AT_ONCE_BYTES = 1 << 20


class Taking:
    """Results of other histories on their way into one."""

    def __init__(self, database: sqlite3.Connection, *, empty: bool) -> None:
        self._database, self._empty = database, empty
        [[self._last]] = database.execute("SELECT ifnull(max(id), 0) FROM result")
        self._results: list[tuple[Any, ...]] = []
        self._attempts: list[tuple[Any, ...]] = []
        self._bytes = 0

    def has(self, uid: str) -> bool:
        """Return whether a result was there before."""
        if self._empty:
            return False
        rows = self._database.execute("SELECT 1 FROM result WHERE uid = ?", (uid,))
        return rows.fetchone() is not None

    def result(self, written: Written, uid: str) -> None:
        """Write a result down that is not there; `done` writes what is left of them."""
        self._last += 1
        self._results.append(result_row(self._last, written, uid))
        self._attempts += attempt_rows(self._last, written)
        self._bytes += sum(len(value) for each in written.attempts for value in each
                           if isinstance(value, str | bytes))  # fmt: skip
        if self._bytes >= _AT_ONCE_BYTES:
            self.done()

    def done(self) -> None:
        """Have all results written."""
        self._database.executemany(ADD_RESULT, self._results)
        self._database.executemany(ADD_ATTEMPT, self._attempts)
        self._results, self._attempts, self._bytes = [], [], 0

    def known(self, kept: Iterable[tuple[str, bytes]]) -> None:
        """Keep what is kept nowhere yet."""
        self._database.executemany("INSERT OR IGNORE INTO known VALUES (?, ?)", kept)

    def limits(self, seen: Iterable[LimitRow]) -> None:
        """Note what is not noted yet."""
        self._database.executemany(
            "INSERT INTO limit_seen SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM "
            "limit_seen WHERE loader = ?1 AND part = ?2 AND unit = ?3 AND largest IS ?4 "
            "AND at = ?5)",
            seen,
        )
