"""Where a command's JSON goes, and what else it prints meanwhile."""

import os
import sys
from pathlib import Path
from typing import TextIO

from bootharness.errors import UsageError

__all__ = ["check_file", "check_json_file", "new_folder", "spoken", "write_file", "write_json"]


def new_folder(path: Path) -> Path:
    """Make a folder to keep things in. Raises UsageError when there is something in it already,
    for nothing of it may be lost."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise UsageError(f"{path}: not empty; --keep wants a new or an empty folder")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return path


def spoken(json_file: str | None) -> TextIO:
    """Return the stream for people: standard error where the JSON takes standard output."""
    return sys.stderr if json_file == "-" else sys.stdout


def check_json_file(json_file: str | None) -> None:
    """Raise UsageError, before anything is done, for a file that must not be written."""
    if json_file is not None and json_file != "-":
        check_file(Path(json_file), "JSON", b"{", b"[")


def check_file(file: Path, kind: str, *begins: bytes) -> None:
    """Raise UsageError for a file that is there and does not begin as one of ours does."""
    longest = max(map(len, begins))
    try:
        with file.open("rb") as there:
            begin = there.read(longest)
    except FileNotFoundError:
        if not file.absolute().parent.is_dir():
            raise UsageError(f"{file}: there is no such folder") from None
        return
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error
    if begin and not begin.startswith(begins):
        raise UsageError(
            f"{file}: not a {kind} file of ours, so --{kind.lower()} does not write over it"
        )


def write_json(json_file: str, text: bytes) -> None:
    """Write a command's JSON. Raises UsageError when that cannot be done."""
    if json_file == "-":
        sys.stdout.buffer.write(text)
        return
    write_file(Path(json_file), text)


def write_file(file: Path, content: bytes) -> None:
    """Write a file; one that is there is replaced when all of the new one has been written.

    Raises UsageError when that cannot be done.
    """
    whole = file.resolve()
    new = whole.with_name(f".{whole.name[:40]}.{os.getpid()}")
    try:
        if whole.exists() and not whole.is_file():  # a pipe, or /dev/null
            whole.write_bytes(content)
            return
        try:
            new.write_bytes(content)
            new.replace(whole)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error
