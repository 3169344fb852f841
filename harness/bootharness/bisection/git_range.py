"""A range of commits: each of them checked out, built and kept.

The commits are those of the first parents, where every commit stands for a state of the
branch. The person's repository is only read: builds are made in clones that share its
objects, one for each worker, and lie in the cache. They are not cleaned between two commits,
so that a commit takes no longer to build than what it changes.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from bootharness.bisection.build import Build
from bootharness.errors import BuildFailed, UsageError
from bootharness.host.cache import alone_in, cache_dir
from bootharness.host.closing import Closing
from bootharness.host.tool import Tool
from bootharness.host.workspace import Workspace
from bootharness.text import count

__all__ = ["GIT", "GitRange"]

GIT = Tool("git", "git")

_GIT_S = 600
_SUBJECT = 60


class GitRange(Closing):
    """The commits behind ``good`` up to ``bad``; use as a context manager.

    ``good`` is position 0. Raises UsageError for what is no commit, or no ancestor.
    """

    downloads = False

    def __init__(self, repository: Path, good: str, bad: str, build: Build, workers: int) -> None:
        self._repository, self._build = repository, build
        self._good, self._bad = (self._commit(each) for each in (good, bad))
        between = self._git(
            "rev-list", "--first-parent", "--reverse", f"{self._good}..{self._bad}"
        ).split()
        if not between or self._git("merge-base", self._good, self._bad).strip() != self._good:
            raise UsageError(
                f"{good} is no ancestor of {bad}; give a good commit that the bad one came after"
            )
        self.commits = (self._good, *between)
        self._workspace = Workspace()
        self._clones: SimpleQueue[int] = SimpleQueue()
        for number in range(workers + 1):
            self._clones.put(number)

    @property
    def title(self) -> str:
        """How many commits there are, of which toolchain."""
        built = (
            "" if self._build.toolchain.name == "host" else f" with {self._build.toolchain.name}"
        )
        return f"{count(len(self) - 1, 'commit')} behind {self.label(0)}, built{built}"

    @property
    def described(self) -> dict[str, Any]:
        """What makes this range the same one."""
        build = self._build
        return {
            "good": self._good,
            "bad": self._bad,
            "build": build.command,
            "image": build.image,
            "toolchain": build.toolchain.name,
            "config": sha256(build.config.read_bytes()).hexdigest() if build.config else "",
        }

    def __len__(self) -> int:
        return len(self.commits)

    @cached_property
    def _subjects(self) -> dict[str, str]:
        lines = self._git("log", "--format=%H %s", f"{self._good}..{self._bad}").splitlines()
        lines.append(self._git("log", "-1", "--format=%H %s", self._good).strip())
        return dict(line.partition(" ")[::2] for line in lines)

    def label(self, position: int) -> str:
        """Return a commit's digest, short, and its subject."""
        commit = self.commits[position]
        return f"{commit[:12]} {self._subjects.get(commit, '')[:_SUBJECT]}".rstrip()

    def ready(self, position: int) -> str | None:
        """Return the kernel of a commit that has been built already."""
        kept = self._build.built(self._tree(position))
        return str(kept) if kept else None

    def prepare(self, position: int) -> str:
        """Return the kernel of a commit, built if need be. Raises BuildFailed when it cannot."""
        built = self.ready(position)
        if built:
            return built
        with self._clone() as (folder, objects):
            self._git(
                "checkout", "--quiet", "--force", "--detach", self.commits[position], at=folder
            )
            return str(self._build.make(self._tree(position), folder, objects, self._workspace))

    def merged(self, position: int) -> tuple[str, str] | None:
        """Return the ends of the branch that a merge brought in, None of any other commit."""
        parents = self._git("log", "-1", "--format=%P", self.commits[position]).split()
        if len(parents) < 2:
            return None
        base = self._git("merge-base", parents[0], parents[1]).strip()
        return (base, parents[1]) if base != parents[1] else None

    def replay(self, verdicts: dict[int, str]) -> str:
        """Return what `git bisect replay` takes; ``verdicts`` are good, bad and skip."""
        lines = ["git bisect start"]
        for position, verdict in verdicts.items():
            lines += [f"# {verdict}: {self.label(position)}",
                      f"git bisect {verdict} {self.commits[position]}"]  # fmt: skip
        return "\n".join(lines) + "\n"

    @contextmanager
    def _clone(self) -> Iterator[tuple[Path, Path]]:
        """Give a clone that nobody else works in, and a folder for what is built from it."""
        number = self._clones.get()
        try:
            name = sha256(str(self._repository.resolve()).encode()).hexdigest()[:16]
            place = cache_dir("clones", f"{name}-{number}")
            folder, objects = place / "tree", place / "objects"
            objects.mkdir(exist_ok=True)
            with alone_in(place, self._build.limit_s):
                if not (folder / ".git").exists():
                    self._git("clone", "--quiet", "--shared", "--no-checkout",
                              str(self._repository.resolve()), str(folder))  # fmt: skip
                yield folder, objects
        finally:
            self._clones.put(number)

    def _tree(self, position: int) -> str:
        return self._trees[self.commits[position]]

    @cached_property
    def _trees(self) -> dict[str, str]:
        lines = self._git("log", "--format=%H %T", f"{self._good}..{self._bad}").splitlines()
        lines.append(self._git("log", "-1", "--format=%H %T", self._good).strip())
        return dict(line.partition(" ")[::2] for line in lines)

    def _commit(self, name: str) -> str:
        return self._git(
            "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", what=name
        ).strip()

    def _git(self, *words: str, at: Path | None = None, what: str = "") -> str:
        try:
            done = subprocess.run(
                [GIT.name, "-C", str(at or self._repository), *words],
                capture_output=True,
                text=True,
                timeout=_GIT_S,
                check=False,
            )
        except FileNotFoundError:
            raise GIT.missing() from None
        except subprocess.TimeoutExpired:
            raise BuildFailed(f"git {words[0]} took longer than {_GIT_S} s") from None
        if done.returncode:
            said = done.stderr.strip().splitlines()
            if at:
                raise BuildFailed(f"git {words[0]}: {said[-1] if said else 'failed'}")
            reason = said[-1] if said else "no such commit"
            raise UsageError(f"{what or self._repository}: {reason}")
        return done.stdout

    def close(self) -> None:
        """Give back whatever is held."""
        self._workspace.close()
