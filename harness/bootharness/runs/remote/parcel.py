"""What a cell's files are to another computer: contents by their digests, with names.

file                    one content
folder of boot files    a list of what is in it, which is a content too, and its files
loader with others      the same, of its profile and what it includes
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.host.assembler import included
from bootharness.host.kept import digest_of
from bootharness.kernels.source import DEB, fetch
from bootharness.routes.loader import ASSEMBLY, PROFILE

__all__ = ["Content", "Entry", "Parcel", "packed", "read_list", "where"]

_MOST_NAME = 120


class Content(Struct, frozen=True):
    """Bytes by their digest: of a file here, or those that are given."""

    digest: str
    size: int
    path: str = ""
    given: bytes = b""

    def read(self, at: int, size: int) -> bytes:
        """Return some of it. Raises OSError where the file is gone."""
        if not self.path:
            return self.given[at : at + size]
        with Path(self.path).open("rb") as file:
            file.seek(at)
            return file.read(size)


class Entry(Struct, frozen=True):
    """What is in a folder, by its name in it: a file's digest, where a link leads, or a folder."""

    name: str
    digest: str = ""
    link: str = ""


class Parcel(Struct, frozen=True):
    """What a cell names, as it goes to another computer.

    ``named`` is the name that the person gave, ``digest`` that of the file, or of the list of what
    is in a folder; ``first`` is the file of it that is named, where that is not the folder itself.
    """

    named: str
    digest: str
    folder: bool = False
    first: str = ""

    @property
    def short(self) -> str:
        """The name without folders, as it goes behind the digest; the end tells what it is."""
        path = Path(self.named)
        return (path.name or path.resolve().name)[-_MOST_NAME:]


def packed(name: str, *, loader: bool = False) -> tuple[Parcel, tuple[Content, ...]]:
    """Return what a file or a folder is to another computer, and all contents of it.

    A ``loader`` goes with its profile, and with what it includes. Raises UsageError for what is not
    there, or cannot be had elsewhere.
    """
    path = where(name)
    try:
        if path.is_dir():
            return _folder(name, dict(_inside(path)))
        others = dict(_beside(path)) if loader else {}
        if others:
            return _folder(name, {_entry(path, path.name): path, **others}, path.name)
        content = _content(path)
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error
    return Parcel(name, content.digest), (content,)


def where(name: str) -> Path:
    """Return where a file or a folder is; a package's kernel where it was unpacked to. Raises
    KernelUnavailable for one that cannot be had."""
    return fetch(name).path if name.startswith(DEB) else Path(name)


def read_list(content: bytes) -> list[Entry]:
    """Return what is in a folder, of the list that has been packed."""
    return msgspec.json.decode(content, type=list[Entry])


def _content(path: Path) -> Content:
    return Content(digest_of(path), path.stat().st_size, str(path.resolve()))


def _entry(path: Path, name: str) -> Entry:
    return Entry(name, digest_of(path))


def _folder(
    name: str, paths: dict[Entry, Path], first: str = ""
) -> tuple[Parcel, tuple[Content, ...]]:
    listed = msgspec.json.encode([*paths])
    digest = hashlib.sha256(listed).hexdigest()
    files = {each.digest: _content(path) for each, path in paths.items() if each.digest}
    contents = (Content(digest, len(listed), given=listed), *files.values())
    return Parcel(name, digest, folder=True, first=first), contents


def _inside(root: Path) -> Iterator[tuple[Entry, Path]]:
    """Yield what is in a folder; a link stays one, wherever it leads."""
    for at, folders, files in os.walk(root):
        for name in sorted((*folders, *files)):
            path = Path(at, name)
            relative = str(path.relative_to(root))
            if path.is_symlink():
                yield Entry(relative, link=str(path.readlink())), path
            elif path.is_file() and os.access(path, os.R_OK):
                yield _entry(path, relative), path
            elif path.is_dir():
                yield Entry(relative), path


def _beside(loader: Path) -> Iterator[tuple[Entry, Path]]:
    """Yield a loader's profile and what its source includes, which has to be beside it."""
    profile = loader.with_suffix(PROFILE)
    if profile.exists():
        yield _entry(profile, profile.name), profile
    source = loader.resolve()
    for each in included(source) if loader.suffix == ASSEMBLY else ():
        path = each.resolve()
        if not path.is_relative_to(source.parent):
            raise UsageError(
                f"{loader}: it includes {each}, which is not beside it, so other computers cannot "
                "have it: assemble it first"
            )
        yield _entry(path, str(path.relative_to(source.parent))), path
