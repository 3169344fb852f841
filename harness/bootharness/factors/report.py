"""What separates good kernels from bad ones, for people: lines on a terminal, and a plot."""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from typing import TextIO

from bootharness.factors.rules import Case, Factors, Rule
from bootharness.report.lines import say
from bootharness.text import count, printable

__all__ = ["by_accident", "factors_plot", "print_factors", "sentence"]

_WIDTH = 96
_NAMED = 3
_CERTAIN = 1e-6
_MOST_CHANCE = 0.05


def sentence(factors: Factors) -> str:
    """Say the rule with its support in one sentence."""
    wrong = len(factors.rule.wrong)
    cases = factors.good + factors.bad
    fits = f"all {cases} kernels" if not wrong else f"{cases - wrong} of {cases} kernels"
    return (
        f"a kernel is bad if {factors.rule}: so it is for {fits}, {factors.bad} bad and "
        f"{factors.good} good"
    )


def print_factors(factors: Factors, output: TextIO) -> None:
    """Print the rule, what says the same, and what nearly does."""
    say(output, (printable(sentence(factors)), {"bold": True}))
    for name in factors.nearest:
        say(output, f"next to it: {printable(name)}", indent=5)
    if factors.rule.wrong:
        say(output, f"wrong for {_named(factors.rule)}", indent=5)
    say(output, (by_accident(factors), {"dim": True}), indent=5)
    if factors.equal:
        say(output, "these kernels cannot tell it from:")
        for rule in factors.equal:
            say(output, str(rule), indent=5)
    if factors.rivals:
        say(output, "near misses:")
        for rule in factors.rivals:
            say(output, f"{rule}: wrong for {_named(rule)}", indent=5)


def by_accident(factors: Factors) -> str:
    """Say how likely some rule fits as well by chance alone."""
    if factors.chance > _MOST_CHANCE:
        kernels = count(factors.good + factors.bad, "kernel")
        how = "would do it" if factors.chance > 0.5 else f"could do it ({factors.chance:.2g})"
        return f"{kernels} ({factors.bad} bad) are too few: chance alone {how}"
    said = "under 1 in a million" if factors.chance < _CERTAIN else f"{factors.chance:.2g}"
    return f"by accident: {said}, if all of these were unrelated"


def _named(rule: Rule) -> str:
    names = [printable(name) for name in rule.wrong[:_NAMED]]
    more = f" and {len(rule.wrong) - _NAMED} more" if len(rule.wrong) > _NAMED else ""
    return f"{count(len(rule.wrong), 'kernel')} ({', '.join(names)}{more})"


def factors_plot(factors: Factors, cases: Sequence[Case], kind: str) -> bytes:
    """Draw every kernel by the feature of the rule, or by both, bad ones marked otherwise.

    ``kind`` is the format: svg, png, pdf.
    """
    from matplotlib.figure import Figure  # takes longer to import than to draw

    conditions = factors.rule.conditions
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.add_subplot()
    features = [condition.feature for condition in conditions]
    for bad, colour, mark in ((False, "#1a7a43", "o"), (True, "#b3261e", "X")):
        chosen = [case for case in cases if case.bad is bad]
        chosen = [case for case in chosen if all(name in case.features for name in features)]
        across = [case.features[features[0]] for case in chosen]
        if len(features) > 1:
            up = [case.features[features[1]] for case in chosen]
        else:
            up = ["bad" if bad else "good"] * len(chosen)
        axes.scatter(across, up, c=colour, marker=mark, s=48, alpha=0.7,
                     label="bad" if bad else "good")  # fmt: skip
    for condition, line in zip(conditions, (axes.axvline, axes.axhline), strict=False):
        if condition.relation in (">", "<"):
            line(float(condition.value), color="#5d636d", linestyle=(0, (4, 3)))
    axes.set_xlabel(features[0])
    axes.set_ylabel(features[1] if len(features) > 1 else "")
    axes.set_title(textwrap.fill(sentence(factors), _WIDTH), fontsize=10)
    if len(features) > 1:
        axes.legend(frameon=False)
    drawn = BytesIO()
    figure.savefig(drawn, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return drawn.getvalue()
