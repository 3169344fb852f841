"""Where a command's JSON goes, and what else it prints meanwhile."""

import os
import stat
import sys
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TextIO

from bootharness.errors import NotWritten, UsageError
from bootharness.text import printable

__all__ = ["check_file", "check_json_file", "new_folder", "say_aside", "spoken", "write_file",
           "write_json", "write_new"]  # fmt: skip

_READER_S = 60.0


def new_folder(path: Path) -> Path:
    """Make a folder to keep things in. Raises UsageError when there is something in it already,
    for nothing of it may be lost."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise UsageError(f"{path}: not empty, and a new or an empty folder is wanted")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return path


def spoken(json_file: str | None) -> TextIO:
    """Return the stream for people: standard error where the JSON takes standard output."""
    return sys.stderr if json_file == "-" else sys.stdout


def say_aside(sentence: str) -> None:
    """Say on standard error what a person should know and need not wait for."""
    print(f"bootharness: {printable(sentence)}", file=sys.stderr, flush=True)


def check_json_file(json_file: str | None) -> None:
    """Raise UsageError, before anything is done, for a file that must not be written."""
    if json_file is not None and json_file != "-":
        check_file(Path(json_file), "JSON", b"{", b"[")


def check_file(file: Path, kind: str, *begins: bytes) -> None:
    """Raise UsageError for a file that is there and does not begin as one of ours does.

    What is no regular file, a pipe or a terminal, is not opened: it is for its reader.
    """
    longest = max(map(len, begins))
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{file}: cannot be written: it is a folder")
        if not stat.S_ISREG(status.st_mode) or _is_ours(status):
            return
        with file.open("rb") as there:
            begin = there.read(longest)
    except FileNotFoundError:
        if not file.absolute().parent.is_dir():
            raise UsageError(f"{file}: there is no such folder") from None
        return
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error
    if begin and not begin.startswith(begins):
        raise UsageError(f"{file}: not a {kind} file of ours, so it is not written over")


def write_json(json_file: str, text: bytes) -> None:
    """Write a command's JSON. Raises NotWritten when that cannot be done."""
    if json_file != "-":
        write_file(Path(json_file), text)
        return
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NotWritten(f"standard output cannot be written: {error.strerror}") from error


def write_file(file: Path, content: bytes) -> None:
    """Write a file; one that is there is replaced when all of the new one has been written.

    What is no regular file is written to as a shell does it. Raises NotWritten when that
    cannot be done.
    """
    try:
        try:
            status = file.stat()
        except FileNotFoundError:
            status = None
        if status and _is_ours(status):
            _write_all(os.dup(sys.stdout.fileno()), content)
        elif status and not stat.S_ISREG(status.st_mode):
            _write_all(_opened(file, status), content)
        else:
            _replace(file.resolve(), content)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NotWritten(f"{file}: cannot be written: {error.strerror}") from error


def write_new(file: Path, content: bytes) -> None:
    """Write a file that is not there yet; nothing stays of one that cannot be written whole.

    Raises UsageError, naming it, where it is there, or cannot be written.
    """
    try:
        with file.open("xb") as made:
            try:
                made.write(content)
                made.flush()
            except OSError:
                file.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise UsageError(f"{file}: it is there already, and is not written over") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error


def _is_ours(status: os.stat_result) -> bool:
    """Return whether a file is our standard output, whatever name it was given by."""
    try:
        sys.stdout.flush()
        return os.path.samestat(status, os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):  # not a file of the system: tests have such
        return False


def _opened(file: Path, status: os.stat_result) -> int:
    """Open what is no regular file. Raises NotWritten where nobody opens the other end of a pipe
    in time."""
    if not stat.S_ISFIFO(status.st_mode):
        return os.open(file, os.O_WRONLY)
    opened: SimpleQueue[int | OSError] = SimpleQueue()

    def wait_for_a_reader() -> None:
        try:
            opened.put(os.open(file, os.O_WRONLY))
        except OSError as error:
            opened.put(error)

    Thread(target=wait_for_a_reader, daemon=True).start()
    try:
        handle = opened.get(timeout=_READER_S)
    except Empty:
        raise NotWritten(f"{file}: nobody has read from it for {_READER_S:.0f} s") from None
    if isinstance(handle, OSError):
        raise handle
    return handle


def _write_all(handle: int, content: bytes) -> None:
    with os.fdopen(handle, "wb") as there:
        there.write(content)


def _replace(whole: Path, content: bytes) -> None:
    new = whole.with_name(f".{whole.name[:40]}.{os.getpid()}")
    try:
        new.write_bytes(content)
        new.replace(whole)
    finally:
        new.unlink(missing_ok=True)
