"""A range of commits: each of them checked out, built and kept.

The commits are those of the first parents, where every commit stands for a state of the
branch. The person's repository is only read: builds are made in clones of it.
"""

import re
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from bootharness.bisection.build import Build, BuildObserver
from bootharness.bisection.clones import Clones
from bootharness.bisection.git import Repository, short
from bootharness.errors import BuildFailed, UsageError
from bootharness.host.closing import Closing
from bootharness.host.workspace import Workspace
from bootharness.text import count

__all__ = ["GitRange"]

_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class GitRange(Closing):
    """The commits behind ``good`` up to ``bad``, built at most ``builds`` at a time; use as a
    context manager.

    ``good`` is position 0; where it is on another branch, it is the commit at which ``bad``'s
    branched off. A ``fix`` is looked for from the newest commit, position 0, to the oldest: what
    broke is then ``good`` and what is mended ``bad``. Raises UsageError for what is no commit,
    or not in this order.
    """

    downloads = False

    def __init__(
        self, repository: Path, good: str, bad: str, build: Build, builds: int = 1, *,
        fix: bool = False, observer: BuildObserver | None = None,
    ) -> None:  # fmt: skip
        self.repository, self._build = Repository.at(repository), build
        self._observer, self._names, self.fix = observer, (good, bad), fix
        one, other = (self.repository.commit(each) for each in (good, bad))
        if one == other:
            raise UsageError(
                f"{good} and {bad} are the same commit, {short(one)}: nothing lies between them"
            )
        between = self.repository.between(one, other)
        if not between:
            raise UsageError(
                f"{good} is no ancestor of {bad}: give the older commit first, and --find-fix "
                "where that is the bad one"
            )
        self.forked = not self.repository.is_ancestor(one, other)
        """Whether ``good`` is on another branch."""
        first = self.repository.parents(between[0])[:1] if self.forked else (one,)
        oldest_first = (*first, *between)
        self.commits = oldest_first[::-1] if fix else oldest_first
        self._clones = Clones(self.repository.folder, builds, build.limit_s)
        self._workspace = Workspace()

    @property
    def title(self) -> str:
        """How many commits there are, from which to which, of which toolchain."""
        toolchain = self._build.toolchain.name
        oldest, newest = (len(self) - 1, 0) if self.fix else (0, len(self) - 1)
        forked = ","
        if self.forked:
            good, bad = (short(name) if _DIGEST.fullmatch(name) else name for name in self._names)
            forked = f", where {bad} branched off from {good},"
        built = "" if toolchain == "host" else f", built with {toolchain}"
        after = self.label(oldest) if self.forked else self._called(self._names[0], oldest)
        return (
            f"{count(len(self) - 1, 'commit')} after {after}{forked} up to "
            f"{self._called(self._names[1], newest)}{built}"
        )

    def _called(self, name: str, position: int) -> str:
        """Return what a person calls an end, and what it is."""
        label = self.label(position)
        return label if label.startswith(short(name)) else f"{name} ({label})"

    @property
    def described(self) -> dict[str, Any]:
        """What makes this range the same one."""
        build = self._build
        return {
            "good": self.commits[0],
            "bad": self.commits[-1],
            "build": build.command,
            "image": build.image,
            "toolchain": build.toolchain.name,
            "config": sha256(build.config.read_bytes()).hexdigest() if build.config else "",
        }

    def __len__(self) -> int:
        return len(self.commits)

    @cached_property
    def _subjects(self) -> dict[str, str]:
        return self.repository.of(self.commits, "%s")

    @cached_property
    def _trees(self) -> dict[str, str]:
        return self.repository.of(self.commits, "%T")

    def label(self, position: int) -> str:
        """Return a commit's digest, short, and its subject."""
        commit = self.commits[position]
        return f"{short(commit)} {self._subjects.get(commit, '')}".rstrip()

    def ready(self, position: int) -> str | None:
        """Return the kernel of a commit that has been built already."""
        kept = self._build.built(self._trees[self.commits[position]])
        return str(kept) if kept else None

    def prepare(self, position: int) -> str:
        """Return the kernel of a commit, built if need be. Raises BuildFailed when it cannot."""
        built = self.ready(position)
        if built:
            return built
        commit = self.commits[position]
        with self._clones.at(commit) as clone:
            try:
                made = self._build.make(
                    self._trees[commit], clone.tree, clone.objects, self._workspace,
                    self.label(position), self._observer,
                )  # fmt: skip
            except BuildFailed as error:
                if clone.lacking:  # which need not be the commit's fault
                    raise BuildFailed(f"{error}; {clone.lacking}") from error
                raise
            return str(made)

    def close(self) -> None:
        """Give back whatever is held."""
        self._workspace.close()
