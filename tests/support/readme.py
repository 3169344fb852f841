"""What README.md shows of commands: run in one shell, as a reader does, and compared or written.

`python -m tests.support.readme` writes into it what the commands print now.
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

__all__ = ["README", "Shown", "block", "links", "plain", "run_all", "shown"]

README = REPOSITORY / "README.md"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_END = "\x1e"
_LIMIT_S = 300
_WIDTH = 100
_MOST_LINES = 20
_MORE = "…"


class Shown(Struct, frozen=True):
    """A command, what is printed, and the status that it ends with."""

    command: str
    printed: str
    status: int = 0


def shown(text: str) -> list[Shown]:
    """Return the commands of a page, and what it says that they print: of a long text its
    beginning, and `…`."""
    found = []
    for content in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append(Shown(command, printed))
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


def plain(printed: str) -> str:
    """Return a text without what differs from one computer, and one run, to another: times,
    versions, accelerators, and where lines are broken."""
    text = re.sub(r"\b\d+(\.\d+)+\b", "N", printed)
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


def _written(ran: Shown) -> str:
    lines = []
    for line in ran.printed.splitlines():
        indent = " " * max(5, len(line) - len(line.lstrip()))
        lines += textwrap.wrap(
            line.rstrip(), _WIDTH, subsequent_indent=indent, break_long_words=False,
            break_on_hyphens=False, drop_whitespace=True, replace_whitespace=False,
        ) or [""]  # fmt: skip
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], _MORE]
    return "\n".join([f"$ {ran.command}", *lines, ""])


def main() -> None:
    """Write into README.md what its commands print."""
    text = README.read_text()
    with tempfile.TemporaryDirectory() as folder:
        ran = list(run_all([each.command for each in shown(text)], Path(folder)))
    left = iter(ran)

    def filled(match: re.Match[str]) -> str:
        return f"```console\n{''.join(_written(next(left)) for _ in shown(match[0]))}```"

    README.write_text(_BLOCK.sub(filled, text))


if __name__ == "__main__":
    main()
