"""Configurations searched: verdicts are made up, and so is Kconfig; nothing is built or booted."""

from collections.abc import Callable
from math import log2
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootharness.bisection.config_range import ConfigRange
from bootharness.bisection.kconfig import Config, differing
from bootharness.bisection.ranges import NothingThere
from bootharness.bisection.search import Found, Observation, Search
from bootharness.diagnosis.verdict import Verdict

Tells = Callable[[Config], bool | Verdict]
"""Whether a configuration is bad, or its verdict."""


class Kconfig:
    """Symbols that chance makes depend on each other and select each other, as real ones do: a few
    have hundreds that depend on them, by way of others."""

    def __init__(self, size: int, seed: int) -> None:
        random = Random(seed)
        self.names = [f"S{number}" for number in range(size)]
        self.depends = {
            name: random.choice(self.names[: max(1, number // 8)])
            for number, name in enumerate(self.names)
            if random.random() < 0.6
        }
        self.selects = {name: random.choice(self.names) for name in random.sample(self.names, 30)}

    def closed(self, config: Config) -> dict[str, str]:
        on = {name for name in self.names if config.get(name) == "y"}
        while True:
            kept = {name for name in on if self.depends.get(name, name) in on}
            kept |= {self.selects[name] for name in kept if name in self.selects}
            if kept == on:
                return {name: "y" for name in self.names if name in on}
            on = kept


def hunted(
    kconfig: Kconfig, tells: Tells, *, workers: int = 1, **options: Any
) -> tuple[ConfigRange, Search]:
    """Search from nothing to all that can be set."""
    tree = cast(Any, SimpleNamespace(closed=kconfig.closed))
    bad = kconfig.closed(dict.fromkeys(kconfig.names, "y"))
    searched = ConfigRange(tree, kconfig.closed({}), bad, ("good", "bad"))
    search = Search(len(searched), **options)
    while search.result is None:
        trying = search.next((), workers)
        assert trying
        for at in trying:
            try:
                told = tells(searched.config(at))
            except NothingThere as nothing:
                search = search.without(nothing.positions)
                continue
            if isinstance(told, bool):
                told = Verdict.BAD if told else Verdict.GOOD
            search = search.observed(Observation(at, told, "payload-truncated"))
    return searched, search


def turn(searched: ConfigRange, search: Search) -> tuple[str, ...]:
    """Return the symbols that differ on both sides of the turn."""
    assert isinstance(search.result, Found), search.result
    return differing(*(searched.config(at) for at in (search.result.good, search.result.bad)))


@pytest.mark.parametrize("seed", range(40))
def test_a_symbol_is_found_in_about_as_many_boots_as_it_takes_to_halve(seed: int) -> None:
    kconfig = Kconfig(1000, seed)
    bad = kconfig.closed(dict.fromkeys(kconfig.names, "y"))
    planted = Random(seed).choice([*bad])
    searched, search = hunted(kconfig, lambda config: planted in config, confidence=0.8)
    symbols = turn(searched, search)
    assert planted in symbols
    assert len(search.observations) <= 1.3 * log2(len(bad)) + 2
    # what was found with it cannot be had without it
    alone = kconfig.closed({name: "y" for name in bad if name not in symbols} | {planted: "y"})
    assert len(symbols) == 1 or planted not in alone or set(symbols) <= {*alone}


def test_boots_that_flicker_are_repeated_and_the_symbol_is_found_all_the_same() -> None:
    right = 0
    for seed in range(100):
        kconfig, random = Kconfig(400, seed), Random(seed)
        planted = random.choice([*kconfig.closed(dict.fromkeys(kconfig.names, "y"))])
        searched, search = hunted(
            kconfig,
            lambda config, of=planted, by=random: (of in config) ^ (by.random() < 0.1),
            any_cause=True, confidence=0.99,
        )  # fmt: skip
        right += planted in turn(searched, search)
    assert right >= 99


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("seed", range(20))
def test_what_does_not_build_is_gone_round_or_named(seed: int, workers: int) -> None:
    """One symbol makes it fail, and what has another one without a third does not build."""
    kconfig, random = Kconfig(120, seed), Random(seed)
    all_of_them = kconfig.closed(dict.fromkeys(kconfig.names, "y"))
    planted, needing, needed = random.sample([*all_of_them], 3)

    def verdict(config: Config) -> Verdict:
        if needing in config and needed not in config:
            return Verdict.SKIP
        return Verdict.BAD if planted in config else Verdict.GOOD

    searched, search = hunted(kconfig, verdict, workers=workers, confidence=0.8)
    assert planted in turn(searched, search)
    assert len(search.observations) <= len(all_of_them)


def test_two_workers_are_sent_to_different_places() -> None:
    kconfig = Kconfig(300, 1)
    searched, search = hunted(kconfig, lambda config: "S7" in config, any_cause=True)
    begun = Search(len(searched)).observed(
        Observation(0, Verdict.GOOD), Observation(len(searched) - 1, Verdict.BAD)
    )
    assert len({len(searched.config(at)) for at in begun.next((), 2)}) == 2
    assert search.steps_left() == 0


def test_nothing_is_tried_where_nothing_lies_between() -> None:
    search = Search(9, any_cause=True).observed(
        Observation(0, Verdict.GOOD), Observation(8, Verdict.BAD)
    )
    assert search.without(range(1, 8)).steps_left() < search.steps_left()
    sought = search.without(range(5, 8)).observed(
        Observation(4, Verdict.GOOD), Observation(4, Verdict.GOOD)
    )
    result = sought.result
    assert result is None or (isinstance(result, Found) and (result.good, result.bad) == (4, 8))
    assert not {*sought.next((), 3)} & {5, 6, 7}
