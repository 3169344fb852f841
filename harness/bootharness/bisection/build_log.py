"""What a build says, in a file that stays small: its head, where it was configured, and its tail,
where it failed."""

import re
from pathlib import Path
from typing import BinaryIO

from bootharness.text import last_lines, printable

__all__ = ["MOST_BYTES", "keep_said", "last_said", "trim_logs", "why_failed"]

MOST_BYTES = 4 << 20
"""How large a log can get."""
_HEAD, _TAIL = 2 << 20, 1 << 20
_CHUNK = 1 << 16
_LINES, _LONGEST = 3, 500
# as compilers and linkers name what is wrong
_ERROR = re.compile(r"\berror(\[\w+\])?: |\bundefined reference to ")
# what make says when something else has failed before, and what kbuild says when nothing has
_PASSED_ON = re.compile(
    r"\S*make(\[\d+\])?: (\*\*\* (\[.*\] (Error \d+|[A-Z]\w+)$|Waiting for unfinished jobs)"
    r"|(Entering|Leaving) directory )|[A-Z]{2,} +(\[M\] +)?\S+$"
)


def keep_said(said: BinaryIO, log: Path) -> None:
    """Write what a build says to its log until that ends.

    What can no longer be written is read all the same, or the build would wait for ever.
    """
    left_out, note, room = 0, b"", True
    with said, log.open("w+b") as file:
        while chunk := said.read(_CHUNK):
            if not room:
                continue
            try:
                file.write(chunk)
                file.flush()
                if file.tell() > MOST_BYTES - _CHUNK:
                    left_out, note = _shorten(file, left_out, note)
            except OSError:
                room = False


def _shorten(file: BinaryIO, left_out: int = 0, note: bytes = b"") -> tuple[int, bytes]:
    """Leave out what is between the head and the tail of a file, and return how many bytes that
    makes, and the note of that in the file; ``left_out`` and ``note`` are of the time before."""
    size = file.seek(0, 2)
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    left_out += size - _TAIL - _HEAD - len(note)
    note = f"\n[{left_out:,} bytes are left out here]\n".encode()
    file.truncate(_HEAD)
    file.seek(_HEAD)
    file.write(note + tail)
    file.flush()
    return left_out, note


def trim_logs(folder: Path) -> None:
    """Shorten the logs in the folders of a folder that are larger than one gets today."""
    for log in folder.glob("*/log"):
        if log.stat().st_size > MOST_BYTES:
            with log.open("r+b") as file:
                _shorten(file)


def last_said(log: Path, lines: int) -> list[str]:
    """Return the last lines of a log that are not empty; none where there is no log yet."""
    return last_lines(_end_of(log), lines)


def why_failed(log: Path) -> str:
    """Return the lines of a log that say why a build has failed: the first errors that are named,
    or else what was said last before make only passed it on."""
    lines = [line.strip() for line in _end_of(log).splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)][:_LINES]
    own = [line for line in lines if not _PASSED_ON.match(line)] or lines
    said = (printable(line[:_LONGEST]) for line in errors or own[-_LINES:])
    return " / ".join(said) or "the build said nothing"


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, 2) - _CHUNK, 0))
            return file.read(_CHUNK).decode(errors="replace")
    except OSError:
        return ""
