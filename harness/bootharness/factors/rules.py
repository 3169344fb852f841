"""A rule that says of kernels which are bad, and what it is made from."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from bootharness.factors.values import Kind, Value, written

__all__ = ["Case", "Chance", "Condition", "Factors", "Rule"]

_MOST_CHANCE = 0.05


class Case(Struct, frozen=True):
    """One kernel, in one way of booting it: whether it was bad, and what is known of it.

    ``kernel`` is what the cases of one kernel have in common, empty for the only one of its kernel.
    ``boots`` is how often it was booted and ``bad_boots`` how many of these were bad; where not all
    were alike, ``bad`` is what most were, and bad where it is even.
    """

    name: str
    bad: bool
    features: Mapping[str, Value]
    boots: int = 1
    bad_boots: int = 0
    kernel: str = ""

    @property
    def flaky(self) -> bool:
        """Whether the same boot has come to different ends."""
        return 0 < self.bad_boots < self.boots


class Condition(Struct, frozen=True):
    """That a feature is above or below a value, or equals one.

    Numbers and versions are compared with ``value``, which occurs; ``below`` and ``above`` are the
    two neighbours that the condition tells apart.
    """

    feature: str
    kind: Kind
    relation: Literal[">", "<", "is", "is not"]
    value: Value
    below: Value | None = None
    above: Value | None = None

    def __str__(self) -> str:
        value = str(self.value) if self.kind == "text" else written(self.value)
        return f"{self.feature} {self.relation} {value}"


class Rule(Struct, frozen=True):
    """When a kernel is said to be bad; ``wrong`` are the names of the cases it gets wrong."""

    conditions: tuple[Condition, ...]
    joined: Literal["and", "or"]
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        return f" {self.joined} ".join(map(str, self.conditions))


class Chance(Struct, frozen=True):
    """How often a rule as good was found when the verdicts were shuffled.

    They are shuffled among ``units``: cases, or, for a rule of what kernels are made of, kernels
    with all of their cases. Shuffling ends early where too many have a rule.
    """

    shuffles: int
    as_good: int
    units: int

    @property
    def enough(self) -> bool:
        """Whether chance explains the rule, so that it is none."""
        return (self.as_good + 1) / (self.shuffles + 1) > _MOST_CHANCE


class Factors(Struct, frozen=True):
    """What separates bad kernels from good ones best, and what else does.

    ``kernels`` is how many kernels the cases are of.
    ``together`` are, for each condition of the rule, the features that move with its own, itself
    first. ``equal`` are other rules that are as good, ``rivals`` those that are less so, the best
    first; of rules whose features move together there is one. ``nearest`` are the cases on both
    sides of each threshold, ``notes`` what else has to be known of the cases.
    """

    good: int
    bad: int
    kernels: int
    rule: Rule
    chance: Chance
    together: tuple[tuple[str, ...], ...]
    equal: tuple[Rule, ...]
    rivals: tuple[Rule, ...]
    nearest: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def found(self) -> bool:
        """Whether there is a rule that chance does not explain."""
        return not self.chance.enough
