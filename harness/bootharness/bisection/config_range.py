"""A range of configurations, from a good one to a bad one, made while it is searched."""

from hashlib import sha256
from math import ceil, log2
from threading import RLock
from typing import Any

from bootharness.bisection.config_between import between
from bootharness.bisection.kconfig import Config, config_text, differing
from bootharness.bisection.kernel_tree import KernelTree
from bootharness.bisection.ranges import NothingThere
from bootharness.text import count

__all__ = ["ConfigRange"]

_SPARE = 1
"""So many times more than evenly it can be halved, as Kconfig does not divide evenly."""


class ConfigRange:
    """The configurations from one closed configuration to another; ``ends`` are what people call
    the two.

    A position stands for a share of what they differ by. What is there is known when it is asked
    for: it lies between its neighbours that are known by then. Where nothing lies between two
    neighbours, their symbols change together, and the positions there are ``void``.
    """

    downloads = False

    def __init__(self, tree: KernelTree, good: Config, bad: Config, ends: tuple[str, str]) -> None:
        self._tree, self._ends = tree, ends
        self.symbols = differing(good, bad)
        self._last = 1 << ceil(log2(len(self.symbols))) + _SPARE
        self._known = {0: good, self._last: bad}
        self._labels = {0: ends[0], self._last: ends[1]}
        self.void: frozenset[int] = frozenset()
        self._alone = RLock()

    @property
    def title(self) -> str:
        """How many symbols differ, between what."""
        good, bad = self._ends
        return f"{count(len(self.symbols), 'symbol')} differ between {good} and {bad}"

    @property
    def described(self) -> dict[str, Any]:
        """What makes this range the same one."""
        build = self._tree.build
        good, bad = (config_text(self._known[at]).encode() for at in (0, self._last))
        return {
            "tree": self._tree.digest,
            "build": build.command,
            "image": build.image,
            "toolchain": build.toolchain.name,
            "good": sha256(good).hexdigest(),
            "bad": sha256(bad).hexdigest(),
        }

    def __len__(self) -> int:
        return self._last + 1

    def label(self, position: int) -> str:
        """Return the end's name, or how many symbols are as in the bad configuration, and the last
        one of them; about how many, where it is not known yet what is there."""
        if position in self._labels:
            return self._labels[position]
        about = round(len(self.symbols) * position / self._last)
        return f"about {about:,} of {count(len(self.symbols), 'symbol')}"

    def config(self, position: int) -> Config:
        """Return the configuration of a position, closed. Raises BuildFailed, and NothingThere."""
        with self._alone:
            if position not in self._known:
                below = max(at for at in self._known if at < position)
                above = min(at for at in self._known if at > position)
                good, bad = self._known[below], self._known[above]
                found = None
                if position not in self.void:
                    share = (position - below) / (above - below)
                    found = between(good, bad, share, self._tree.closed)
                if found is None:
                    nothing = range(below + 1, above)
                    self.void |= {*nothing}
                    raise NothingThere(nothing)
                self._known[position] = found
                self._labels[position] = self._called(found, differing(good, found)[-1])
            return self._known[position]

    def _called(self, config: Config, last: str) -> str:
        of_good = len(differing(self._known[0], config))
        return (
            f"{of_good:,} of {count(len(self.symbols), 'symbol')}, up to "
            f"{last}={config.get(last, 'n')}"
        )

    def inseparable(self, good: int, bad: int) -> bool:
        """Return whether Kconfig changes only together what two positions differ by."""
        return {*range(good + 1, bad)} <= self.void

    def ready(self, position: int) -> str | None:
        """Return the kernel of a configuration that has been built already."""
        kept = self._tree.built(self.config(position))
        return str(kept) if kept else None

    def prepare(self, position: int) -> str:
        """Return the kernel of a configuration, built if need be. Raises BuildFailed, and
        NothingThere."""
        return str(self._tree.make(self.config(position), self.label(position)))
