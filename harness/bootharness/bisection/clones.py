"""Clones of the person's repository, each for one build at a time.

They share its objects, lie in the cache, and are not cleaned between two commits, so that a
commit takes no longer to build than what it changes: the clone that is nearest is taken.
Submodules are those that the repository has; nothing is asked of a network.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Condition

from msgspec import Struct

from bootharness.bisection.git import git
from bootharness.errors import BuildFailed
from bootharness.host.cache import alone_in, cache_dir

__all__ = ["Clone", "Clones"]

_NEW = 1 << 60
"""How far a clone that has nothing in it is from any commit."""


class Clone(Struct, frozen=True):
    """A commit's tree, ``objects`` for what is built from it, and what it should have, in words."""

    tree: Path
    objects: Path
    lacking: str = ""


class Clones:
    """So many clones of a repository. Each is waited for at most ``limit_s``."""

    def __init__(self, repository: Path, number: int, limit_s: float) -> None:
        self._repository, self._limit_s = repository.resolve(), limit_s
        self._free = set(range(number))
        self._changed = Condition()

    @contextmanager
    def at(self, commit: str) -> Iterator[Clone]:
        """Give a clone in which a commit is checked out and nobody else works.

        Raises BuildFailed when that cannot be done.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._free)
            number = min(self._free, key=lambda each: self._distance(each, commit))
            self._free.remove(number)
        try:
            place = self._place(number)
            tree, objects = place / "tree", place / "objects"
            objects.mkdir(exist_ok=True)
            with alone_in(place, self._limit_s):
                if not (tree / ".git").exists():
                    git(self._repository, "clone", "--quiet", "--shared", "--no-checkout",
                        str(self._repository), str(tree))  # fmt: skip
                git(tree, "checkout", "--quiet", "--force", "--detach", commit)
                lacking = "; ".join(self._bring_submodules(tree, self._repository))
                yield Clone(tree, objects, lacking)
        finally:
            with self._changed:
                self._free.add(number)
                self._changed.notify()

    def _place(self, number: int) -> Path:
        name = sha256(str(self._repository).encode()).hexdigest()[:16]
        return cache_dir("clones", f"{name}-{number}")

    def _distance(self, number: int, commit: str) -> int:
        """Return how many files a clone would have to change; what is alone is near enough."""
        if len(self._free) == 1:
            return 0
        tree = self._place(number) / "tree"
        try:
            return len(git(tree, "diff-tree", "-r", "--name-only", "HEAD", commit).splitlines())
        except BuildFailed:
            return _NEW

    def _bring_submodules(self, tree: Path, theirs: Path) -> Iterator[str]:
        """Bring a tree's submodules from a repository that has them, and yield what is lacking."""
        if not (tree / ".gitmodules").is_file():
            return
        for name, path in _submodules(tree):
            place = _module(theirs, name, path)
            if place is None:
                yield (
                    f"submodule {path} is not in {theirs}: `git submodule update --init "
                    f"--recursive` there brings it"
                )
                continue
            try:
                git(tree, "config", f"submodule.{name}.url", str(place))
                git(tree, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update",
                    "--init", "--force", "--checkout", "--", path)  # fmt: skip
            except BuildFailed as error:
                yield f"submodule {path} cannot be taken from {place}: {error}"
                continue
            yield from self._bring_submodules(tree / path, place)


def _submodules(tree: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of every submodule that a commit has."""
    try:
        told = git(tree, "config", "--null", "--file", ".gitmodules", "--get-regexp",
                   r"^submodule\..*\.path$")  # fmt: skip
    except BuildFailed:  # it names none
        return
    for entry in told.split("\0")[:-1]:
        key, _, path = entry.partition("\n")
        name = key.removeprefix("submodule.").removesuffix(".path")
        inside = not {"..", ""} & {*name.split("/"), *path.split("/")}
        if inside and git(tree, "ls-files", "--stage", "--", path).startswith("160000 "):
            yield name, path


def _module(theirs: Path, name: str, path: str) -> Path | None:
    """Return where somebody's repository has a submodule, None where it has not."""
    try:
        common = git(theirs, "rev-parse", "--path-format=absolute", "--git-common-dir").strip()
    except BuildFailed:
        return None
    places = (Path(common, "modules", name), theirs / path)
    return next((each for each in places if (each / "HEAD").exists() or (each / ".git").exists()),
                None)  # fmt: skip
