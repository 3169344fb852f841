"""What separates good kernels from bad ones, for people: lines on a terminal, and a plot."""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from typing import TextIO

import click

from bootharness.factors.rules import Case, Factors, Rule
from bootharness.report.page import new_figure
from bootharness.text import count, printable

__all__ = ["factors_plot", "print_factors", "sentence"]

_WIDTH = 96
_NAMED = 3
_CERTAIN = 1e-6


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
    _paragraph(sentence(factors), output, bold=True)
    for name in factors.nearest:
        click.echo(f"     next to it: {printable(name)}", file=output)
    if factors.rule.wrong:
        click.echo(f"     wrong for {_named(factors.rule)}", file=output)
    chance = factors.chance
    said = "under 1 in a million" if chance < _CERTAIN else f"{chance:.2g}"
    click.echo(click.style(f"     by accident: {said}, if all of these were unrelated", dim=True),
               file=output)  # fmt: skip
    if factors.equal:
        click.echo("these kernels cannot tell it from:", file=output)
        for rule in factors.equal:
            click.echo(f"     {rule}", file=output)
    if factors.rivals:
        click.echo("near misses:", file=output)
        for rule in factors.rivals:
            click.echo(f"     {rule}: wrong for {_named(rule)}", file=output)


def _named(rule: Rule) -> str:
    names = [printable(name) for name in rule.wrong[:_NAMED]]
    more = f" and {len(rule.wrong) - _NAMED} more" if len(rule.wrong) > _NAMED else ""
    return f"{count(len(rule.wrong), 'kernel')} ({', '.join(names)}{more})"


def _paragraph(text: str, output: TextIO, *, bold: bool) -> None:
    wrapped = textwrap.fill(printable(text), _WIDTH, break_on_hyphens=False)
    click.echo(click.style(wrapped, bold=bold), file=output)


def factors_plot(factors: Factors, cases: Sequence[Case], kind: str) -> bytes:
    """Draw every kernel by the feature of the rule, or by both, bad ones marked otherwise.

    ``kind`` is the format: svg, png, pdf. Raises ToolMissing without matplotlib.
    """
    conditions = factors.rule.conditions
    figure = new_figure(9, 4)
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
