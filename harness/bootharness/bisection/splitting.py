"""Where the next boots of a search tell most: at the positions that split what is likely."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from math import ceil

from msgspec import Struct

from bootharness.bisection.evidence import Block, bad_probability, bits

__all__ = ["Splitting"]


class Splitting(Struct, frozen=True):
    """A range from ``low`` on that turns bad somewhere in ``blocks``.

    ``told`` are the positions that told anything, ``skipped`` those that did not, ``void`` those at
    which there is nothing, and ``needless`` those that need not be tried now.
    """

    blocks: Sequence[Block]
    low: int
    size: int
    told: Collection[int]
    skipped: frozenset[int]
    void: frozenset[int]
    needless: Collection[int]

    def positions(self, pending: Sequence[int], workers: int) -> Iterator[int]:
        """Yield what so many workers should try, between the positions that are being tried."""
        borders = sorted({0.0, 1.0, *(bad_probability(self.blocks, at) for at in pending)})
        parts = [(upper - lower, lower, upper) for lower, upper in pairwise(borders)]
        shares = [0] * len(parts)
        for _ in range(workers):
            widest = max(range(len(parts)), key=lambda at: parts[at][0] / (shares[at] + 1))
            shares[widest] += 1
        for (width, lower, _), share in zip(parts, shares, strict=True):
            for number in range(1, share + 1):
                reach = width / (share + 1)
                found = self._nearest(lower + number * reach, reach, pending)
                if found is not None:
                    yield found

    def _nearest(self, level: float, reach: float, pending: Sequence[int]) -> int | None:
        """Return the position that tells most about whether the turn is before ``level``."""
        best, most = None, 0.0
        for at in self._around(self._position_at(level)):
            if at in pending or at in self.needless:
                continue
            share = (bad_probability(self.blocks, at) - level + reach) / (2 * reach)
            worth = bits(share) * self._likely_to_tell(at)
            if worth > most:
                best, most = at, worth
        return best

    def _position_at(self, level: float) -> int:
        """Return the first position that is bad with at least this probability."""
        below = 0.0
        for block in self.blocks:
            if below + block.mass >= level and block.mass:
                places = block.last - block.first + 1
                within = ceil((level - below) / block.mass * places) - 1
                return min(max(block.first + within, block.first), block.last)
            below += block.mass
        return self.blocks[-1].last

    def _around(self, ideal: int) -> Iterator[int]:
        """Yield positions that were not in vain: each side's nearest, then ever farther ones."""
        seen = set()
        for direction in (-1, 1):
            step, at = 1, ideal if direction > 0 else ideal - 1
            while self.low <= at < self.size:
                if at in self.skipped or at in self.void:
                    at += direction
                    continue
                if at not in seen:
                    seen.add(at)
                    yield at
                at += direction * step
                step *= 2

    def _likely_to_tell(self, position: int) -> float:
        """Return how likely a position is to tell anything: less, the nearer it is to others
        that do not, and the more of them there are between the same two that did."""
        if position in self.told or not self.skipped:
            return 1.0
        nearest = min(self.skipped, key=lambda at: abs(at - position))
        run = _run_length(self.skipped, nearest)
        distance = abs(nearest - position)
        block = next(block for block in self.blocks if position <= block.last)
        silent = sum(block.first <= at < block.last for at in self.skipped)
        return distance / (distance + run) / (1 + silent)


def _run_length(positions: frozenset[int], position: int) -> int:
    """Return how many neighbours in a row belong to a set."""
    length = 1
    for direction in (-1, 1):
        at = position + direction
        while at in positions:
            length += 1
            at += direction
    return length
