"""Where a command's JSON goes, and what else it prints meanwhile."""

import sys
from pathlib import Path
from typing import TextIO

from harness.errors import UsageError

__all__ = ["check_json_file", "spoken", "write_json"]


def spoken(json_file: str | None) -> TextIO:
    """Return the stream for people: standard error where the JSON takes standard output."""
    return sys.stderr if json_file == "-" else sys.stdout


def check_json_file(json_file: str | None) -> None:
    """Raise UsageError, before anything is done, for a file that must not be written."""
    if json_file is None or json_file == "-":
        return
    file = Path(json_file)
    try:
        with file.open("rb") as there:
            begin = there.read(1)
    except FileNotFoundError:
        if not file.absolute().parent.is_dir():
            raise UsageError(f"{file}: there is no such folder") from None
        return
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error
    if begin not in (b"", b"{", b"["):
        raise UsageError(f"{file}: not a JSON file, so --json does not write over it")


def write_json(json_file: str, text: bytes) -> None:
    """Write a command's JSON. Raises UsageError when that cannot be done."""
    if json_file == "-":
        sys.stdout.buffer.write(text)
        return
    try:
        Path(json_file).write_bytes(text)
    except OSError as error:
        raise UsageError(f"{json_file}: cannot be written: {error.strerror}") from error
