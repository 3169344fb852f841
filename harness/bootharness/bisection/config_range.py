"""A range of configurations: a good one in which ever more symbols are as in a bad one."""

from hashlib import sha256
from typing import Any

from bootharness.bisection.config_way import Way
from bootharness.bisection.kconfig import Config, config_text
from bootharness.bisection.kernel_tree import KernelTree
from bootharness.text import count

__all__ = ["ConfigRange"]


class ConfigRange:
    """The configurations along a way through a tree's Kconfig; ``ends`` are what people call its
    two ends."""

    downloads = False

    def __init__(self, tree: KernelTree, way: Way, ends: tuple[str, str]) -> None:
        self._tree, self.way, self._ends = tree, way, ends

    @property
    def title(self) -> str:
        """How many symbols differ, between what."""
        good, bad = self._ends
        return f"{count(len(self.way.symbols), 'symbol')} differ between {good} and {bad}"

    @property
    def described(self) -> dict[str, Any]:
        """What makes this range the same one."""
        build = self._tree.build
        return {
            "tree": self._tree.digest,
            "build": build.command,
            "image": build.image,
            "toolchain": build.toolchain.name,
            "good": sha256(config_text(self.way.good).encode()).hexdigest(),
            "bad": sha256(config_text(self.way.bad).encode()).hexdigest(),
            "order": sha256(" ".join(self.way.symbols).encode()).hexdigest(),
            "from": "bad" if self.way.from_bad else "good",
        }

    def __len__(self) -> int:
        return len(self.way)

    def label(self, position: int) -> str:
        """Return the last symbol that is as in the bad configuration, or the end's name."""
        if position == 0:
            return self._ends[0]
        if position == len(self) - 1:
            return self._ends[1]
        name = self.way.symbols[position - 1]
        return f"up to {name}={self.way.bad.get(name, 'n')}"

    def config(self, position: int) -> Config:
        """Return the configuration of a position, closed. Raises BuildFailed."""
        if position in (0, len(self) - 1):
            return self.way.wanted(position)
        return self._tree.closed(self.way.wanted(position))

    def ready(self, position: int) -> str | None:
        """Return the kernel of a configuration that has been built already."""
        kept = self._tree.built(self.config(position))
        return str(kept) if kept else None

    def prepare(self, position: int) -> str:
        """Return the kernel of a configuration, built if need be. Raises BuildFailed."""
        return str(self._tree.make(self.config(position), self.label(position)))
