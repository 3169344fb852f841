"""What could be known of a planted rule at most: by one who knows how the verdicts came about."""

from collections.abc import Sequence
from itertools import combinations

from bootharness.factors.columns import columns
from bootharness.factors.rules import Case
from bootharness.factors.search import Search

__all__ = ["most_likely"]


def most_likely(cases: Sequence[Case], *, noise: float, two: float) -> frozenset[str]:
    """Return the features of the rule that is most likely to have made verdicts of which a part,
    ``noise``, is wrong, where a part of all rules, ``two``, has two conditions.

    All features are as likely, all conditions on a feature, and "and" as "or": of rules that are
    drawn so none finds more. Thresholds are not chosen: all of a feature count.
    """
    known, number = [*columns(cases)], len(cases)
    bad = sum(1 << at for at, case in enumerate(cases) if case.bad)
    good = ((1 << number) - 1) ^ bad
    chance = [noise**wrong * (1 - noise) ** (number - wrong) for wrong in range(number + 1)]
    search = Search(known, number)
    # where a rule is true of bad cases, and where it is not of good ones
    told = {
        column.name: [
            (yes, no) for (yes, no), conditions in zip(search.sets, search.same, strict=True)
            if any(each.feature == column.name for each in conditions)
        ]
        for column in known
    }  # fmt: skip

    def likely(yes: int, no: int) -> float:
        return chance[number - (yes & bad | no & good).bit_count()]

    found = {
        frozenset({name}): (1 - two) * sum(likely(*each) for each in its) / len(its) / len(told)
        for name, its in told.items()
    }
    pairs = [*combinations(told, 2)]
    for one, other in pairs:
        total = sum(
            likely(yes & also, no | fails) + likely(yes | also, no & fails)
            for yes, no in told[one]
            for also, fails in told[other]
        )
        ways = 2 * len(told[one]) * len(told[other]) * len(pairs)
        found[frozenset({one, other})] = two * total / ways
    return max(found, key=found.__getitem__)
