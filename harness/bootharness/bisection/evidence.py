"""What boots along a range say about where it turns bad: a posterior over every place.

A range turns bad once, at an unknown position, and nobody knows beforehand how boots behave:

- they never give a wrong verdict, or
- any of them tells wrong now and then: a busy host, or
- a bad kernel boots now and then, and a good one always: a race.

Each of these, at a few rates, has a probability beforehand (`_BEHAVIOURS`); what is seen
decides between them while it decides about the position. The likelihood depends on counts
alone, so between two positions that were tried all places are equally likely, and a range of
a million positions costs no more than its boots.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from math import log

from msgspec import Struct

__all__ = [
    "BUILT", "FLICKERING", "PERSISTS", "STEADY", "Block", "Inversion", "Tally",
    "bad_probability", "bits", "entropy_bits", "flicker_rate", "inversions", "posterior",
]  # fmt: skip

_ANY_WRONG = (0.02, 0.05, 0.1, 0.2, 0.3)
_BAD_WRONG = (0.1, 0.2, 0.3, 0.4, 0.5)
_BEHAVIOURS = (
    *((2 / 3 / len(_ANY_WRONG), rate, rate) for rate in _ANY_WRONG),
    *((1 / 3 / len(_BAD_WRONG), 0.0, rate) for rate in _BAD_WRONG),
)
"""How boots that flicker may behave: how probable that is beforehand, and which part of a good and
of a bad kernel's boots are wrong."""
FLICKERING, STEADY, BUILT = 0.5, 0.98, 0.999
"""How probable it is beforehand that none is ever wrong: for a cause that may differ from boot to
boot, for one that calls and memory prove, and for a build, which hardly ever ends otherwise the
next time. As soon as two boots of a kernel do not agree, none of this counts.

Of boots that agree the first number decides how many there are: in histories of 1,000 commits 16
with 0.5. With 0.9 there are 14, as of what is proven, and then a tenth of wrong boots makes 45
answers of 1,000 wrong, in place of 8: whoever has booted the last good one and the first bad one
twice each, and has seen nothing that disagrees, cannot know more."""


PERSISTS = 5
"""How often a position must say the same before it is not taken for flickering."""


class Tally(Struct, frozen=True):
    """How often a position was seen to be good, and bad."""

    good: int = 0
    bad: int = 0

    @property
    def boots(self) -> int:
        """How many boots told anything."""
        return self.good + self.bad


class Inversion(Struct, frozen=True):
    """That a position is bad although a later one is good: the range turns more than once."""

    bad: int
    good: int


class Block(Struct, frozen=True):
    """Places that are equally likely: the first bad position is one of ``first`` to ``last``.

    ``mass`` is the probability of all of them together.
    """

    first: int
    last: int
    mass: float


def posterior(
    tallies: Mapping[int, Tally], low: int, high: int, *, never_wrong: float = FLICKERING
) -> list[Block]:
    """Return the probability of every place where a range can turn bad, as blocks in order.

    The first bad position lies behind ``low`` and is at most ``high``; ``never_wrong`` is the
    probability beforehand that no result is.
    """
    inside = {at: tally for at, tally in tallies.items() if low <= at <= high and tally.boots}
    borders = sorted({low, *inside, high})
    of_good, told_bad = 0, 0
    of_bad = sum(tally.boots for tally in inside.values())
    told_good = sum(tally.good for tally in inside.values())
    weights = []
    for border, following in pairwise(borders):
        tally = inside.get(border, Tally())
        of_good += tally.boots
        told_bad += tally.bad
        of_bad -= tally.boots
        told_good -= tally.good
        likelihood = _likelihood(told_bad, of_good, told_good, of_bad, never_wrong)
        weights.append((border + 1, following, likelihood * (following - border)))
    total = sum(weight for _, _, weight in weights)
    return [Block(first, last, weight / total) for first, last, weight in weights]


def bad_probability(blocks: Iterable[Block], position: int) -> float:
    """Return the probability that a position is bad: that the range turns bad there or before."""
    total = 0.0
    for block in blocks:
        if position < block.first:
            break
        places = block.last - block.first + 1
        total += block.mass * min(1.0, (position - block.first + 1) / places)
    return min(total, 1.0)


def entropy_bits(blocks: Iterable[Block]) -> float:
    """Return how much is not known yet about the place, in bits."""
    return sum(
        block.mass * (log(block.last - block.first + 1) - log(block.mass))
        for block in blocks
        if block.mass
    ) / log(2)


def bits(share: float) -> float:
    """Return the entropy of a choice between two, in bits; nothing outside of 0 to 1."""
    if not 0 < share < 1:
        return 0.0
    return -(share * log(share) + (1 - share) * log(1 - share)) / log(2)


def inversions(tallies: Mapping[int, Tally]) -> Iterator[Inversion]:
    """Yield every turn from bad to good, where no position ever said both."""
    since: int | None = None  # a bad position with a good one behind it
    last: int | None = None
    for at in sorted(tallies):
        tally = tallies[at]
        if tally.bad >= PERSISTS:
            if since is not None and last is not None:
                yield Inversion(since, last)
                since = None
            if since is None or last is not None:
                since, last = at, None
        elif tally.good >= PERSISTS and since is not None:
            last = at
    if since is not None and last is not None:
        yield Inversion(since, last)


def flicker_rate(tallies: Mapping[int, Tally], turn: int) -> float:
    """Return which part of the boots gave a wrong verdict, if the range turns bad at ``turn``."""
    boots = sum(tally.boots for tally in tallies.values())
    wrong = sum(tally.good if at >= turn else tally.bad for at, tally in tallies.items())
    return wrong / boots if boots else 0.0


def _likelihood(
    told_bad: int, of_good: int, told_good: int, of_bad: int, never_wrong: float
) -> float:
    """Return how likely so many wrong verdicts on good and on bad kernels are."""
    all_right = never_wrong if not (told_bad or told_good) else 0.0
    return all_right + (1 - never_wrong) * sum(
        beforehand
        * (good_wrong**told_bad * (1 - good_wrong) ** (of_good - told_bad))
        * (bad_wrong**told_good * (1 - bad_wrong) ** (of_bad - told_good))
        for beforehand, good_wrong, bad_wrong in _BEHAVIOURS
    )
