"""Ways from a good configuration to a bad one, by halves: which symbols change together.

A way takes the symbols that differ one after the other, so that it is a range to search: the
position says how many of them have the bad one's value. What is asked for there is not what
Kconfig makes of it: what depends on a symbol that is not set yet stays off, and what others
select comes with them. Where the half of a way comes out as one of its ends nothing is learnt
from it, so there are four ways: from either end, in either order.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from bootharness.bisection.kconfig import Config, differing

__all__ = ["Way", "changed", "dividing", "needed", "ways"]

_EVEN = 0.7
_MOST_NEEDED = 6
"""So many symbols are looked for that others depend on."""
_MOST_CLOSED = 40
"""So many configurations are closed at most to find a way that divides."""


class Way(Struct, frozen=True):
    """A way from ``good`` to ``bad``, both closed, by ``symbols`` in this order.

    With ``from_bad`` every position is the bad configuration with the symbols that follow set
    back; else it is the good one with those before it set.
    """

    good: Config
    bad: Config
    symbols: tuple[str, ...]
    from_bad: bool = False

    def __len__(self) -> int:
        return len(self.symbols) + 1

    def wanted(self, position: int) -> dict[str, str]:
        """Return what is asked for at a position, to be closed."""
        if position == 0:
            return dict(self.good)
        if position == len(self.symbols):
            return dict(self.bad)
        if self.from_bad:
            return changed(self.bad, self.good, self.symbols[position:])
        return changed(self.good, self.bad, self.symbols[:position])


def changed(config: Config, other: Config, symbols: tuple[str, ...]) -> dict[str, str]:
    """Return a configuration with the other one's values of some symbols."""
    return {**config, **{name: other.get(name, "n") for name in symbols}}


def ways(good: Config, bad: Config) -> Iterator[Way]:
    """Yield the ways between two configurations, the plainest first."""
    symbols = differing(good, bad)
    for from_bad in (False, True):
        for order in (symbols, symbols[::-1]):
            yield Way(good, bad, order, from_bad)


def dividing(good: Config, bad: Config, close: Callable[[Config], Config]) -> Way | None:
    """Return a way that the closed configurations divide, None where there is none.

    The first one whose half is about half is taken, else the one whose half is nearest to that;
    where no half divides, the first way with any place that does.
    """
    best: tuple[int, Way] | None = None
    size = len(differing(good, bad))
    if size < 2:
        return None
    for way in ways(good, bad):
        left = _left(way, size // 2, close)
        if left < size and (best is None or left < best[0]):
            best = left, way
        if best and best[0] <= _EVEN * size:
            break
    if best is None:
        places = [(at, way) for at in _spread(size) for way in ways(good, bad)]
        for at, way in places[:_MOST_CLOSED]:
            if _left(way, at, close) < size:
                return way
        return None
    return best[1]


def _spread(size: int) -> Iterator[int]:
    """Yield the places between two ends: all of few, else the ends' neighbours and some between."""
    seen = {size // 2}
    for at in (1, size - 1, *(size * part // 8 for part in range(1, 8)), *range(1, size)):
        if 0 < at < size and at not in seen:
            seen.add(at)
            yield at


def _left(way: Way, position: int, close: Callable[[Config], Config]) -> int:
    """Return how many symbols differ still after a boot of a position, at the worst."""
    closed = close(way.wanted(position))
    return max(len(differing(way.good, closed)), len(differing(closed, way.bad)))


def needed(
    good: Config,
    bad: Config,
    symbols: tuple[str, ...],
    close: Callable[[Config], Config],
    likely: Callable[[str], tuple[str, ...]] = lambda _: (),
) -> tuple[str, ...] | None:
    """Return what else has to be as in the bad configuration so that the good one can have its
    values of some symbols; None where that are too many, or where there is no such set.

    ``likely`` says what a symbol seems to depend on: where that is enough, nothing else is tried.
    """
    order = differing(good, bad)

    def kept(others: tuple[str, ...]) -> bool:
        closed = close(changed(good, bad, (*others, *symbols)))
        return all(closed.get(name, "n") == bad.get(name, "n") for name in symbols)

    if kept(()):
        return ()
    near = _reached(symbols, likely)
    named = tuple(name for name in order if name in near and name not in symbols)
    if named and kept(named):
        order = named
    more: tuple[str, ...] = ()
    while not kept(more):
        low, high = 0, len(order)
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if kept((*order[:middle], *more)) else (middle, high)
        if len(more) == _MOST_NEEDED or order[high - 1] in (*more, *symbols):
            return None
        more = (order[high - 1], *more)
    return more


def _reached(symbols: tuple[str, ...], likely: Callable[[str], tuple[str, ...]]) -> set[str]:
    """Return symbols and all that they seem to depend on, directly or not."""
    found: set[str] = set()
    ahead = [*symbols]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += likely(name)
    return found
