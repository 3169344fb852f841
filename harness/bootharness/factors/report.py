"""What separates good kernels from bad ones, for people: lines on a terminal."""

from collections.abc import Sequence
from typing import TextIO

from bootharness.factors.rules import Factors, Rule
from bootharness.report.lines import say
from bootharness.text import count, listed, printable

__all__ = ["by_chance", "print_factors", "sentence"]

_NAMED = 3
_SHOWN = 8


def sentence(factors: Factors) -> str:
    """Say the rule with its support in one sentence, or that there is none."""
    cases = factors.good + factors.bad
    what = "kernels"
    if factors.kernels < cases:
        what = f"boots of {count(factors.kernels, 'kernel')}"
    verdicts = f"{factors.bad} bad and {factors.good} good"
    if not factors.found:
        return f"no rule: chance alone tells {cases} {what}, {verdicts}, apart as well"
    wrong = len(factors.rule.wrong)
    fits = f"all {cases} {what}" if not wrong else f"{cases - wrong} of {cases} {what}"
    return f"a kernel is bad if {factors.rule}: so it is for {fits}, {verdicts}"


def by_chance(factors: Factors) -> str:
    """Say how often chance does as well."""
    chance = factors.chance
    rule = f"{'has' if chance.as_good == 1 else 'have'} a rule as good"
    whole = "" if chance.units == factors.good + factors.bad else ", each kernel as a whole,"
    return f"{chance.as_good} of {chance.shuffles} shuffles of the verdicts{whole} {rule}"


def print_factors(factors: Factors, output: TextIO) -> None:
    """Print the rule, how often chance has one, what says the same, and what nearly does."""
    say(output, (printable(sentence(factors)), {"bold": True}))
    if factors.found:
        for name in factors.nearest:
            say(output, f"next to it: {printable(name)}", indent=5)
        if factors.rule.wrong:
            say(output, f"wrong for {_named(factors.rule)}", indent=5)
    say(output, (by_chance(factors), {"dim": True}), indent=5)
    if not factors.found:
        say(output, f"the best is: bad if {_with_wrong(factors.rule)}", indent=5)
        if not factors.rule.wrong:
            say(output, "these are too few kernels: boot more, as a gate does, and give that too",
                indent=5)  # fmt: skip
    for names in factors.together:
        if len(names) > 1:
            say(output, f"{printable(_listed(names))} move together", indent=5)
    for note in factors.notes:
        say(output, note, indent=5)
    if factors.found:
        _print_others("these kernels cannot tell it from:", factors.equal, output)
        _print_others("near misses:", factors.rivals, output)


def _print_others(heading: str, rules: Sequence[Rule], output: TextIO) -> None:
    if rules:
        say(output, heading)
    for rule in rules[:_SHOWN]:
        say(output, _with_wrong(rule), indent=5)
    if len(rules) > _SHOWN:
        say(output, f"and {len(rules) - _SHOWN} more", indent=5)


def _listed(names: Sequence[str]) -> str:
    if len(names) > _SHOWN:
        return listed(names, _SHOWN)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _with_wrong(rule: Rule) -> str:
    said = printable(str(rule))
    return f"{said}: wrong for {_named(rule)}" if rule.wrong else said


def _named(rule: Rule) -> str:
    names = [printable(name) for name in rule.wrong]
    return f"{count(len(rule.wrong), 'kernel')} ({listed(names, _NAMED)})"
