"""What separates kernels that boot from kernels that do not: the smallest rule that says so.

A rule is one condition on a measured feature, or two of them with "and" or "or" between. All
conditions that the cases can tell apart are tried: each threshold of a number that lies
between two values that occur, each value of anything else. Two conditions are made of those
that are best alone. This is small enough to be done exhaustively, and unlike a tree's its
answer is the smallest, and its rivals are known.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from math import comb
from typing import Literal

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.text import count

__all__ = ["Case", "Condition", "Factors", "Rule", "find_factors"]

Value = int | float | str
# of conditions that separate equally well, those that a loader has to do with come first
_FIRST = ("payload_bytes", "setup_sects", "init_size", "file_bytes")
_JOINS: tuple[Literal["and", "or"], ...] = ("and", "or")
_PAIRED = 40
_RIVALS = 8


class Case(Struct, frozen=True):
    """One kernel that was booted: whether it was bad, and what is known of it."""

    name: str
    bad: bool
    features: Mapping[str, Value]


class Condition(Struct, frozen=True):
    """That a feature is above or below a value that lies between two that occur, or equals one.

    ``below`` and ``above`` are those two, for a number.
    """

    feature: str
    relation: Literal[">", "<", "is", "is not"]
    value: Value
    below: float = 0
    above: float = 0

    def holds(self, case: Case) -> bool | None:
        """Return whether it holds for a case, None where the feature is not known."""
        known = case.features.get(self.feature)
        if known is None:
            return None
        if self.relation == "is":
            return known == self.value
        if self.relation == "is not":
            return known != self.value
        if isinstance(known, str) or isinstance(self.value, str):
            return None
        return known > self.value if self.relation == ">" else known < self.value

    def __str__(self) -> str:
        if self.relation == ">":
            return f"{self.feature} > {_number(self.below)}"
        if self.relation == "<":
            return f"{self.feature} < {_number(self.above)}"
        return f"{self.feature} {self.relation} {self.value}"


class Rule(Struct, frozen=True):
    """When a kernel is said to be bad; ``wrong`` are the names of the cases it gets wrong."""

    conditions: tuple[Condition, ...]
    joined: Literal["and", "or"]
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        return f" {self.joined} ".join(map(str, self.conditions))


class Factors(Struct, frozen=True):
    """The smallest rule that separates best, the rules that do so equally well, and rivals.

    ``rivals`` separate less well, the best first. ``chance`` bounds the probability that
    among as many rules as were tried one separates these cases by accident. ``nearest`` are
    the cases on both sides of each threshold.
    """

    good: int
    bad: int
    rule: Rule
    equal: tuple[Rule, ...]
    rivals: tuple[Rule, ...]
    chance: float
    nearest: tuple[str, ...]


def find_factors(cases: Sequence[Case]) -> Factors:
    """Return what separates the bad cases from the good ones.

    Raises UsageError when all are good or all are bad, or when nothing is known of them that
    differs.
    """
    bad = sum(case.bad for case in cases)
    if not 0 < bad < len(cases):
        raise UsageError(
            f"of {count(len(cases), 'kernel')} {bad} are bad: it takes good ones and bad ones to "
            "tell what they differ in"
        )
    conditions = [*_conditions(cases)]
    if not conditions:
        raise UsageError("nothing is known of these kernels that differs between good and bad")
    singles = sorted((_single(condition, cases) for condition in conditions), key=_order)
    rules = singles
    if singles[0].wrong:
        rules = sorted([*singles, *_pairs(singles, cases)], key=_order)
    best = rules[0]
    same = [*_by_feature([rule for rule in rules if _cost(rule) == _cost(best)], {_features(best)})]
    trivial = min(bad, len(cases) - bad)  # what it costs to call all of them the same
    worse = [rule for rule in rules if _cost(best) < _cost(rule) and len(rule.wrong) < trivial]
    said = {_features(rule) for rule in (best, *same)}
    return Factors(
        good=len(cases) - bad,
        bad=bad,
        rule=best,
        equal=tuple(same),
        rivals=tuple(_by_feature(worse, said))[:_RIVALS],
        chance=min(1.0, len(rules) / comb(len(cases), bad)),
        nearest=tuple(_nearest(best, cases)),
    )


def _conditions(cases: Sequence[Case]) -> Iterator[Condition]:
    for feature in sorted({name for case in cases for name in case.features}):
        known = [(case.features[feature], case.bad) for case in cases if feature in case.features]
        values = {value for value, _ in known}
        if len(values) < 2:
            continue
        numbers = [value for value in values if not isinstance(value, str)]
        if len(numbers) == len(values):
            for below, above in pairwise(sorted(numbers)):
                middle = (below + above) / 2
                yield Condition(feature, ">", middle, below, above)
                yield Condition(feature, "<", middle, below, above)
        else:
            for value in sorted(map(str, values)):
                yield Condition(feature, "is", value)
                if len(values) > 2:
                    yield Condition(feature, "is not", value)


def _single(condition: Condition, cases: Sequence[Case]) -> Rule:
    wrong = tuple(case.name for case in cases if condition.holds(case) is not case.bad)
    return Rule((condition,), "and", wrong)


def _pairs(singles: Sequence[Rule], cases: Sequence[Case]) -> Iterator[Rule]:
    best = [rule.conditions[0] for rule in singles[:_PAIRED]]
    for one, other in combinations(best, 2):
        for joined in _JOINS:
            wrong = tuple(
                case.name for case in cases if _both(one, other, joined, case) is not case.bad
            )
            yield Rule((one, other), joined, wrong)


def _both(one: Condition, other: Condition, joined: str, case: Case) -> bool | None:
    first, second = one.holds(case), other.holds(case)
    if first is None or second is None:
        return None
    return first and second if joined == "and" else first or second


def _cost(rule: Rule) -> tuple[int, int]:
    return len(rule.wrong), len(rule.conditions)


def _order(rule: Rule) -> tuple[int, int, int, str]:
    ranks = [
        _FIRST.index(each.feature) if each.feature in _FIRST else len(_FIRST)
        for each in rule.conditions
    ]
    return (*_cost(rule), sum(ranks), str(rule))


def _features(rule: Rule) -> str:
    return ", ".join(each.feature for each in rule.conditions)


def _by_feature(rules: Iterable[Rule], known: set[str]) -> Iterator[Rule]:
    """Yield the first rule of each set of features: its other thresholds say no more."""
    for rule in rules:
        if _features(rule) not in known:
            known.add(_features(rule))
            yield rule


def _nearest(rule: Rule, cases: Sequence[Case]) -> Iterator[str]:
    """Yield, for each threshold, the cases that lie next to it."""
    for condition in rule.conditions:
        if condition.relation in ("is", "is not"):
            continue
        for value in (condition.below, condition.above):
            name = next(
                case.name for case in cases if case.features.get(condition.feature) == value
            )
            said = "bad" if next(case.bad for case in cases if case.name == name) else "good"
            yield f"{name}: {condition.feature} {_number(value)}, {said}"


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
