"""A range of toolchains: one tree built by each of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bootharness.bisection.build import Build, BuildObserver
from bootharness.bisection.toolchain import Toolchain, toolchain
from bootharness.bisection.tree import check_elsewhere, digest_of_tree
from bootharness.errors import UsageError
from bootharness.host.cache import alone_in, cache_dir
from bootharness.host.closing import Closing
from bootharness.host.workspace import Workspace
from bootharness.text import count

__all__ = ["ToolchainRange"]


class ToolchainRange(Closing):
    """One tree, built by toolchains from a good to a bad one; use as a context manager.

    The tree is only read: what is built goes to ``$O``. Raises UsageError for toolchains
    that are not known.
    """

    downloads = False

    def __init__(
        self, tree: Path, names: tuple[str, ...], build: Build,
        observer: BuildObserver | None = None,
    ) -> None:  # fmt: skip
        self._folder, self._build, self._observer = tree.resolve(), build, observer
        self._toolchains: tuple[Toolchain, ...] = tuple(toolchain(name) for name in names)
        if twice := [name for name in names if names.count(name) > 1]:
            raise UsageError(f"toolchain {twice[0]}: it is given twice")
        check_elsewhere(tree, build)
        self._workspace = Workspace()

    @property
    def title(self) -> str:
        """Which tree is built by how many toolchains."""
        names = count(len(self), "toolchain")
        return (
            f"{self._folder.name} built by {names}, {self.label(0)} to {self.label(len(self) - 1)}"
        )

    @property
    def described(self) -> dict[str, Any]:
        """What makes this range the same one."""
        build = self._build
        return {
            "tree": self._tree,
            "toolchains": [each.identity for each in self._toolchains],
            "build": build.command,
            "image": build.image,
            "config": sha256(build.config.read_bytes()).hexdigest() if build.config else "",
        }

    def __len__(self) -> int:
        return len(self._toolchains)

    def label(self, position: int) -> str:
        """Return the toolchain's name."""
        return self._toolchains[position].name

    def ready(self, position: int) -> str | None:
        """Return a kernel that has been built already."""
        kept = self._built_by(position).built(self._tree)
        return str(kept) if kept else None

    def prepare(self, position: int) -> str:
        """Return the tree's kernel, built if need be. Raises BuildFailed when it cannot."""
        built = self.ready(position)
        if built:
            return built
        with self._objects(position) as objects:
            build = self._built_by(position)
            made = build.make(self._tree, self._folder, objects, self._workspace,
                              self.label(position), self._observer)  # fmt: skip
            return str(made)

    def _built_by(self, position: int) -> Build:
        return replace(self._build, toolchain=self._toolchains[position])

    @contextmanager
    def _objects(self, position: int) -> Iterator[Path]:
        """Give a folder for what a toolchain makes of this tree, nobody else being in it."""
        name = sha256(f"{self._tree} {self.label(position)}".encode()).hexdigest()[:20]
        place = cache_dir("objects", name)
        objects = place / "objects"
        objects.mkdir(exist_ok=True)
        with alone_in(place, self._build.limit_s):
            yield objects

    @cached_property
    def _tree(self) -> str:
        return digest_of_tree(self._folder)

    def close(self) -> None:
        """Give back whatever is held."""
        self._workspace.close()
