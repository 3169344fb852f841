"""`python -m tests.bench.factors`, which is `make bench-factors`: rules where there are none, and
rules that are there."""

from collections.abc import Callable
from random import Random

import click
from msgspec import Struct
from rich import box
from rich.console import Console
from rich.table import Table

from bootharness.cli import run
from bootharness.factors.find import find_factors
from bootharness.factors.rules import Case, Rule
from bootharness.factors.values import Value
from tests.bench.oracle import most_likely

__all__ = [
    "KERNELS",
    "NOISE",
    "PLANTED",
    "SIZES",
    "Planted",
    "claimed",
    "command",
    "finds",
    "knowable",
]

SIZES = ((12, 5, 4), (20, 10, 8), (30, 10, 12), (40, 10, 16), (40, 10, 5), (30, 200, 10))
"""Kernels, features, and how many kernels are bad."""
_MOST_CLAIMED = 0.05
_LEAST_FOUND = 0.95
KERNELS = 60
"""From so many on, 19 of 20 rules are found."""
_NUMBERS = (40, KERNELS, 80, 120)
NOISE = 0.1
_COMPILERS = ("gcc-8", "gcc-10", "gcc-12", "clang")


class Planted(Struct, frozen=True):
    """A rule that makes kernels bad: by which features, and how it is told."""

    features: frozenset[str]
    says: Callable[[dict[str, Value]], bool]


def _at_least(feature: str, value: int) -> Planted:
    return Planted(frozenset({feature}), lambda kernel: int(kernel[feature]) >= value)


def _is(feature: str, value: str) -> Planted:
    return Planted(frozenset({feature}), lambda kernel: kernel[feature] == value)


def _since(minor: int) -> Planted:
    return Planted(
        frozenset({"release"}), lambda kernel: int(str(kernel["release"]).split(".")[1]) >= minor
    )


def _and(one: Planted, other: Planted) -> Planted:
    return Planted(
        one.features | other.features, lambda kernel: one.says(kernel) and other.says(kernel)
    )


def _or(one: Planted, other: Planted) -> Planted:
    return Planted(
        one.features | other.features, lambda kernel: one.says(kernel) or other.says(kernel)
    )


PLANTED = (
    *(_at_least("payload_bytes", size) for size in (14_500_000, 15_000_000, 15_735_808)),
    *(_at_least("init_size", size) for size in (30_000_000, 36_000_000)),
    *(_since(minor) for minor in (6, 8, 10, 13)),
    *(_is("compiler", name) for name in _COMPILERS[:2]),
    *(_is(name, "y") for name in ("CONFIG_A", "CONFIG_B", "CONFIG_C")),
    _at_least("setup_sects", 30),
    _and(_at_least("payload_bytes", 14_500_000), _is("CONFIG_A", "y")),
    _and(_since(7), _is("CONFIG_B", "n")),
    _or(_at_least("payload_bytes", 15_735_808), _is("compiler", "gcc-8")),
    _or(_since(13), _is("compiler", "clang")),
    _and(_at_least("payload_bytes", 14_500_000), _since(6)),
)
"""Twenty rules: of sizes, of versions, of compilers and symbols; five of two conditions."""


def _kernel(random: Random) -> dict[str, Value]:
    symbols: dict[str, Value] = {f"CONFIG_{letter}": random.choice("yn") for letter in "ABCDE"}
    return symbols | {
        "payload_bytes": random.randrange(14_000_000, 17_000_000),
        "init_size": random.randrange(25_000_000, 45_000_000),
        "setup_sects": random.randrange(20, 40),
        "release": f"6.{random.randrange(1, 19)}",
        "compiler": random.choice(_COMPILERS),
    }


def claimed(kernels: int, features: int, bad: int, seed: int) -> bool:
    """Return whether a rule is claimed for features that have nothing to do with the verdicts."""
    random = Random(seed)
    chosen = set(random.sample(range(kernels), bad))
    return find_factors([
        Case(f"k{at}", at in chosen,
             {f"f{number}": random.randrange(100_000) if number % 2 else random.choice(_COMPILERS)
              for number in range(features)})
        for at in range(kernels)
    ]).found  # fmt: skip


def _planted(planted: Planted, seed: int, kernels: int) -> list[Case]:
    """Return kernels that a rule makes bad, a tenth of whose verdicts are wrong."""
    random = Random(seed)
    wrong = set(random.sample(range(kernels), round(NOISE * kernels)))
    known = [_kernel(random) for _ in range(kernels)]
    return [
        Case(f"k{at}", planted.says(kernel) is not (at in wrong), kernel)
        for at, kernel in enumerate(known)
    ]


def knowable(planted: Planted, seed: int, kernels: int = KERNELS) -> bool:
    """Return whether one who knows how the verdicts were made takes the rule for the likeliest."""
    two = sum(len(rule.features) == 2 for rule in PLANTED) / len(PLANTED)
    cases = _planted(planted, seed, kernels)
    return most_likely(cases, noise=NOISE, two=two) == planted.features


def finds(planted: Planted, seed: int, kernels: int = KERNELS) -> tuple[bool, Rule]:
    """Return whether a rule is found although a tenth of the verdicts are wrong, and which."""
    factors = find_factors(_planted(planted, seed, kernels))
    same = {each.feature for each in factors.rule.conditions} == planted.features
    return factors.found and same, factors.rule


@click.command("bench-factors", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--sets", type=click.IntRange(1), default=200, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True)
def command(sets: int, seeds: int) -> int:
    """Look how often `factors` claims a rule where there is none, and misses one that is there.

    The exit status is 1 when it claims more than 5 % of one size, or finds fewer than 19 of 20
    rules among 60 kernels or more. Beside what is found stands how often the planted rule is the
    likeliest one to who knows how the verdicts were made: of rules that are drawn so, none finds
    more.
    """
    console = Console()
    missed = False
    chance = _table(f"{sets} sets of each size, dealt by chance", "kernels", "features", "bad",
                    "claimed")  # fmt: skip
    for size in SIZES:
        times = sum(claimed(*size, seed) for seed in range(sets))
        missed |= times > _MOST_CLAIMED * sets
        chance.add_row(*map(str, size), f"{times} ({times / sets:.1%})")
    console.print(chance)
    planted = _table(f"{len(PLANTED)} rules, {seeds} seeds, {NOISE:.0%} of the verdicts wrong",
                     "kernels", "found", "of one condition", "of two",
                     "could be known")  # fmt: skip
    for kernels in _NUMBERS:
        found, known = {1: 0, 2: 0}, 0
        for seed in range(seeds):
            for number, rule in enumerate(PLANTED):
                found[len(rule.features)] += finds(rule, 1000 * seed + number, kernels)[0]
                known += knowable(rule, 1000 * seed + number, kernels)
        part = sum(found.values()) / (seeds * len(PLANTED))
        missed |= kernels >= KERNELS and part < _LEAST_FOUND
        there = {size: sum(len(rule.features) == size for rule in PLANTED) for size in found}
        parts = (found[size] / (seeds * there[size]) for size in found)
        planted.add_row(str(kernels), f"{part:.1%}", *(f"{each:.1%}" for each in parts),
                        f"{known / (seeds * len(PLANTED)):.1%}")  # fmt: skip
    console.print(planted)
    return int(missed)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


if __name__ == "__main__":
    run(command)
