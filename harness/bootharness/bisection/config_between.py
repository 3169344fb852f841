"""What lies between two configurations: one that has part of what they differ by.

What is asked of Kconfig is not what it makes of it: what depends on a symbol that is not set stays
off, and what others select comes with them. One symbol may change five hundred, so that half of the
symbols is seldom half of the difference. Here the closed configurations are compared, and what is
asked for is moved until they are about where they should be: from either end, in either order.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from bootharness.bisection.kconfig import Config, differing

__all__ = ["between", "changed", "needed"]

_NEAR = 0.1
"""How far from the wanted share a configuration may be before a nearer one is looked for."""
_MOST_MOVES = 5
_MOST_TRIED = 40
_MOST_NEEDED = 6
"""So many symbols are looked for that others depend on."""


def changed(config: Config, other: Config, symbols: tuple[str, ...]) -> dict[str, str]:
    """Return a configuration with the other one's values of some symbols."""
    return {**config, **{name: other.get(name, "n") for name in symbols}}


def between(
    good: Config, bad: Config, share: float, close: Callable[[Config], Config]
) -> Config | None:
    """Return a closed configuration that has about this share of what two closed ones differ by;
    None where Kconfig lets there be none.

    Fewer symbols lie between it and each of them than between the two.
    """
    size = len(differing(good, bad))
    nearest: tuple[float, Config] | None = None
    for along in _ways(good, bad):
        low, high = 0, size
        for _ in range(_MOST_MOVES):
            if high - low < 2:
                break
            middle = low + max(1, round((high - low) * share))
            closed = close(along(min(middle, high - 1)))
            of_good, of_bad = len(differing(good, closed)), len(differing(closed, bad))
            reached = of_good / (of_good + of_bad)
            if max(of_good, of_bad) < size:
                off = abs(reached - share)
                if off <= _NEAR:
                    return closed
                if nearest is None or off < nearest[0]:
                    nearest = off, closed
            low, high = (middle, high) if reached < share else (low, middle)
    if nearest:
        return nearest[1]
    for asked in islice(_singly(good, bad), _MOST_TRIED):
        closed = close(asked)
        if max(len(differing(good, closed)), len(differing(closed, bad))) < size:
            return closed
    return None


def _ways(good: Config, bad: Config) -> Iterator[Callable[[int], dict[str, str]]]:
    """Yield the ways from one to the other, the plainest first: what is asked for when so many
    symbols are taken from the bad one."""
    symbols = differing(good, bad)
    for order in (symbols, symbols[::-1]):
        yield partial(_set, good, bad, order)
    for order in (symbols, symbols[::-1]):
        yield partial(_set_back, good, bad, order)


def _set(good: Config, bad: Config, order: tuple[str, ...], taken: int) -> dict[str, str]:
    return changed(good, bad, order[:taken])


def _set_back(good: Config, bad: Config, order: tuple[str, ...], taken: int) -> dict[str, str]:
    return changed(bad, good, order[taken:])


def _singly(good: Config, bad: Config) -> Iterator[dict[str, str]]:
    """Yield each with one symbol of the other."""
    for name in differing(good, bad):
        yield changed(good, bad, (name,))
        yield changed(bad, good, (name,))


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
