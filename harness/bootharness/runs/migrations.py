"""The tables of a history, step by step as they came to be what they are."""

import sqlite3
from collections.abc import Callable
from itertools import groupby
from typing import Any

import msgspec

from bootharness.runs.written import ATTEMPT, RESULT, Written, uid_of

__all__ = ["KNOWN_VERSION", "MIGRATIONS", "text_of"]

_OLD_CELL = ("loader", "machine", "cmdline", "initrd", "until", "timeout_s")


def _plans_in_cells(database: sqlite3.Connection) -> None:
    """Turn cells as they were, flat and with a ``path``, into a kernel and a plan."""
    rows = database.execute("SELECT id, cell FROM result").fetchall()
    for number, text in rows:
        old = msgspec.json.decode(text)
        own = {name: old[name] for name in _OLD_CELL if name in old}
        plan = {"route": old.get("path", "mbr"), **own}
        new = {"kernel": old["kernel"], "plan": plan, "expect": old.get("expect", "good")}
        database.execute(
            "UPDATE result SET cell = ? WHERE id = ?", (msgspec.json.encode(new).decode(), number)
        )


def text_of(value: bytes) -> str | bytes:
    """Read a text; what is none any more, for it is damaged, stays as it is."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _uids(database: sqlite3.Connection) -> None:
    """Give each result the id that it has everywhere."""
    database.text_factory = text_of
    try:
        attempts = groupby(
            database.execute(f"SELECT result, {ATTEMPT} FROM attempt ORDER BY result, number"),
            key=lambda row: row[0],
        )
        found = [(_uid(database, number, tuple(row[1:] for row in rows)), number)
                 for number, rows in attempts]  # fmt: skip
    finally:
        database.text_factory = str
    database.executemany("UPDATE result SET uid = ? WHERE id = ?", found)


def _uid(database: sqlite3.Connection, number: int, attempts: tuple[tuple[Any, ...], ...]) -> str:
    row = database.execute(f"SELECT {RESULT} FROM result WHERE id = ?", (number,)).fetchone()
    if row is None:
        return ""
    key, made_at, harness, cell = row
    return uid_of(Written(key, made_at, harness, cell, attempts))


MIGRATIONS: tuple[str | Callable[[sqlite3.Connection], None], ...] = (
    """
    CREATE TABLE result (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        made_at REAL NOT NULL,
        harness TEXT NOT NULL,
        cell TEXT NOT NULL
    );
    CREATE INDEX result_by_key ON result (key, id);
    CREATE TABLE attempt (
        result INTEGER NOT NULL REFERENCES result (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        cause TEXT,
        sentence TEXT NOT NULL,
        seconds REAL NOT NULL,
        facts TEXT NOT NULL,
        trace BLOB NOT NULL,
        PRIMARY KEY (result, number)
    ) WITHOUT ROWID;
    CREATE TABLE known (
        key TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE attempt ADD COLUMN picture BLOB NOT NULL DEFAULT x''",
    _plans_in_cells,
    """
    CREATE TABLE limit_seen (
        loader TEXT NOT NULL,
        part TEXT NOT NULL,
        unit TEXT NOT NULL,
        largest INTEGER,
        at REAL NOT NULL
    )
    """,
    """
    ALTER TABLE attempt ADD COLUMN host TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE result ADD COLUMN uid TEXT NOT NULL DEFAULT '';
    """,
    _uids,
    """
    CREATE INDEX result_by_uid ON result (uid);
    CREATE INDEX result_by_time ON result (made_at, uid);
    """,
)
KNOWN_VERSION = len(MIGRATIONS)
