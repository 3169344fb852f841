"""What a hunt through configurations has found: the guilty symbols, or how each makes it grow.

Values and pure functions; what was booted is in `config_hunt`.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from bootharness.bisection.kconfig import Config, Declared
from bootharness.text import count, listed

__all__ = [
    "ConfigAnswer",
    "Growth",
    "Guilty",
    "config_conclusion",
    "growths",
    "guilty_of",
    "named",
    "unknown_symbols",
]

_LISTED = 8


class Guilty(Struct, frozen=True):
    """A symbol and its two values; ``where`` the tree declares it, as FILE:LINE, what it asks the
    person, and where the choice begins that it is of: empty where there is none."""

    name: str
    good: str
    bad: str
    where: str = ""
    prompt: str = ""
    choice: str = ""


class Growth(Struct, frozen=True):
    """How many bytes the payload grew over symbols that follow each other on the way."""

    first: str
    last: str
    symbols: int
    bytes: int


class ConfigAnswer(Struct, frozen=True):
    """The guilty symbols; all of them together make it fail.

    ``together`` tells that no part of them could be had without the rest, by Kconfig, and
    ``untold`` that what has a part of them told nothing: then any of them can be it. ``others`` are
    groups that make it fail as well, each by itself. ``growth`` is there where the cause is a size,
    the largest first: then no symbol is guilty. ``unknown`` are those that the tree does not have.
    ``boots`` is how many kernels were booted in all searches, not counting what was known and the
    experiments.
    """

    good: str
    bad: str
    differing: int
    boots: int
    guilty: tuple[Guilty, ...]
    together: bool = False
    untold: bool = False
    others: tuple[tuple[Guilty, ...], ...] = ()
    growth: tuple[Growth, ...] = ()
    unknown: tuple[str, ...] = ()


def guilty_of(
    symbols: Iterable[str], good: Config, bad: Config, known: Mapping[str, Declared]
) -> tuple[Guilty, ...]:
    """Return symbols with what is known of them."""
    return tuple(
        Guilty(
            name=name,
            good=good.get(name, "n"),
            bad=bad.get(name, "n"),
            where=known[name].where if name in known else "",
            prompt=known[name].prompt if name in known else "",
            choice=known[name].choice if name in known else "",
        )
        for name in symbols
    )


def named(group: Sequence[Guilty]) -> str:
    """Return symbols with their bad values, as a label."""
    names = [f"{each.name}={each.bad}" for each in group]
    return listed(names, _LISTED)


def _the_one_asked_for(group: Sequence[Guilty]) -> Guilty | None:
    """Return the only symbol of a group that a person can set: Kconfig alone sets the others."""
    asked = [each for each in group if each.prompt]
    return asked[0] if len(asked) == 1 else None


def _kind(group: Sequence[Guilty], *, together: bool, untold: bool = False) -> str:
    """Return what a group of symbols is, and its names."""
    if len(group) == 1:
        return group[0].name
    names = listed([each.name for each in group], _LISTED)
    if untold:
        return f"among these {len(group)} symbols, no part of which told anything: {names}"
    choices = {each.choice for each in group}
    if len(choices) == 1 and "" not in choices:
        return f"these {len(group)} symbols of one choice: {names}"
    if together and (one := _the_one_asked_for(group)):
        rest = listed([each.name for each in group if each is not one], _LISTED)
        return f"{one.name}, with which Kconfig changes {rest}"
    if together:
        return f"these {len(group)} symbols, which Kconfig changes only together: {names}"
    return f"these {len(group)} symbols together: {names}"


def config_conclusion(
    answer: ConfigAnswer, cause: str | None, *, set_back: bool | None, alone: bool | None
) -> str:
    """Return what is guilty, as one sentence.

    ``set_back`` tells whether the bad configuration boots with the symbols as in the good one,
    ``alone`` whether the good one fails with them as in the bad one; None is not found out.
    """
    if answer.growth:
        grown = sum(each.bytes for each in answer.growth)
        over = count(answer.differing, "symbol")
        return (
            f"no single symbol is guilty: the payload grows by {grown:,} bytes over {over}, and "
            f"{named(answer.guilty)} is only where it crosses the limit"
        )
    single = len(answer.guilty) == 1 or (answer.together and _the_one_asked_for(answer.guilty))
    it, is_are = ("it", "is") if single else ("them", "are")
    guilty = _kind(answer.guilty, together=answer.together, untold=answer.untold)
    said = [f"what makes it fail ({cause}) {'is' if answer.untold else is_are} {guilty}"]
    if set_back and not answer.others:
        said.append(f"{answer.bad} boots with {it} as in {answer.good}")
    elif set_back is False and not answer.others:
        said.append(f"with {it} as in {answer.good}, {answer.bad} fails all the same")
    if alone:
        said.append(f"{answer.good} fails with {it} as in {answer.bad}")
    elif alone is False:
        said.append(f"{answer.good} with {it} as in {answer.bad} boots, so that it takes more")
    said += [
        f"without {it}, {_kind(each, together=True)} {'makes' if len(each) == 1 else 'make'} it "
        "fail as well"
        for each in answer.others
    ]
    if set_back and answer.others:
        said.append(f"{answer.bad} boots only with all of these as in {answer.good}")
    return "; ".join(said)


def unknown_symbols(config: Config, known: Mapping[str, Declared]) -> tuple[str, ...]:
    """Return the symbols that a configuration sets and no Kconfig file declares."""
    return tuple(name for name, value in config.items() if value != "n" and name not in known)


def growths(steps: Iterable[tuple[Sequence[str], int]]) -> tuple[Growth, ...]:
    """Return how much the payload grew by steps, the most first; a step is the symbols that it
    changes, and bytes."""
    found = [Growth(symbols[0], symbols[-1], len(symbols), grown) for symbols, grown in steps]
    return tuple(sorted(found, key=lambda each: -each.bytes))
