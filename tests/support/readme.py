"""What README.md shows of commands: run in one shell, as a reader does, and compared or written.

`python -m tests.support.readme` writes into it what the commands print now: of each piece
between two lines of `…` as many lines as there are, from the one that begins as its first does.
"""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from tests.support.processes import REPOSITORY, environment

__all__ = ["README", "Shown", "block", "links", "run_all", "shown", "shows"]

README = REPOSITORY / "README.md"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_END = "\x1e"
_LIMIT_S = 300
_WIDTH = 100
_LEFT_OUT = "…"
_TABLE = re.compile(r"\S {3,}\S")
_SAME_BEGIN = 8


class Shown(Struct, frozen=True):
    """A command, what is printed, and the status that it ends with."""

    command: str
    printed: str
    status: int = 0


def shown(text: str) -> list[Shown]:
    """Return the commands of a page, and what it says that they print: `…` stands for lines that
    are left out."""
    found = []
    for content in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
            command = re.match(r"(.*\\\n)*.*", part)
            assert command
            found.append(Shown(command[0], part[command.end() :].strip("\n")))
    return found


def run_all(commands: list[str], folder: Path) -> Iterator[Shown]:
    """Run commands one after the other in one shell, which starts in an empty folder."""
    programs = folder / "bin"
    programs.mkdir()
    for name, module in (("bootharness", "bootharness"), ("pytest", "pytest")):
        path = programs / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        path.chmod(0o755)
    (folder / "here").mkdir()
    script = "".join(f"{each}\nprintf '{_END}%d{_END}' $?\n" for each in commands)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder / "here",
        env=environment(
            PATH=f"{programs}:{os.environ['PATH']}",
            XDG_STATE_HOME=str(folder / "state"),
            BOOTHARNESS_HISTORY=str(folder / "history"),
            PYTEST_ADDOPTS="-p no:cacheprovider",
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    parts = done.stdout.split(_END)
    for command, printed, status in zip(commands, parts[::2], parts[1::2], strict=False):
        yield Shown(command, printed.strip("\n"), int(status))


def shows(page: str, printed: str) -> bool:
    """Return whether a page has what is printed, but for what differs from one computer, and one
    run, to another: times, versions, accelerators, and where lines are broken."""
    pieces = [_plain("\n".join(piece)) for piece in _pieces(page)]
    left = _plain(printed)
    if len(pieces) == 1:
        return pieces[0] == left
    if not left.startswith(pieces[0]) or not left.endswith(pieces[-1]):
        return False
    for piece in filter(None, pieces):
        _, found, left = left.partition(piece)
        if not found:
            return False
    return True


def _pieces(printed: str) -> list[list[str]]:
    """Return the lines between those that stand for others."""
    pieces: list[list[str]] = [[]]
    for line in printed.splitlines():
        if line.strip() == _LEFT_OUT:
            pieces.append([])
        else:
            pieces[-1].append(line)
    return pieces


def _plain(printed: str) -> str:
    text = re.sub(r"\d+(\.\d+)+", "N", printed)
    text = re.sub(r"\b(tcg|kvm)\b", "tcg", text)
    text = re.sub(r"[=·#-]{5,}", "", text)  # a bar
    return " ".join(text.split())


def links(page: Path) -> list[str]:
    """Return the files that a page links to."""
    return re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())


def block(page: Path, language: str, containing: str) -> str:
    """Return a page's block of a language that has a text in it."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)
    return next(each for each in blocks if containing in each)


def _written(before: Shown, ran: Shown) -> str:
    lines = [part for line in ran.printed.splitlines() for part in _wrapped(line.rstrip())]
    pieces = _pieces(before.printed)
    if len(pieces) > 1:
        kept = ("\n".join(_renewed(piece, lines)) for piece in pieces)
        lines = f"\n{_LEFT_OUT}\n".join(kept).strip("\n").splitlines()
    return "\n".join([f"$ {ran.command}", *lines, ""])


def _renewed(piece: list[str], lines: list[str]) -> list[str]:
    """Return as many lines from the one that begins as a piece does."""
    if not piece:
        return []
    begin = piece[0][:_SAME_BEGIN]
    for number, line in enumerate(lines):
        if line.startswith(begin):
            return lines[number : number + len(piece)]
    raise SystemExit(f"nothing that is printed now begins as {piece[0]!r}")


def _wrapped(line: str) -> list[str]:
    if _TABLE.search(line):
        return [line]
    indent = " " * max(5, len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]  # fmt: skip


def main() -> None:
    """Write into README.md what its commands print."""
    text = README.read_text()
    with tempfile.TemporaryDirectory() as folder:
        ran = list(run_all([each.command for each in shown(text)], Path(folder)))
    left = iter(ran)

    def filled(match: re.Match[str]) -> str:
        written = (_written(before, next(left)) for before in shown(match[0]))
        return f"```console\n{''.join(written)}```"

    README.write_text(_BLOCK.sub(filled, text))


if __name__ == "__main__":
    main()
