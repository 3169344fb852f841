"""What is to be in an initramfs, one line for each thing, in Rapido's words.

    autorun LOCATION...       scripts that run in this order when the guest is up
    bin NAME                  a program with its libraries, searched for in PATH
    try-bin NAME              the same, if it is here
    kmod MODULE               a kernel module with all that it depends on
    file NAME LOCATION        a file of the host's under that name
    tree NAME LOCATION        a file or a folder with all that is in it
    dir NAME                  a folder
    slink NAME TARGET         a symbolic link
    include MANIFEST          what another manifest says, in this place

`#` begins a comment. Words are quoted as in a shell. A relative LOCATION is one from the
manifest's folder.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.host.regular import read_regular

__all__ = ["WORDS", "Line", "line_of", "read_manifest"]

WORDS = {
    "autorun": (1, 99, "LOCATION..."),
    "bin": (1, 1, "NAME"),
    "try-bin": (1, 1, "NAME"),
    "kmod": (1, 1, "MODULE"),
    "file": (2, 2, "NAME LOCATION"),
    "tree": (2, 2, "NAME LOCATION"),
    "dir": (1, 1, "NAME"),
    "slink": (2, 2, "NAME TARGET"),
    "include": (1, 1, "MANIFEST"),
}
"""By its word, how many arguments a line has at least and at most, and what they are."""

_MOST_BYTES = 1 << 20
_DEEPEST = 16


class Line(Struct, frozen=True):
    """A line of a manifest; ``said_by`` is its file and number, for what is said of it."""

    word: str
    arguments: tuple[str, ...]
    said_by: str
    folder: Path

    def located(self, location: str) -> Path:
        """Return where a location is."""
        return self.folder / Path(location).expanduser()


def read_manifest(path: Path) -> list[Line]:
    """Return the lines of a manifest and of what it includes. Raises UsageError, naming file and
    line."""
    return list(_lines(path, ()))


def line_of(word: str, *arguments: str, said_by: str) -> Line:
    """Return a line that was not in a file, as of an option."""
    return Line(word, arguments, said_by, Path())


def _lines(path: Path, within: tuple[Path, ...]) -> Iterator[Line]:
    if path.resolve() in within:
        raise UsageError(f"{path}: it includes itself")
    if len(within) >= _DEEPEST:
        raise UsageError(f"{path}: included {_DEEPEST} deep: that is as far as it goes")
    try:
        text = read_regular(path, most=_MOST_BYTES).decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path}: a manifest is text in UTF-8") from None
    for number, raw in enumerate(text.splitlines(), start=1):
        said_by = f"{path}:{number}"
        try:
            words = shlex.split(raw, comments=True)
        except ValueError as error:
            raise UsageError(f"{said_by}: {str(error).lower()}") from None
        if not words:
            continue
        line = _checked(Line(words[0], tuple(words[1:]), said_by, path.parent))
        if line.word == "include":
            yield from _lines(line.located(line.arguments[0]), (*within, path.resolve()))
        else:
            yield line


def _checked(line: Line) -> Line:
    if line.word not in WORDS:
        raise UsageError(f"{line.said_by}: {line.word!r} is none of {', '.join(WORDS)}")
    least, most, wanted = WORDS[line.word]
    if not least <= len(line.arguments) <= most:
        raise UsageError(
            f"{line.said_by}: write `{line.word} {wanted}`; here are {len(line.arguments)} "
            f"word{'s' * (len(line.arguments) != 1)} behind it"
        )
    return line
