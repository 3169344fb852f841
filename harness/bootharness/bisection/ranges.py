"""What is ordered: kernels from a good one to a bad one.

A range knows nothing of boots. It names its positions and gives their kernels as sources,
which may take a download or a build; what cannot be had raises CouldNotFindOut, and is
skipped by whoever searches.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from bootharness.errors import UsageError
from bootharness.kernels.source import expand
from bootharness.routes.mbr import MBR
from bootharness.routes.route import Route
from bootharness.text import NUMBER, count

__all__ = ["KernelRange", "NothingThere", "Range", "SizeRange", "kernel_range"]

_PARAGRAPH = 16
_WORDS = re.compile(r"[^-/:=]+|[-/:=]")
_SIZES = re.compile(
    rf"(?P<what>grow|selfcheck):(?P<low>{NUMBER})\.\.(?P<high>{NUMBER})(?P<of>:.+)?", re.DOTALL
)


class NothingThere(Exception):
    """There is nothing at these positions, of a range that is made while it is searched."""

    def __init__(self, positions: range) -> None:
        super().__init__(f"nothing is at {positions.start} to {positions.stop - 1}")
        self.positions = positions


class Range(Protocol):
    """Positions from the good end, 0, to the bad one."""

    @property
    def title(self) -> str:
        """What is searched, in a few words."""

    @property
    def described(self) -> dict[str, Any]:
        """What makes this range the same one."""

    @property
    def downloads(self) -> bool:
        """Whether it pays to prepare kernels ahead, while others boot."""

    def __len__(self) -> int: ...

    def label(self, position: int) -> str:
        """Return what people call a position."""

    def ready(self, position: int) -> str | None:
        """Return a position's kernel as a source, None where it would have to be built."""

    def prepare(self, position: int) -> str:
        """Return a position's kernel as a source, downloaded or built if need be.

        Raises CouldNotFindOut when it cannot be had, and NothingThere.
        """


class KernelRange(Struct, frozen=True):
    """Kernel builds, or what else a route boots, in the order in which they were given."""

    sources: tuple[str, ...]
    route: Route = MBR

    @property
    def title(self) -> str:
        """How many kernels there are, and the first and the last."""
        return f"{count(len(self), 'kernel')}, {self.label(0)} to {self.label(len(self) - 1)}"

    @property
    def described(self) -> dict[str, Any]:
        """The kernels."""
        return {"sources": self.sources}

    def __len__(self) -> int:
        return len(self.sources)

    def label(self, position: int) -> str:
        """Return the part of the source that tells it from the others."""
        return _short(self.sources[position], self.sources)

    @property
    def downloads(self) -> bool:
        """Whether there are packages among them."""
        return any("deb:" in source for source in self.sources)

    def ready(self, position: int) -> str | None:
        """Return the source."""
        return self.sources[position]

    def prepare(self, position: int) -> str:
        """Return the source, once its kernel is there."""
        self.route.fetch(self.sources[position])
        return self.sources[position]


class SizeRange(Struct, frozen=True):
    """One kernel with payloads from ``low`` to ``high`` bytes, a paragraph of 16 apart.

    Without ``source`` it is the selfcheck kernel.
    """

    low: int
    high: int
    source: str | None

    def __post_init__(self) -> None:
        if self.low % _PARAGRAPH or self.high % _PARAGRAPH or self.low >= self.high:
            raise UsageError(
                f"{self.low}..{self.high}: give two payload sizes in bytes, the smaller one first, "
                f"both of them whole paragraphs of {_PARAGRAPH}"
            )

    @property
    def title(self) -> str:
        """Which kernel has which sizes."""
        of = self.source or "the selfcheck kernel"
        return f"payloads of {self.low:,} to {self.high:,} bytes of {of}"

    @property
    def described(self) -> dict[str, Any]:
        """The kernel and the sizes."""
        return asdict(self)

    def __len__(self) -> int:
        return (self.high - self.low) // _PARAGRAPH + 1

    def label(self, position: int) -> str:
        """Return the size of the payload."""
        return count(self._bytes(position), "byte")

    @property
    def downloads(self) -> bool:
        """Never: the kernel is the same."""
        return False

    def ready(self, position: int) -> str | None:
        """Return the source."""
        return self.prepare(position)

    def prepare(self, position: int) -> str:
        """Return the source, which is made when it is booted."""
        size = self._bytes(position)
        return f"grow:{size}:{self.source}" if self.source else f"selfcheck:{size}"

    def _bytes(self, position: int) -> int:
        return self.low + position * _PARAGRAPH


def kernel_range(sources: Sequence[str], route: Route = MBR) -> KernelRange | SizeRange:
    """Return the range that sources stand for, as on the command line.

    ``grow:LOW..HIGH:SOURCE`` and ``selfcheck:LOW..HIGH`` are sizes. Anything else is what
    can be booted; folders, globs and packages are put in the order of their versions.
    Raises UsageError for what cannot be.
    """
    found = _SIZES.fullmatch(sources[0]) if len(sources) == 1 else None
    if not found:
        singles = [single for source in sources for single in route.expand(source)]
        return KernelRange(tuple(dict.fromkeys(singles)), route)
    of = found["of"].removeprefix(":") if found["of"] else None
    if (found["what"] == "grow") is (of is None):
        raise UsageError(f"{sources[0]}: write grow:LOW..HIGH:KERNEL or selfcheck:LOW..HIGH")
    if of:
        expand(of)
    return SizeRange(int(found["low"]), int(found["high"]), of)


def _short(source: str, among: Sequence[str]) -> str:
    """Return a source without the folders, or the words of packages, that all of them share."""
    if not all(each.startswith("deb:") for each in among) or len(among) < 2:
        shared = len({Path(each).parent for each in among}) == 1 and ":" not in source
        return Path(source).name if shared else source
    words = [_WORDS.findall(each.removeprefix("deb:")) for each in among]
    own = _WORDS.findall(source.removeprefix("deb:"))
    first = min(_shared(words), min(map(len, words)) - 1)
    last = _shared([each[:first:-1] for each in words])
    return "".join(own[first : len(own) - last])


def _shared(words: Sequence[Sequence[str]]) -> int:
    """Return how many words at their beginning all have in common."""
    columns = zip(*words, strict=False)
    differing = (at for at, column in enumerate(columns) if len({*column}) > 1)
    return next(differing, min(map(len, words)))
