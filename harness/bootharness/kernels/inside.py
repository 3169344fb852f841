"""Kernels inside of other files: compressed, in a UKI, in a Debian package.

What is unpacked is kept in the cache under the digest of what it came from.
"""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from bootharness.errors import FormatError, KernelUnavailable, NotAKernel
from bootharness.formats.bzimage import is_uefi_program
from bootharness.formats.forms import LOOK_BYTES, Form, form_of, is_bzimage
from bootharness.formats.pe import pe_sections
from bootharness.host.cache import cache_dir, trim
from bootharness.host.kept import digest_of, kept_file
from bootharness.host.regular import first_bytes
from bootharness.host.tool import Tool
from bootharness.kernels.debian_archive import extract_vmlinuz

__all__ = ["PROGRAMS", "is_kernel", "kernel_inside"]

_MOST_BYTES = 1 << 30
"""The largest kernels that anybody builds have a quarter of this."""
_CHUNK_BYTES = 1 << 20
_DEPTH = 4
_UNPACK_S = 120


def kernel_inside(path: Path) -> tuple[Path, str]:
    """Return the file that is a bzImage, as far as its first bytes tell, and how it was come by.

    That is ``path`` itself and nothing for what is one, and for what nobody knows. Raises
    NotAKernel, naming the file, what it is and what to do instead; ToolMissing where a program
    is needed to unpack it, OSError where it cannot be read.
    """
    found, told = path, ""
    for _ in range(_DEPTH):
        with found.open("rb") as file:
            form = form_of(file.read(LOOK_BYTES))
        if form is None:
            return found, told
        unpack = _unpacker(found, form)
        if unpack is None:
            raise NotAKernel(f"{path}: {_chain(told, form)}: {form.instead}")
        told = _chain(told, form) if form.id != "efi" else _chain(told, _UKI)
        found = _unpacked(path, found, form, unpack)
    raise NotAKernel(f"{path}: {told}: too many files in each other; unpack it")


def is_kernel(path: Path) -> bool:
    """Return whether a file is a bzImage or a UKI; what cannot be read is none."""
    head = first_bytes(path, LOOK_BYTES)
    return is_bzimage(head) or (is_uefi_program(head) and _linux_section(path) is not None)


_UKI = Form("a unified kernel image (UKI)")


def _chain(told: str, form: Form) -> str:
    return f"{told}, and in it {form.name}" if told else form.name


_Unpack = Callable[[Path], None]


def _unpacked(path: Path, outer: Path, form: Form, unpack: _Unpack) -> Path:
    kept = cache_dir("inside") / f"{digest_of(outer)[:24]}-{form.id}"
    try:
        if kept_file(kept, unpack):
            trim(kept.parent)
    except FormatError as error:
        raise NotAKernel(f"{path}: {form.name}, and {error}") from error
    except KernelUnavailable as error:
        raise NotAKernel(str(error)) from error
    return kept


def _unpacker(path: Path, form: Form) -> _Unpack | None:
    """Return what writes a kernel's file out of one of this form, None where there is none."""
    if form.id == "deb":
        return partial(extract_vmlinuz, path, str(path))
    if form.id == "efi":
        return partial(_write_section, path) if _linux_section(path) else None
    if form.id in _OPENERS:
        return partial(_write_opened, path, _OPENERS[form.id])
    return partial(_write_piped, path, form.id) if form.id in PROGRAMS else None


def _linux_section(path: Path) -> tuple[int, int] | None:
    with path.open("rb") as file:
        try:
            return next(
                ((each.offset, each.size) for each in pe_sections(file) if each.name == ".linux"),
                None,
            )
        except FormatError:
            return None


def _write_section(path: Path, target: Path) -> None:
    section = _linux_section(path)
    assert section
    offset, size = section
    with path.open("rb") as file, target.open("wb") as made:
        file.seek(offset)
        _copy(file, made, min(size, _MOST_BYTES))


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


def _write_opened(path: Path, opened: Callable[[Path], IO[bytes]], target: Path) -> None:
    import zlib
    from lzma import LZMAError

    try:
        with opened(path) as file, target.open("wb") as made:
            _copy(file, made, _MOST_BYTES)
            if file.read(1):
                raise _too_large()
    except (EOFError, zlib.error, LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"damaged: {error}") from error


def _write_piped(path: Path, form: str, target: Path) -> None:
    program = PROGRAMS[form]
    program.check()
    with (
        path.open("rb") as packed,
        target.open("wb") as made,
        subprocess.Popen(
            [program.name, "-dc"], stdin=packed, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as unpacking,
    ):
        assert unpacking.stdout
        assert unpacking.stderr
        _copy(unpacking.stdout, made, _MOST_BYTES)
        if unpacking.stdout.read(1):
            unpacking.kill()
            raise _too_large()
        said = unpacking.stderr.read(_CHUNK_BYTES).decode(errors="replace").strip()
        if unpacking.wait(_UNPACK_S):
            raise FormatError(f"damaged: {said.splitlines()[-1] if said else program.name}")


def _copy(source: IO[bytes], target: IO[bytes], most: int) -> None:
    while most and (chunk := source.read(min(_CHUNK_BYTES, most))):
        target.write(chunk)
        most -= len(chunk)


def _too_large() -> FormatError:
    return FormatError(f"more than {_MOST_BYTES:,} bytes when it is unpacked: no kernel has that")
