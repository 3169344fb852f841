"""Histories of several computers as one: what one of them has, and another has not.

A file of somebody else's is read, never written to, in bounded time: of its schema tables alone are
taken, and of its results those that are what their ids say.
"""

import heapq
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from bootharness.errors import BootHarnessError, LaunchFailed, UsageError
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline
from bootharness.host.regular import first_bytes, is_regular
from bootharness.host.workspace import Workspace
from bootharness.plan import BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.migrations import KNOWN_VERSION, text_of
from bootharness.runs.result import BootFacts, Moment
from bootharness.runs.where import Host
from bootharness.runs.written import ATTEMPT, AttemptRow, LimitRow, Written, uid_of

__all__ = ["Gathered", "gather", "new_history"]

_MAGIC = b"SQLite format 3\0"
_MOST_FILE = 1 << 40
_MOST_VALUE = 1 << 26
_MOST_KEPT = 1 << 20
_MOST_S = 600.0
_AT_ONCE = 16
_STEPS = 100_000
_AHEAD_S = 86_400
"""A clock may be wrong by so much, and not by more: the newest result of a boot is what counts."""
_DAMAGED = (msgspec.MsgspecError, BootHarnessError, ValueError, TypeError, RecursionError)
_KEY = re.compile(r"[0-9a-f]{64}")
_TABLES = {"result", "attempt", "known", "limit_seen"}

_Found = tuple[float, str, Written]
"""When a result was made, its id, and all of it: in this order in every new history."""


class Gathered(Struct, frozen=True):
    """What came of taking results over: how many were new, how many known, how many damaged."""

    new: int
    known: int
    damaged: int


def gather(into: History, files: Sequence[Path], *, live: bool = False) -> Gathered:
    """Write what these histories have into another, each result once: all of it or nothing.

    It may be repeated. ``live`` ones are ours, and others may be writing to them. Raises
    UsageError, naming the file, for what is no history.
    """
    with ExitStack() as stack:
        others = [stack.enter_context(_Other(path, live=live)) for path in files]
        new = known = 0
        last = ""
        results = heapq.merge(*(each.results() for each in others), key=lambda found: found[:2])
        with into.taking() as taking:
            for _, uid, written in results:
                if uid == last or taking.has(uid):
                    known += 1
                else:
                    taking.result(written, uid)
                    new += 1
                last = uid
            taking.known(heapq.merge(*(each.known() for each in others)))
            taking.limits(heapq.merge(*(each.limits() for each in others), key=_when))
        return Gathered(new, known, sum(each.damaged for each in others))


