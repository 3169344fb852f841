"""What separates good kernels from bad ones, drawn, with the margin between them."""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from bootharness.factors.report import sentence
from bootharness.factors.rules import Case, Condition, Factors
from bootharness.factors.values import Value, kind_of_one, place, written
from bootharness.report.page import new_figure
from bootharness.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["factors_plot", "margin"]

_WIDTH = 96
_TICKS = 14
_LONGEST = 24
_GREY = "#5d636d"


class _Axis:
    """One axis: numbers stand where they are, versions and texts one after the other."""

    def __init__(self, condition: Condition, cases: Sequence[Case]) -> None:
        self.condition, self.kind = condition, condition.kind
        values = [case.features[condition.feature] for case in cases]
        by_place = {place(value, self.kind): value for value in reversed(values)}
        self.names = [by_place[each] for each in sorted(by_place)]
        self._at = {each: at for at, each in enumerate(sorted(by_place))}

    def at(self, value: Value) -> float:
        if self.kind == "number":
            return float(value)
        return self._at[place(value, self.kind)]

    def ticks(self) -> tuple[list[int], list[str]]:
        """Return where names stand, some left out where there are many."""
        step = -(-len(self.names) // _TICKS)
        places = [*range(0, len(self.names), step)]
        return places, [_short(str(self.names[at])) for at in places]


def margin(condition: Condition) -> str:
    """Say how far apart the values are that a condition tells apart; empty where it has none."""
    low, high = condition.below, condition.above
    if low is None or high is None:
        return ""
    between = f"between {written(low)} and {written(high)}"
    if isinstance(low, str) or isinstance(high, str):
        return between
    apart = high - low
    return f"{written(apart if isinstance(apart, int) else float(f'{apart:.6g}'))} {between}"


def factors_plot(factors: Factors, cases: Sequence[Case], kind: str) -> bytes:
    """Draw every kernel by the feature of the rule, or by both, bad ones marked otherwise.

    The margin of a rule, which no kernel lies in, is shaded. ``kind`` is the format: svg, png, pdf.
    Raises ToolMissing without matplotlib.
    """
    figure = new_figure(9, 4)
    drawn = figure.add_subplot()
    conditions = factors.rule.conditions
    known = [case for case in cases if all(_has(case, each) for each in conditions)]
    axes = [_Axis(condition, known) for condition in conditions]
    for bad, colour, mark in ((False, "#1a7a43", "o"), (True, "#b3261e", "X")):
        chosen = [case for case in known if case.bad is bad]
        across = [axes[0].at(case.features[conditions[0].feature]) for case in chosen]
        up: list[Any] = ["bad" if bad else "good"] * len(chosen)
        if len(axes) > 1:
            up = [axes[1].at(case.features[conditions[1].feature]) for case in chosen]
        drawn.scatter(across, up, c=colour, marker=mark, s=48, alpha=0.7,
                      label="bad" if bad else "good")  # fmt: skip
    for at, axis in enumerate(axes):
        _lay_out(drawn, axis, across=at == 0)
        if factors.found:
            _shade(drawn, axis, across=at == 0)
    drawn.set_title(textwrap.fill(_plain(sentence(factors)), _WIDTH), fontsize=10)
    drawn.legend(frameon=False, fontsize=8)
    output = BytesIO()
    figure.savefig(output, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return output.getvalue()


def _has(case: Case, condition: Condition) -> bool:
    value = case.features.get(condition.feature)
    return value is not None and kind_of_one(value, condition.kind)


def _lay_out(drawn: "Axes", axis: _Axis, *, across: bool) -> None:
    condition = axis.condition
    (drawn.set_xlabel if across else drawn.set_ylabel)(_plain(condition.feature))
    if axis.kind != "number":
        places, names = axis.ticks()
        slanted = {"rotation": 30, "ha": "right", "fontsize": 8} if across else {"fontsize": 8}
        (drawn.set_xticks if across else drawn.set_yticks)(places, names, **slanted)
    else:
        whole = all(isinstance(value, int) for value in axis.names)
        ours = drawn.xaxis if across else drawn.yaxis
        ours.set_major_formatter("{x:,.0f}" if whole else "{x:g}")


def _shade(drawn: "Axes", axis: _Axis, *, across: bool) -> None:
    condition = axis.condition
    if condition.below is not None and condition.above is not None:
        shade = drawn.axvspan if across else drawn.axhspan
        shade(axis.at(condition.below), axis.at(condition.above), color=_GREY, alpha=0.18, lw=0,
              label=_plain(f"margin: {margin(condition)}"))  # fmt: skip


def _short(text: str) -> str:
    return _plain(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _plain(text: str) -> str:
    """Return a text of which matplotlib makes no formula."""
    return printable(text).replace("$", r"\$")
