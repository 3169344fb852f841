"""What is to be in an initramfs, one line for each thing, in Rapido's words.

    autorun LOCATION...       scripts that run in this order when the guest is up
    bin NAME                  a program with its libraries, searched for in PATH
    try-bin NAME              the same, if it is here
    kmod MODULE               a kernel module, or a file of one, with all that it depends on
    try-kmod MODULE           the same, if the kernel has it
    file NAME [LOCATION]      a file of the host's under that name; an empty one
    tree NAME LOCATION        a file or a folder with all that is in it
    dir NAME                  a folder
    slink NAME TARGET         a symbolic link
    filter NAME               leave that, and what a tree has below it, out of what follows
    include MANIFEST          what another manifest says, in this place

`#` begins a comment where a word would begin. Words are quoted as in a shell, ${NAME} is a variable
of the environment. A relative LOCATION is one from the manifest's folder, or else from the current
one; a MANIFEST without a folder is looked for in the folder `manifest` as well. Of two files of one
name the first counts. (rapido-linux/rapido, src/bin/rapido-cut.rs, MANIFEST_FORMAT.)
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.host.regular import read_regular

__all__ = ["OF_MODULES", "WORDS", "Line", "line_of", "read_manifest"]

WORDS = {
    "autorun": (1, 99, "LOCATION..."),
    "bin": (1, 1, "NAME"),
    "try-bin": (1, 1, "NAME"),
    "kmod": (1, 1, "MODULE"),
    "try-kmod": (1, 1, "MODULE"),
    "file": (1, 2, "NAME [LOCATION]"),
    "tree": (2, 2, "NAME LOCATION"),
    "dir": (1, 1, "NAME"),
    "slink": (2, 2, "NAME TARGET"),
    "filter": (1, 1, "NAME"),
    "include": (1, 1, "MANIFEST"),
}
"""By its word, how many arguments a line has at least and at most, and what they are."""

OF_MODULES = ("kmod", "try-kmod")
"""Words that need to know the kernel."""

_MOST_BYTES = 1 << 20
_COMMENT = re.compile(r"(?:^|\s)#.*")
_VARIABLE = re.compile(r"\$(\{(\w+)\})?")
_MANIFESTS = "manifest"
_DEEPEST = 16


class Line(Struct, frozen=True):
    """A line of a manifest; ``said_by`` is its file and number, for what is said of it."""

    word: str
    arguments: tuple[str, ...]
    said_by: str
    folder: Path

    def located(self, location: str) -> Path:
        """Return where a location is."""
        path = Path(location).expanduser()
        beside = self.folder / path
        return path.absolute() if not beside.exists() and path.exists() else beside

    def included(self) -> Path:
        """Return where the manifest is that this line includes."""
        name = self.arguments[0]
        path, usual = self.located(name), self.located(f"{_MANIFESTS}/{name}")
        return usual if "/" not in name and not path.exists() and usual.exists() else path


def read_manifest(path: Path) -> list[Line]:
    """Return the lines of a manifest and of what it includes. Raises UsageError, naming file and
    line."""
    return list(_lines(path, ()))


def line_of(word: str, *arguments: str, said_by: str) -> Line:
    """Return a line that was not in a file, as of an option."""
    return Line(word, arguments, said_by, Path())


def _lines(path: Path, within: tuple[Path, ...], by: str = "") -> Iterator[Line]:
    """Yield the lines of a manifest that is ``within`` others, and that a line is said ``by``."""
    if path.resolve() in within:
        raise UsageError(f"{by}: {path} is what this is in, so it includes itself")
    if len(within) >= _DEEPEST:
        raise UsageError(f"{by}: {path} is included {_DEEPEST} deep: that is as far as it goes")
    try:
        text = read_regular(path, most=_MOST_BYTES).decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path}: a manifest is text in UTF-8") from None
    except UsageError as error:
        raise UsageError(f"{by}: {error}" if by else str(error)) from error
    if "\0" in text:
        raise UsageError(f"{path}: a manifest is text in UTF-8, and this has bytes of zero")
    if text.startswith("#!"):
        raise UsageError(
            f"{path}: a script, and nothing that a manifest names is run: give the lines that it "
            "hands to rapido-cut, as those between <<EOF and EOF, in a file of their own"
        )
    for number, raw in enumerate(text.splitlines(), start=1):
        said_by = f"{path}:{number}"
        try:
            words = shlex.split(_COMMENT.sub("", raw))
        except ValueError as error:
            raise UsageError(f"{said_by}: {str(error).lower()}") from None
        if not words:
            continue
        arguments = tuple(_filled_in(each, said_by) for each in words[1:])
        line = _checked(Line(words[0], arguments, said_by, path.parent))
        if line.word == "include":
            yield from _lines(line.included(), (*within, path.resolve()), said_by)
        else:
            yield line


def _filled_in(word: str, said_by: str) -> str:
    """Return a word with the variables that it names."""

    def value(found: re.Match[str]) -> str:
        if not found[2]:
            raise UsageError(f"{said_by}: {word!r}: write ${{NAME}} for a variable")
        if found[2] not in os.environ:
            raise UsageError(f"{said_by}: there is no variable {found[2]} in the environment")
        return os.environ[found[2]]

    return _VARIABLE.sub(value, word)


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
