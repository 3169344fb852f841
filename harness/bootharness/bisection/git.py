"""git, and what is asked of a repository; nothing in it is changed by that.

What a git that has started us says of its own repository, in an alias, a hook or a rebase, is
not for ours: it would check out commits in the person's own tree.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from msgspec import Struct

from bootharness.errors import BuildFailed, UsageError
from bootharness.host.tool import Tool

__all__ = ["GIT", "Repository", "cited", "environment", "git", "short"]

GIT = Tool("git", "git")

_GIT_S = 600
# what a person has git do or print by themselves is not meant for what reads it, nor for clones
_PLAIN = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "color.ui=false", "commit.gpgSign=false",
    "log.showSignature=false", "log.follow=false", "diff.noprefix=false",
)  # fmt: skip
_SHORT = 12


def short(commit: str) -> str:
    """Return as much of a commit's digest as is shown."""
    return commit[:_SHORT]


def cited(commit: str, subject: str) -> str:
    """Write a commit as people cite it: ``1d761e7bc43f ("init: wait")``."""
    return f'{short(commit)} ("{subject}")'


@cache
def _of_one_repository() -> tuple[str, ...]:
    try:
        done = subprocess.run(
            [GIT.name, "rev-parse", "--local-env-vars"],
            capture_output=True, text=True, timeout=_GIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):  # then nobody heeds them
        return ()
    return tuple(done.stdout.split())


def environment(**more: str) -> dict[str, str]:
    """Return our environment without what is of one repository, and with ``more``."""
    without = {
        name: value for name, value in os.environ.items() if name not in _of_one_repository()
    }
    return {**without, **more}


def git(folder: Path, *words: str) -> str:
    """Return what git says in a folder. Raises BuildFailed with its last words when it fails."""
    done = _run(folder, words)
    if done.returncode:
        raise BuildFailed(f"git {_verb(words)}: {_last_words(done) or 'failed'}")
    return done.stdout


def _verb(words: Iterable[str]) -> str:
    return next(word for word in words if not word.startswith("-") and "=" not in word)


def _run(folder: Path, words: Iterable[str], given: str = "") -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            [GIT.name, *_plainly(), "-C", str(folder), *words],
            env=environment(),
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_S,
            check=False,
        )
    except FileNotFoundError:
        raise GIT.missing() from None
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"git {_verb(words)} took longer than {_GIT_S} s") from None


def _plainly() -> Iterator[str]:
    for each in _PLAIN:
        yield from ("-c", each)


def _last_words(done: "subprocess.CompletedProcess[str]") -> str:
    said = done.stderr.strip().splitlines()
    return said[-1].removeprefix("fatal: ") if said else ""


class Repository(Struct, frozen=True):
    """The person's repository; it is only read.

    Raises UsageError for what is not in it.
    """

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> "Repository":
        """Return the repository that a folder is in."""
        up = _run(folder, ("rev-parse", "--show-cdup"))
        if up.returncode:
            raise UsageError(f"{folder}: {_last_words(up) or 'git fails'}")
        return cls(folder / up.stdout.strip())

    def _said(self, *words: str) -> str:
        done = _run(self.folder, words)
        if done.returncode:
            raise UsageError(f"{self.folder}: {_last_words(done) or 'git fails'}")
        return done.stdout

    def commit(self, name: str) -> str:
        """Return the digest of a commit."""
        done = _run(self.folder, ("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"))
        if done.returncode:
            reason = _last_words(done) or f"no such commit{self._cut_off()}"
            raise UsageError(f"{name or repr(name)}: {reason}")
        return done.stdout.strip()

    def called(self, name: str) -> str:
        """Return what a commit is called elsewhere: by its tag, and where the name is of this
        repository, or means another one tomorrow, by its digest too."""
        commit = self.commit(name)
        tag = _run(self.folder, ("rev-parse", "--verify", "--quiet", f"refs/tags/{name}"))
        if tag.returncode == 0:
            return name
        return short(commit) if commit.startswith(name) else f"{name} ({short(commit)})"

    def _cut_off(self) -> str:
        shallow = self._said("rev-parse", "--is-shallow-repository").strip() == "true"
        return (
            f" in {self.folder}, which is a shallow clone: its history is cut off, and "
            "`git fetch --unshallow` brings the rest"
            if shallow
            else ""
        )

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents of a commit, the first one first."""
        return tuple(self._said("log", "-1", "--format=%P", commit).split())

    def is_ancestor(self, one: str, other: str) -> bool:
        """Return whether a commit is in the history of another one, or the same."""
        done = _run(self.folder, ("merge-base", "--is-ancestor", one, other))
        return done.returncode == 0

    def between(self, known: str, tip: str) -> tuple[str, ...]:
        """Return the commits of a branch that are not in the history of ``known``, in order.

        They are those of the first parents, where each stands for a state of the branch.
        """
        return tuple(
            self._said("rev-list", "--first-parent", "--reverse", f"{known}..{tip}").split()
        )

    def check_related(self, one: str, other: str) -> None:
        """Raise UsageError where two commits have no commit of their histories in common."""
        commits = self.commit(one), self.commit(other)
        if _run(self.folder, ("merge-base", *commits)).returncode:
            raise UsageError(f"{one} and {other} have no commit in common{self._cut_off()}")

    def of(self, commits: Iterable[str], what: str) -> dict[str, str]:
        """Return for each commit what git's format ``what`` makes of it, in one line."""
        words = ("log", "--no-walk=unsorted", "--stdin", f"--format=%H {what}")
        done = _run(self.folder, words, "".join(f"{each}\n" for each in commits))
        if done.returncode:
            raise UsageError(f"{self.folder}: {_last_words(done)}")
        return dict(line.partition(" ")[::2] for line in done.stdout.split("\n") if line)
