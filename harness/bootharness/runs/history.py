"""The history: every attempt that was made, in an SQLite database that many may write to.

A result is found again by its cell's identity, and told from those of other histories by its `uid`,
a digest of all that is written of it: the same result is the same everywhere. The database's
`user_version` counts the steps of `MIGRATIONS` that it has gone through.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import BootHarnessError, LaunchFailed, UsageError
from bootharness.host.cache import state_dir
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline
from bootharness.predictor.headroom import PartLimit
from bootharness.runs.cell import Cell
from bootharness.runs.migrations import MIGRATIONS
from bootharness.runs.result import Attempt, BootFacts, CellResult, LimitSeen, Moment, Past
from bootharness.runs.taking import Taking
from bootharness.runs.where import Host
from bootharness.runs.written import (
    ADD_ATTEMPT,
    ADD_RESULT,
    LimitRow,
    Written,
    attempt_rows,
    result_row,
    uid_of,
)

__all__ = ["History", "history_file"]

_BUSY_S = 60.0
_ELSEWHERE = "--history or BOOTHARNESS_HISTORY can name another file"
_OF_OTHERS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# what of a database is wrong, and not its place or its time
_OF_THE_FILE = {
    getattr(sqlite3, f"SQLITE_{name}")
    for name in ("ERROR", "CORRUPT", "NOTADB", "MISMATCH", "CONSTRAINT", "FORMAT", "SCHEMA")
}
_DAMAGED = (msgspec.MsgspecError, BootHarnessError, ValueError, TypeError, RecursionError)
_ResultRow = tuple[int, Moment, str, str, str, str]
_OutcomeRow = tuple[
    int, Moment, str, str, str, Verdict, str | None, str | None, str | None, str | None
]
_ReadRow = tuple[Verdict, str | None, str, float, str, str]


def history_file() -> Path:
    """Return where the history is: ``$BOOTHARNESS_HISTORY``, or in the XDG folder for state."""
    given = os.environ.get("BOOTHARNESS_HISTORY")
    return Path(given) if given else state_dir() / "history.sqlite3"


class History(Closing):
    """The database; use as a context manager.

    A ``draft`` is one that nobody else has yet, and that is of no use before it is closed. Raises
    UsageError when the file is no such database or of a newer version, LaunchFailed when it cannot
    be written to.
    """

    def __init__(self, path: Path, *, draft: bool = False) -> None:
        self.path, self._draft = path, draft
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: not a regular file, so not a history")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            with ExitStack() as stack:
                stack.callback(self._database.close)
                if draft:
                    self._database.execute("PRAGMA journal_mode = OFF")
                else:
                    self._keep_a_log()
                self._database.execute(f"PRAGMA synchronous = {'OFF' if draft else 'NORMAL'}")
                self._database.execute("PRAGMA foreign_keys = ON")
                self._migrate()
                stack.pop_all()
        except UsageError:
            raise
        except sqlite3.Error as error:
            raise _refused(path, error) from error
        except (*_DAMAGED, KeyError) as error:
            raise UsageError(f"{path}: a history that is damaged: {error}") from error
        except OSError as error:
            raise LaunchFailed(
                f"{path}: the history cannot be there: {error.strerror}; {_ELSEWHERE}"
            ) from error

    def _check_ours(self) -> None:
        """Raise UsageError for a database that somebody else has made; nothing is written to it."""
        tables = {name for (name,) in self._database.execute("SELECT name FROM sqlite_master")}
        if tables and not (self._version() and "result" in tables):
            raise UsageError(
                f"{self.path}: not a history of bootharness, but a database of something else; "
                "name another file"
            )

    def _keep_a_log(self) -> None:
        """Have what is committed survive the end of the process, whatever ends it.

        SQLite does not wait for others who do the same to a new file; so we do.
        """
        deadline = Deadline.after(_BUSY_S)
        while True:
            try:
                self._check_ours()
                self._database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if _code(error) not in _OF_OTHERS or deadline.expired:
                    raise
                with self._writing():
                    pass

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return
        with self._writing():
            version = self._version()  # somebody else may have done it meanwhile
            if version < 0:
                raise UsageError(f"{self.path}: not a history of bootharness: version {version}")
            if version > len(MIGRATIONS):
                raise UsageError(
                    f"{self.path}: this history is of a newer bootharness (version {version}, and "
                    f"this one knows {len(MIGRATIONS)}): use that one, or name another file"
                )
            for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
                if callable(step):
                    step(self._database)
                else:
                    for statement in filter(str.strip, step.split(";")):
                        self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {number}")

    def _version(self) -> int:
        version: int = self._database.execute("PRAGMA user_version").fetchone()[0]
        return version

    def add(self, result: CellResult, *, harness: str) -> None:
        """Write a result down, all of it or nothing."""
        attempts = tuple(
            (number, each.verdict.value, each.cause, each.sentence, float(each.seconds),
             _json(each.facts), each.trace, each.picture, _json(each.host))
            for number, each in enumerate(result.attempts)
        )  # fmt: skip
        written = Written(result.key, time.time(), harness, _json(result.cell), attempts)
        with self._writing():
            row = self._database.execute(ADD_RESULT, result_row(None, written, uid_of(written)))
            self._database.executemany(ADD_ATTEMPT, attempt_rows(row.lastrowid, written))

    @contextmanager
    def taking(self) -> Iterator[Taking]:
        """Take results of others over, all or nothing; a draft is put in order at the end."""
        with self._writing():
            indexes = self._rows(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql != ''"
            )
            for name, _ in indexes if self._draft else ():
                self._database.execute(f"DROP INDEX {name}")
            taking = Taking(self._database, empty=self._draft)
            yield taking
            taking.done()
            for _, statement in indexes if self._draft else ():
                self._database.execute(statement)

    def find(self, cell: Cell, key: str) -> CellResult | None:
        """Return the last result with a key that found something out, traces left out."""
        number = self._last_known(key)
        if number is None:
            return None
        try:
            return CellResult(cell, key, tuple(self._attempts(number)), cached=True)
        except UsageError:  # damaged: it is booted again
            return None

    def with_traces(self, result: CellResult) -> CellResult:
        """Return what `find` has found with the traces, compressed as they were added."""
        number = self._last_known(result.key)
        if number is None:
            return result
        attempts = (
            replace(each, trace=self.trace(number, at)) for at, each in enumerate(result.attempts)
        )
        return replace(result, attempts=tuple(attempts))

    def _last_known(self, key: str) -> int | None:
        rows = self._rows(
            "SELECT id FROM result WHERE key = ? AND EXISTS (SELECT 1 FROM attempt "
            "WHERE result = id AND verdict != 'skip') ORDER BY made_at DESC, id DESC LIMIT 1",
            key,
        )
        return rows[0][0] if rows else None

    def results(self, last: int = -1) -> Iterator[Past]:
        """Yield the last results, the oldest first, traces left out.

        Raises UsageError, with its number, for one that is damaged.
        """
        rows = self._rows(
            "SELECT id, made_at, harness, key, cell, uid FROM "
            "(SELECT * FROM result ORDER BY made_at DESC, id DESC LIMIT ?) ORDER BY made_at, id",
            last,
        )
        for row in rows:
            with self._intact(row[0]):
                number, made_at, harness, key, cell, uid = msgspec.convert(row, _ResultRow)
                known = msgspec.json.decode(cell, type=Cell)
            result = CellResult(known, key, tuple(self._attempts(number)), cached=True)
            yield Past(number, made_at, harness, result, uid)

    def outcomes(self, last: int = 20_000) -> Iterator[Past]:
        """Yield what came of the last results, the oldest first: of its facts each attempt has
        the kernel's alone, and what is damaged is left out."""
        rows = self._rows(
            "SELECT result.id, made_at, harness, key, cell, verdict, cause, "
            "json_extract(facts, '$.release'), json_extract(facts, '$.sha256'), "
            "json_extract(facts, '$.compiler') FROM attempt JOIN "
            "(SELECT * FROM result ORDER BY made_at DESC, id DESC LIMIT ?) AS result "
            "ON result.id = result WHERE json_valid(facts) ORDER BY made_at, result.id, number",
            last,
        )
        for _, group in groupby(rows, key=lambda row: row[0]):
            with suppress(*_DAMAGED):
                known = [msgspec.convert(row, _OutcomeRow) for row in group]
                number, made_at, harness, key, cell, *_ = known[0]
                attempts = tuple(
                    Attempt(
                        verdict,
                        cause,
                        "",
                        facts=BootFacts(
                            release=release or "", sha256=digest or "", compiler=compiler or ""
                        ),
                    )
                    for *_, verdict, cause, release, digest, compiler in known
                )
                decoded = msgspec.json.decode(cell, type=Cell)
                yield Past(number, made_at, harness, CellResult(decoded, key, attempts))

    def kernels(self) -> tuple[BootFacts, ...]:
        """Return what is known of each kernel that was ever booted, once; not of grown ones, nor
        of what is damaged."""
        rows = self._rows(
            "SELECT facts FROM attempt JOIN result ON result.id = attempt.result "
            "WHERE CASE WHEN json_valid(facts) AND json_valid(cell) "
            "THEN json_extract(facts, '$.sha256') != '' "
            "AND json_extract(cell, '$.kernel') NOT LIKE 'grow:%' END "
            "GROUP BY CASE WHEN json_valid(facts) THEN json_extract(facts, '$.sha256') END"
        )
        known = []
        for (facts,) in rows:
            with suppress(*_DAMAGED):
                known.append(msgspec.json.decode(facts, type=BootFacts))
        return tuple(known)

    def trace(self, number: int, attempt: int) -> bytes:
        """Return the trace of an attempt of a past result, compressed as it was added."""
        rows = self._rows(
            "SELECT trace FROM attempt WHERE result = ? AND number = ?", number, attempt
        )
        return rows[0][0] if rows else b""

    def recall(self, key: str) -> bytes | None:
        """Return what was kept under a key, None when there is nothing."""
        rows = self._rows("SELECT value FROM known WHERE key = ?", key)
        return rows[0][0] if rows else None

    def keep(self, key: str, value: bytes) -> None:
        """Keep something that takes time to find out, under the digest of all it depends on."""
        with self._writing():
            self._database.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (key, value))

    def note_limits(self, loader: str, limits: Iterable[PartLimit]) -> None:
        """Note what a loader can boot now, where that is not what was noted last."""
        last = {each.part: each for each in self.limits_seen() if each.loader == loader}
        moved = [
            (loader, each.part, each.unit, each.largest, time.time())
            for each in limits
            if each.part not in last or last[each.part].largest != each.largest
        ]
        if moved:
            with self._writing():
                self._database.executemany("INSERT INTO limit_seen VALUES (?, ?, ?, ?, ?)", moved)

    def limits_seen(self) -> Iterator[LimitSeen]:
        """Yield what loaders could boot from when on, the oldest first; what is damaged is left
        out."""
        for row in self._rows("SELECT loader, part, unit, largest, at FROM limit_seen ORDER BY at"):
            with suppress(*_DAMAGED):
                yield LimitSeen(*msgspec.convert(row, LimitRow))

    def _attempts(self, number: int) -> Iterator[Attempt]:
        rows = self._rows(
            "SELECT verdict, cause, sentence, seconds, facts, host, picture FROM attempt "
            "WHERE result = ? ORDER BY number",
            number,
        )
        if not rows:
            raise UsageError(f"{self.path}: result {number} is damaged: it has no attempt")
        for row in rows:
            with self._intact(number):
                verdict, cause, said, seconds, facts, host = msgspec.convert(row[:-1], _ReadRow)
                picture = row[-1]
                if not isinstance(picture, bytes):
                    raise TypeError("its picture is no bytes")
                decoded = msgspec.json.decode(facts, type=BootFacts)
                where = msgspec.json.decode(host, type=Host)
            yield Attempt(verdict, cause, said, seconds, decoded, picture=picture, host=where)

    def _rows(self, query: str, *values: object) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _refused(self.path, error) from error

    @contextmanager
    def _intact(self, number: int) -> Iterator[None]:
        """Raise UsageError, with a result's number, for what is not as it was written."""
        try:
            yield
        except _DAMAGED as error:
            raise UsageError(f"{self.path}: result {number} is damaged: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write all or nothing, and wait for others who write."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise _refused(self.path, error) from error

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _refused(path: Path, error: sqlite3.Error) -> UsageError | LaunchFailed:
    said = " ".join(str(error).split())
    if _code(error) in _OF_THE_FILE:
        return UsageError(
            f"{path}: not a history of bootharness, or one that is damaged: {said}; name another "
            "file"
        )
    return LaunchFailed(f"{path}: the history cannot be used: {said}; {_ELSEWHERE}")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
