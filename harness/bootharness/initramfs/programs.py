"""Programs of the host with the libraries that they need, found as ld.so(8) finds them."""

import os
import shutil
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from bootharness.errors import FormatError, UsageError
from bootharness.formats.elf_dynamic import Dynamic, dynamic_of, is_elf
from bootharness.formats.forms import ELF_MACHINES
from bootharness.initramfs.host_file import host_file

__all__ = ["closure", "found"]

_ADMINS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/lib/systemd")
"""What a person's PATH may not have, and a guest's root, or Rapido's manifests, need."""
_CONF = Path("/etc/ld.so.conf")
_USUAL = {
    64: ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64"),
    32: ("/lib/i386-linux-gnu", "/usr/lib/i386-linux-gnu", "/lib32", "/usr/lib32"),
}
_USUAL_LAST = ("/lib", "/usr/lib")
_DEEPEST = 8
_OF_A_PC = (3, 62)


def found(name: str, folder: Path) -> Path | None:
    """Return where a program is: at its path, or in PATH and where administrators have theirs."""
    if "/" in name:
        path = folder / name
        return path if path.is_file() else None
    where = os.pathsep.join((os.environ.get("PATH", os.defpath), *_ADMINS))
    at = shutil.which(name, path=where)
    return Path(at) if at else None


def closure(program: Path) -> dict[Path, bytes]:
    """Return the files that a program needs, by their paths, with what is in them: itself, its
    interpreter, its libraries and what those need; of a script what its first line names, too.

    Raises UsageError for one that is not there.
    """
    files: dict[Path, bytes] = {}
    known: dict[str, Path] = {}
    todo: list[tuple[Path, Path | None]] = [(program, None)]
    while todo:
        path, by = todo.pop()
        if path in files:
            continue
        try:
            data = host_file(path)
        except UsageError as error:
            raise UsageError(f"{by} needs {error}" if by else str(error)) from error
        files[path] = data
        todo += ((each, path) for each in _needs(path, data, program, known))
    return files


def _needs(path: Path, data: bytes, program: Path, known: dict[str, Path]) -> Iterator[Path]:
    """Yield what a file needs; a library that one has loaded is there for all, by its name."""
    if data.startswith(b"#!"):
        words = data[2:256].split(b"\n")[0].split()
        if words:
            yield Path(os.fsdecode(words[0]))
        return
    if not is_elf(data):
        return
    try:
        dynamic = dynamic_of(data)
    except FormatError as error:
        raise UsageError(f"{path}: {error}") from error
    if dynamic.machine not in _OF_A_PC:
        named = ELF_MACHINES.get(dynamic.machine, f"machine {dynamic.machine} of ELF")
        raise UsageError(f"{path}: a program for {named}, and the guest is a PC")
    if dynamic.interpreter:
        yield Path(dynamic.interpreter)
    for name in dynamic.needed:
        library = known.get(name) or _library(name, path, dynamic)
        if library is None:
            of = f" of {program}" if path != program else ""
            raise UsageError(f"{path}{of}: its library {name} is not here")
        known[name] = library
        yield library


def _library(name: str, by: Path, dynamic: Dynamic) -> Path | None:
    if "/" in name:
        return Path(name) if Path(name).is_file() else None
    own = (each.replace("$ORIGIN", str(by.parent)).replace("${ORIGIN}", str(by.parent))
           for each in dynamic.paths)  # fmt: skip
    for folder in (*own, *_folders(dynamic.bits)):
        path = Path(folder, name)
        if path.is_file() and _is_of(path, dynamic.machine):
            return path
    return None


def _is_of(path: Path, machine: int) -> bool:
    with path.open("rb") as file:
        return file.read(20)[18:20] == machine.to_bytes(2, "little")


@lru_cache
def _folders(bits: int) -> tuple[str, ...]:
    return (*_configured(_CONF, 0), *_USUAL[bits], *_USUAL_LAST)


def _configured(conf: Path, depth: int) -> Iterable[str]:
    if depth > _DEEPEST or not conf.is_file():
        return
    for line in conf.read_text(errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                for each in sorted(Path("/").glob(pattern.lstrip("/"))):
                    yield from _configured(each, depth + 1)
        else:
            yield from words
