"""The log of a hunt: every boot in one line of JSON, written down before the next one begins.

A hunt that was killed goes on from its log, and a log tells the whole hunt again. The first
line says what is hunted; whoever hunts something else has another log.
"""

import fcntl
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct, field

from bootharness.bisection.search import Observation
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import LaunchFailed, UsageError
from bootharness.host.cache import state_dir
from bootharness.host.closing import Closing
from bootharness.runs.result import BootFacts
from bootharness.text import plainly

__all__ = ["HuntLog", "Seen", "log_file"]

_VERSION = 1


class Seen(Struct, frozen=True):
    """One boot of a hunt, or why there was none.

    ``key`` is the digest of all that it depends on, empty where that is not known.
    ``cached`` tells that it was not booted now.
    """

    position: int
    label: str
    source: str
    key: str
    verdict: Verdict
    cause: str | None
    sentence: str
    seconds: float = 0.0
    facts: BootFacts = field(default_factory=BootFacts)
    cached: bool = False

    @property
    def observation(self) -> Observation:
        """What the search has to know."""
        return Observation(self.position, self.verdict, self.cause)


class _Head(msgspec.Struct):
    bootharness_hunt: int
    hunted: dict[str, Any]


def log_file(hunted: dict[str, Any]) -> Path:
    """Return where the log of a hunt is: in the XDG folder for state, named after what is hunted.

    Raises LaunchFailed when that folder cannot be made.
    """
    digest = sha256(msgspec.json.encode(hunted, order="sorted")).hexdigest()[:20]
    path = state_dir() / "hunts" / f"{digest}.jsonl"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LaunchFailed(
            f"{path.parent}: no log can be there: {error.strerror}; --log can name another file"
        ) from error
    return path


class HuntLog(Closing):
    """A log that is open for one hunt alone; use as a context manager.

    Raises UsageError when the file is another hunt's or no log, or when somebody else is at
    it, and LaunchFailed when it cannot be written.
    """

    def __init__(self, path: Path, hunted: dict[str, Any]) -> None:
        self.path = path
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: not a regular file, so not the log of a hunt")
        try:
            self._file: IO[bytes] = path.open("a+b")
        except OSError as error:
            raise LaunchFailed(f"{path}: cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.seen = self._read(hunted)
        except BaseException as error:
            self._file.close()
            if isinstance(error, BlockingIOError):
                raise UsageError(f"{path}: the same is being hunted already; wait for it") from None
            raise

    def _read(self, hunted: dict[str, Any]) -> list[Seen]:
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        if not lines:
            self._write(_Head(_VERSION, hunted))
            return []
        try:
            head = msgspec.json.decode(lines[0], type=_Head)
            if head.bootharness_hunt > _VERSION:
                raise UsageError(f"{self.path}: this log is of a newer bootharness")
            if msgspec.json.encode(head.hunted) != msgspec.json.encode(hunted):
                raise UsageError(f"{self.path}: the log of another hunt; name another file")
            if not lines[-1].endswith(b"\n"):  # the end came while it was written
                self._file.truncate(sum(map(len, lines[:-1])))
                lines.pop()
            return [msgspec.json.decode(line, type=Seen) for line in lines[1:]]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{self.path}: not the log of a hunt: {plainly(error)}") from error

    def add(self, seen: Seen) -> None:
        """Write a boot down; when this returns no end of the process loses it."""
        self.seen.append(seen)
        self._write(seen)

    def _write(self, line: object) -> None:
        try:
            self._file.write(msgspec.json.encode(line) + b"\n")
            self._file.flush()
        except OSError as error:
            raise LaunchFailed(f"{self.path}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Give back whatever is held."""
        self._file.close()
