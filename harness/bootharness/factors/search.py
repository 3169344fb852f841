"""The search for the rule that is cheapest to say together with what it gets wrong.

A rule is one condition, or two with "and" or "or" between. All conditions that the cases can tell
apart are tried: each threshold between two values that occur, each value of what has no order. Two
are made of the best ones of some features, each with all of the others; where there are too many,
with some of each feature, whose best are then moved to where they are better still.

Every condition is a set of cases, a bit for each: so the whole search takes milliseconds, and can
be done again for verdicts that chance has dealt out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import cycle, pairwise
from math import lgamma, log, log2
from random import Random
from typing import Literal

from msgspec import Struct

from bootharness.factors.columns import Column
from bootharness.factors.rules import Chance, Condition
from bootharness.factors.values import Value

__all__ = ["Hit", "Search"]

_FIRST_ONES = 12
_PARTNERS = 400
_LEAST_TRIED = 4
_COARSE = 16
_REFINED = 3
_TURNS = 4
_THRESHOLDS = 2_000
_TEXTS = 256
_SHUFFLES = 200
_SEED = 1
_ROUND = 6


class Hit(Struct, frozen=True):
    """A rule as the search knows it: the numbers of its conditions, and how many are wrong."""

    wrong: int
    conditions: tuple[int, ...]
    joined: Literal["and", "or"] = "and"


class Search:
    """All conditions that a number of cases can tell apart.

    ``same`` are, for each condition that differs from the others, all that hold for the same cases;
    ``sets`` are, for each of them, the cases where it holds and where it fails, a bit for each.
    """

    def __init__(self, columns: Sequence[Column], cases: int) -> None:
        self.cases = cases
        self.same: list[list[Condition]] = []
        self.sets: list[tuple[int, int]] = []
        self._column: list[int] = []
        self._own: dict[int, list[int]] = {}
        numbers: dict[tuple[int, int], int] = {}
        for at, column in enumerate(columns):
            for condition, sets in _conditions(column):
                number = numbers.setdefault(sets, len(self.sets))
                if number == len(self.sets):
                    self.sets.append(sets)
                    self._column.append(at)
                    self._own.setdefault(at, []).append(number)
                    self.same.append([])
                self.same[number].append(condition)

    def cost(self, hit: Hit) -> float:
        """Return how many bits it takes to say which cases a rule gets wrong, and what it is.

        One condition costs as much as another. A second one is paid for by its own price.
        """
        second = min(self.prices[at] for at in hit.conditions) if len(hit.conditions) > 1 else 0.0
        return round(second + self._bits[hit.wrong], _ROUND)

    def is_worth(self, hit: Hit, wrong: Sequence[int]) -> bool:
        """Return whether each of two conditions explains more than it costs.

        ``wrong`` is what each condition gets wrong alone.
        """
        paid = self._bits[hit.wrong]
        first, second = hit.conditions
        return (
            paid + self.prices[second] < self._bits[wrong[first]]
            and paid + self.prices[first] < self._bits[wrong[second]]
        )

    @cached_property
    def prices(self) -> list[float]:
        """The price of each condition as a second one: the bits that choose its feature, itself
        among its like, and what joins it.

        So it has to explain more than one of so many explains by chance. A threshold's neighbours
        tell nearly the same: it is chosen by its side, and to half as many bits as would name it.
        """
        sizes = Counter(self._column)
        of = log2(len(sizes)) if len(sizes) > 1 else 0.0

        def price(condition: Condition, like: int) -> float:
            own = log2(like) if condition.kind == "text" else 1.0 + log2(max(like, 2) / 2) / 2
            return 1.0 + of + own

        return [
            price(same[0], sizes[column])
            for same, column in zip(self.same, self._column, strict=True)
        ]

    @cached_property
    def _bits(self) -> list[float]:
        half = self.cases // 2  # to be wrong oftener than that takes no fewer bits
        return [
            _choose(self.cases, min(wrong, half)) + max(0, wrong - half)
            for wrong in range(self.cases + 1)
        ]

    def hits(self, bad: int) -> list[Hit]:
        """Return all rules of one condition, and those of two that are worth it.

        ``bad`` are the bad cases, a bit for each.
        """
        wrong = self._singles(bad)
        return [
            *(Hit(each, (at,)) for at, each in enumerate(wrong)),
            *self._pairs(bad, wrong, self.cases),
        ]

    def chance(self, bad: int, best: Hit, kernels: Sequence[Sequence[int]]) -> Chance:
        """Shuffle the verdicts and search again, as often as it takes.

        ``kernels`` are the cases of each kernel, to be shuffled as a whole: a kernel that is bad
        in ten ways is one witness against what it is made of, not ten.
        """
        most = self.cost(best)
        alone = self._most_wrong(most)
        joined = self._most_wrong(most - min(self.prices))
        random = Random(_SEED)
        as_good = shuffles = 0
        while shuffles < _SHUFFLES and not Chance(_SHUFFLES, as_good, self.cases).enough:
            shuffles += 1
            dealt = _dealt(bad, kernels, random)
            wrong = self._singles(dealt)
            as_good += min(wrong) <= alone or any(
                self.cost(hit) <= most for hit in self._pairs(dealt, wrong, joined)
            )
        return Chance(shuffles, as_good, len(kernels))

    def _most_wrong(self, most: float) -> int:
        """Return how many cases may be wrong to cost no more, -1 where that always does."""
        may = [wrong for wrong, bits in enumerate(self._bits) if round(bits, _ROUND) <= most]
        return max(may, default=-1)

    def _singles(self, bad: int) -> list[int]:
        good = ((1 << self.cases) - 1) ^ bad
        n = self.cases
        return [n - (yes & bad | no & good).bit_count() for yes, no in self.sets]

    def _pairs(self, bad: int, wrong: list[int], most: int) -> list[Hit]:
        """Return rules of two conditions that are worth it and get no more than ``most`` wrong."""
        if most < 0 or not min(wrong):
            return []
        if len(self.sets) <= _PARTNERS:
            return [*self._tried(bad, wrong, range(len(self.sets)), most)]
        # of a feature with many thresholds some come first, and then those around the best of them
        rough = [*self._tried(bad, wrong, self._some(wrong), most + self.cases // _COARSE)]
        best: dict[tuple[int, ...], Hit] = {}
        for hit in sorted(rough, key=self.cost):
            best.setdefault(tuple(self._column[at] for at in hit.conditions), hit)
        fine = (self._refined(hit, bad) for hit in [*best.values()][:_REFINED])
        return [hit for hit in (*rough, *fine) if hit.wrong <= most and self.is_worth(hit, wrong)]

    def _tried(
        self, bad: int, wrong: list[int], partners: Sequence[int], most: int
    ) -> Iterator[Hit]:
        """Yield rules of the best condition of each of some features, and a partner.

        What is not known of a case may not matter: where one of two conditions fails, both do.
        """
        good, n, sets = ((1 << self.cases) - 1) ^ bad, self.cases, self.sets
        for first in [*self._firsts(wrong).values()][:_FIRST_ONES]:
            yes, no = sets[first]
            limit = min(most, wrong[first] - 1)  # two have to be better than one
            if (bad & ~yes).bit_count() <= limit:
                for at in partners:
                    other, fails = sets[at]
                    right = (yes & other & bad | (no | fails) & good).bit_count()
                    if n - right <= limit:
                        hit = Hit(n - right, (first, at), "and")
                        if self.is_worth(hit, wrong):
                            yield hit
            if (good & ~no).bit_count() <= limit:
                for at in partners:
                    other, fails = sets[at]
                    right = ((yes | other) & bad | no & fails & good).bit_count()
                    if n - right <= limit:
                        hit = Hit(n - right, (first, at), "or")
                        if self.is_worth(hit, wrong):
                            yield hit

    def _firsts(self, wrong: list[int]) -> dict[int, int]:
        """Return the best condition of each feature, the best feature first."""
        firsts: dict[int, int] = {}
        for at in sorted(range(len(wrong)), key=wrong.__getitem__):
            firsts.setdefault(self._column[at], at)
        return firsts

    def _some(self, wrong: list[int]) -> list[int]:
        """Return some conditions of each feature, its best among them, as many as may be tried."""
        firsts = self._firsts(wrong)
        each = max(_LEAST_TRIED, _PARTNERS // len(firsts))
        found: list[int] = []
        for column, best in firsts.items():
            own = self._own[column]
            step = -(-len(own) // each) | 1  # an even one would leave out every "<"
            found += [best, *own[::step]]
            if len(found) >= _PARTNERS:
                break
        return found

    def _refined(self, hit: Hit, bad: int) -> Hit:
        """Return the best of a rule whose conditions are moved, one and then the other."""
        for turn in range(_TURNS):
            at = turn % 2
            kept = hit.conditions[1 - at]
            hit = min(
                (self._joined(bad, kept, other, hit.joined, at) for other in
                 self._own[self._column[hit.conditions[at]]]),
                key=lambda each: each.wrong,
            )  # fmt: skip
        return hit

    def _joined(
        self, bad: int, kept: int, moved: int, joined: Literal["and", "or"], at: int
    ) -> Hit:
        conditions = (moved, kept) if at == 0 else (kept, moved)
        hit = Hit(0, conditions, joined)
        return Hit(self.cases - self.right(hit, bad).bit_count(), conditions, joined)

    def right(self, hit: Hit, bad: int) -> int:
        """Return the cases that a rule gets right, a bit for each."""
        good = ((1 << self.cases) - 1) ^ bad
        yes, no = self.sets[hit.conditions[0]]
        for at in hit.conditions[1:]:
            other, fails = self.sets[at]
            yes, no = (
                (yes & other, no | fails) if hit.joined == "and" else (yes | other, no & fails)
            )
        return yes & bad | no & good


def _conditions(column: Column) -> Iterator[tuple[Condition, tuple[int, int]]]:
    """Yield the conditions on a feature, each with the cases where it holds and where it fails."""
    groups: dict[object, int] = {}
    named: dict[object, Value] = {}
    for at, (place, value) in enumerate(zip(column.places, column.values, strict=True)):
        if value is not None:
            groups[place] = groups.get(place, 0) | 1 << at
            named.setdefault(place, value)
    known = sum(groups.values())
    name, kind = column.name, column.kind
    if kind == "text":
        often = sorted(groups, key=lambda place: (-groups[place].bit_count(), place))
        for place in sorted(often[:_TEXTS]):  # type: ignore[type-var]
            sets = (groups[place], known ^ groups[place])
            yield Condition(name, kind, "is", str(place)), sets
            if len(groups) > 2:
                yield Condition(name, kind, "is not", str(place)), sets[::-1]
        return
    under = 0
    neighbours = [*pairwise(sorted(groups))]  # type: ignore[type-var]
    step = -(-len(neighbours) // _THRESHOLDS)
    for at, (low, high) in enumerate(neighbours):
        under |= groups[low]
        if at % step == 0:
            below, above = named[low], named[high]
            sets = (known ^ under, under)
            yield Condition(name, kind, ">", below, below, above), sets
            yield Condition(name, kind, "<", above, below, above), sets[::-1]


def _dealt(bad: int, kernels: Sequence[Sequence[int]], random: Random) -> int:
    """Return the bad cases after each kernel has got the verdicts of another one."""
    dealt = 0
    for own, others in zip(kernels, random.sample(kernels, len(kernels)), strict=True):
        for at, other in zip(own, cycle(others), strict=False):
            dealt |= (bad >> other & 1) << at
    return dealt


def _choose(of: int, some: int) -> float:
    return (lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)) / log(2)