def new_history(path: Path, files: Sequence[Path], *, live: bool = False) -> Gathered:
    """Write a history of what these have: one file, which is there when it is whole.

    The same results make the same file, in whatever order they are given. Raises UsageError for
    what is no history, LaunchFailed where the file cannot be written.
    """
    if path.with_name(f"{path.name}-wal").exists():
        raise UsageError(f"{path}: somebody is writing to this history: import into it instead")
    draft = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    try:
        with History(draft, draft=True) as into:
            found = gather(into, files, live=live)
        draft.replace(path)
    except OSError as error:
        raise LaunchFailed(f"{path}: the history cannot be there: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return found


class _Other(Closing):
    """A history that is read; ``damaged`` counts the results that were left out."""

    def __init__(self, path: Path, *, live: bool) -> None:
        self._path, self.damaged = path, 0
        if not is_regular(path, most=_MOST_FILE):
            raise UsageError(f"{path}: not a regular file, so not a history")
        if first_bytes(path, len(_MAGIC)) != _MAGIC:
            raise UsageError(f"{path}: not a history of bootharness")
        self._deadline = Deadline.after(_MOST_S)
        with ExitStack() as stack, self._refusing():
            self._database = stack.enter_context(closing(self._opened(path, live=live)))
            [version] = self._database.execute("PRAGMA user_version").fetchone()
            if version > KNOWN_VERSION:
                raise UsageError(
                    f"{path}: this history is of a newer bootharness (version {version}, and this "
                    f"one knows {KNOWN_VERSION}): use that one"
                )
            self._check_schema()
            if version < KNOWN_VERSION:
                copy = stack.enter_context(Workspace()).path / "history.sqlite3"
                with closing(sqlite3.connect(copy)) as target:
                    self._database.backup(target)
                try:
                    History(copy).close()  # which brings it up to date
                except UsageError as error:
                    said = str(error).removeprefix(f"{copy}: ")
                    raise UsageError(f"{path}: {said}") from error
                self._database = stack.enter_context(closing(self._opened(copy, live=True)))
                self._check_schema()
            self._stack = stack.pop_all()

    def _opened(self, path: Path, *, live: bool) -> sqlite3.Connection:
        """Open a database as one that is at rest, unless somebody has left a log beside it."""
        log = path.with_name(f"{path.name}-wal")
        how = "mode=ro" if live or is_regular(log, most=_MOST_FILE) else "immutable=1"
        database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True)
        database.text_factory = text_of
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_VALUE)
        database.set_progress_handler(lambda: self._deadline.expired, _STEPS)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        return database

    def _check_schema(self) -> None:
        """Raise UsageError for what is not made of tables alone, whose columns are what they are
        called: others would run what a stranger has written."""
        tables = set()
        for kind, name, text in self._database.execute("SELECT type, name, sql FROM sqlite_master"):
            if kind not in ("table", "index") or "virtual" in str(text or "").lower():
                raise UsageError(f"{self._path}: not a history of bootharness: it has a {kind}")
            tables.add(name)
        missing = _TABLES - tables
        if "result" in missing:
            raise UsageError(f"{self._path}: not a history of bootharness: it has no results")
        for table in _TABLES - missing:
            if any(hidden for *_, hidden in
                   self._database.execute(f"PRAGMA table_xinfo({table})")):  # fmt: skip
                raise UsageError(f"{self._path}: not a history of bootharness: {table} is computed")

    def results(self) -> Iterator[_Found]:
        """Yield all results that are whole, the oldest first."""
        newest = time.time() + _AHEAD_S
        rows = self._rows(
            f"SELECT result.id, made_at, uid, key, harness, cell, {ATTEMPT} FROM result "
            "LEFT JOIN attempt ON result = result.id ORDER BY made_at, uid, result.id, number"
        )
        for (_, made_at, uid), group in groupby(rows, key=lambda row: row[:3]):
            values = [*group]
            key, harness, cell = values[0][3:6]
            written = Written(key, made_at, harness, cell, tuple(row[6:] for row in values))
            if _is_whole(written) and made_at <= newest and uid_of(written) == uid:
                yield made_at, uid, written
            else:
                self.damaged += 1

    def known(self) -> Iterator[tuple[str, bytes]]:
        """Yield what was kept, by its digests."""
        for key, value in self._rows("SELECT key, value FROM known ORDER BY key"):
            whole = isinstance(key, str) and _KEY.fullmatch(key) and isinstance(value, bytes)
            if whole and len(value) <= _MOST_KEPT:
                yield key, value

    def limits(self) -> Iterator[LimitRow]:
        """Yield what loaders could boot, and from when on."""
        newest = time.time() + _AHEAD_S
        found = []
        for row in self._rows("SELECT loader, part, unit, largest, at FROM limit_seen"):
            with suppress(*_DAMAGED):
                found.append(msgspec.convert(row, LimitRow))
        yield from sorted((each for each in found if each[-1] <= newest), key=_when)

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        with self._refusing():
            cursor = self._database.execute(query)
        while True:
            with self._refusing():
                rows = cursor.fetchmany(_AT_ONCE)
            if not rows:
                return
            yield from rows

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._deadline.expired:
                raise UsageError(f"{self._path}: it is not read in {_MOST_S:.0f} s") from error
            said = " ".join(str(error).split())
            raise UsageError(
                f"{self._path}: not a history of bootharness, or one that is damaged: {said}"
            ) from error

    def close(self) -> None:
        """Close the database, and remove the copy of an old one."""
        self._stack.close()


def _when(limit: LimitRow) -> tuple[float, str]:
    return limit[-1], repr(limit)


class _WrittenCell(Struct):
    kernel: str
    plan: msgspec.Raw = msgspec.Raw(b"{}")
    expect: str = "good"


class _Row(Struct, array_like=True):
    key: str
    made_at: Moment
    harness: str
    cell: str
    attempts: tuple[AttemptRow, ...]


_CELL, _FACTS = msgspec.json.Decoder(_WrittenCell), msgspec.json.Decoder(BootFacts)


@lru_cache(maxsize=256)
def _host(text: str) -> Host:
    return msgspec.json.decode(text, type=Host)


@lru_cache(maxsize=256)
def _plan(text: bytes) -> BootPlan:
    """Read a plan: of a thousand results few have another."""
    return msgspec.json.decode(text, type=BootPlan)


def _is_whole(written: Written) -> bool:
    """Return whether a result can be read as it was written."""
    with suppress(*_DAMAGED):
        msgspec.convert(astuple(written), _Row)
        cell = _CELL.decode(written.cell)
        Cell(cell.kernel, _plan(bytes(cell.plan)), cell.expect)
        for attempt in written.attempts:
            *_, facts, _, _, host = attempt
            _FACTS.decode(facts)
            _host(host)
        return True
    return False
