"""Compressed files: unpacked into the cache, bounded, and what is zeros takes no room there."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from bootharness.errors import FormatError
from bootharness.formats.forms import Form
from bootharness.host.cache import cache_dir, trim
from bootharness.host.kept import digest_of, kept_file
from bootharness.host.tool import Tool

__all__ = ["PROGRAMS", "begins", "copy", "is_compressed", "kept_of", "unpacked"]

_CHUNK_BYTES = 1 << 20
_ZEROS = bytes(_CHUNK_BYTES)
_UNPACK_S = 120
_SAID_BYTES = 1 << 12


def is_compressed(form: Form) -> bool:
    """Return whether files of this form can be unpacked here."""
    return form.id in _OPENERS or form.id in PROGRAMS


def begins(path: Path, form: Form, number: int) -> bytes:
    """Return how what is in a compressed file begins; nothing of one that is damaged, or whose
    program is not installed."""
    try:
        with _opened(path, form) as unpacking:
            return unpacking.read(number)
    except (FormatError, OSError):
        return b""


def unpacked(path: Path, form: Form, folder: str, most: int) -> Path:
    """Return the file in a folder of the cache that has what is in a compressed one.

    Raises FormatError for what is damaged, or larger than ``most`` bytes; ToolMissing where a
    program is needed to unpack it.
    """
    return kept_of(path, form, folder, partial(_write, path, form, most))


def kept_of(path: Path, form: Form, folder: str, make: Callable[[Path], None]) -> Path:
    """Return the file in a folder of the cache that is made of one, under that one's digest."""
    kept = cache_dir(folder) / f"{digest_of(path)[:24]}-{form.id}"
    if kept_file(kept, make):
        trim(kept.parent)
    return kept


def _write(path: Path, form: Form, most: int, target: Path) -> None:
    if form.id in PROGRAMS:
        PROGRAMS[form.id].check()
    with _opened(path, form) as unpacking, target.open("wb") as made:
        copy(unpacking, made, most)
        if unpacking.read(1):
            raise FormatError(f"more than {most:,} bytes when it is unpacked")


def copy(source: IO[bytes], target: IO[bytes], most: int) -> None:
    """Copy at most so many bytes into an empty file, with holes for zeros."""
    size = 0
    while size < most and (chunk := source.read(min(_CHUNK_BYTES, most - size))):
        size += len(chunk)
        if chunk == _ZEROS[: len(chunk)]:
            target.seek(size)
        else:
            target.write(chunk)
    target.truncate(size)


def _gzip(path: Path) -> IO[bytes]:
    import gzip  # each only where it is needed

    return cast(BinaryIO, gzip.open(path))


def _bzip2(path: Path) -> IO[bytes]:
    import bz2

    return bz2.open(path)


def _xz(path: Path) -> IO[bytes]:
    import lzma

    return lzma.open(path)


_OPENERS = {"gzip": _gzip, "bzip2": _bzip2, "xz": _xz, "lzma": _xz}
PROGRAMS = {"zstd": Tool("zstd", "zstd"), "lz4": Tool("lz4", "lz4")}
"""Compressions that Python does not know, and their programs."""


@contextmanager
def _opened(path: Path, form: Form) -> Iterator[IO[bytes]]:
    """Give what is in a compressed file. Raises FormatError for what is damaged."""
    import zlib
    from lzma import LZMAError

    if form.id in PROGRAMS:
        with path.open("rb") as packed, _piped(packed, PROGRAMS[form.id].name) as unpacking:
            yield unpacking
        return
    try:
        with _OPENERS[form.id](path) as file:
            yield file
    except (EOFError, zlib.error, LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"damaged: {error}") from error


@contextmanager
def _piped(packed: IO[bytes], program: str) -> Iterator[IO[bytes]]:
    """Give what a program unpacks; what is not read of it is not unpacked."""
    with subprocess.Popen(
        [program, "-dc"], stdin=packed, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as unpacking:
        assert unpacking.stdout
        assert unpacking.stderr
        try:
            yield unpacking.stdout
            whole = not unpacking.stdout.read(1)
        except BaseException:
            unpacking.kill()
            raise
        if not whole:
            unpacking.kill()
            return
        said = unpacking.stderr.read(_SAID_BYTES).decode(errors="replace").strip()
        if unpacking.wait(_UNPACK_S):
            raise FormatError(f"damaged: {said.splitlines()[-1] if said else program}")
