"""From samples to figures: medians, ratios of pairs, and whether a goal is met."""

from collections.abc import Mapping
from statistics import median, quantiles
from typing import Literal

from msgspec import Struct

__all__ = ["Figure", "Row", "Samples"]

Samples = Mapping[str, list[float]]
"""What was measured, by series: one number for each pair, in the row's unit."""


class Figure(Struct, frozen=True):
    """A median with the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: list[float]) -> "Figure":
        """Return the figure of at least one sample."""
        low, middle, high = quantiles(samples * 2 if len(samples) == 1 else samples, n=4,
                                      method="inclusive")  # fmt: skip
        return cls(middle, low, high)


class Row(Struct, frozen=True):
    """One line of the table: which series it compares, how, and what is wanted of it.

    The figure of a ``ratio`` or a ``difference`` is that of the pairs: what slows down both
    sides of a pair does not count. A ``value`` stands for itself. ``goal`` is the most that
    the figure may be; the least where ``at_least`` is set; None where nothing is wanted.
    """

    title: str
    series: str
    against: str | None = None
    by: Literal["ratio", "difference", "value"] = "value"
    unit: Literal["s", "bytes", "/min"] = "s"
    goal: float | None = None
    at_least: bool = False

    def figure(self, samples: Samples) -> Figure:
        """Return the figure that the goal is about."""
        ours = samples[self.series]
        if self.against is None or self.by == "value":
            return Figure.of(ours)
        pairs = zip(ours, samples[self.against], strict=True)
        if self.by == "ratio":
            return Figure.of([one / other for one, other in pairs])
        return Figure.of([one - other for one, other in pairs])

    def medians(self, samples: Samples) -> tuple[float, float | None]:
        """Return the medians of both sides, of the second one None where there is none."""
        other = samples[self.against] if self.against else None
        return median(samples[self.series]), median(other) if other else None

    def met(self, samples: Samples) -> bool | None:
        """Return whether the goal is met, None where there is none."""
        if self.goal is None:
            return None
        found = self.figure(samples).median
        return found >= self.goal if self.at_least else found <= self.goal
