"""`python -m tests.bench.bisect`, which is `make bench-bisect`: boots used against log2(n)."""

from math import log2
from random import Random
from statistics import mean

import click
from msgspec import Struct
from rich import box
from rich.console import Console
from rich.table import Table

from bootharness.bisection.search import DEFAULT_CONFIDENCE, Found
from bootharness.cli import run
from tests.bench.histories import History, hunt

__all__ = ["Line", "command", "measure"]

_CONFIDENCE = DEFAULT_CONFIDENCE
_SIZES = (10, 100, 1_000, 10_000, 100_000)
_UNBUILDABLE = 0.05
_KINDS = ((False, 0.0), (True, 0.0), (True, 0.1))
_SPREAD = 0.3
_COLUMNS = ("commits", "log2", "flicker", "right", "boots", "more", "most", "tried", "2 workers")


class Line(Struct, frozen=True):
    """What searches of histories of one size took, on average; ``ratio`` is the wall time of
    two workers over that of one, boots taking differently long."""

    size: int
    flicker: float
    seeds: int
    right: int
    boots: float
    most_boots: int
    builds: float
    ratio: float


def measure(size: int, flicker: float, seeds: int, *, hang: bool = False) -> Line:
    """Search a history of every seed, with one worker and with two; what is bad is proven, or a
    ``hang``."""
    right, boots, builds, one, two = 0, [], [], [], []
    for seed in range(seeds):
        history = History.make(seed, size=size, unbuildable=_UNBUILDABLE, flicker=flicker,
                               hang=hang)  # fmt: skip
        alone = hunt(history, seed, confidence=_CONFIDENCE, duration=_duration)
        both = hunt(history, seed, confidence=_CONFIDENCE, workers=2, duration=_duration)
        found = alone.result
        right += isinstance(found, Found) and (found.good, found.bad) == history.answer
        boots.append(alone.boots)
        builds.append(alone.builds)
        one.append(alone.time)
        two.append(both.time)
    ratio = sum(two) / sum(one)
    return Line(size, flicker, seeds, right, mean(boots), max(boots), mean(builds), ratio)


def _duration(random: Random) -> float:
    return random.lognormvariate(0, _SPREAD)


@click.command("bench-bisect", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", type=click.IntRange(1), default=100, show_default=True)
def command(seeds: int) -> int:
    """Search synthetic histories: how many boots that takes, and how often it is right.

    5 % of the commits cannot be built. Two boots of each search look whether the ends are
    what was said of them. The exit status is 1 when a search of 1,000 commits went wrong, or
    when two workers took more than 0.7 of the time of one.
    """
    table = Table(
        title=f"{seeds} seeds, confidence {_CONFIDENCE}, {_UNBUILDABLE:.0%} unbuildable",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    lines = []
    for hang, flicker in _KINDS:
        for size in _SIZES:
            line = measure(size, flicker, seeds, hang=hang)
            lines.append(line)
            table.add_row(
                f"{size:,}", f"{log2(size):.1f}", f"{flicker:.0%}" if hang else "proven",
                f"{line.right / seeds:.0%}", f"{line.boots:.1f}", f"{line.boots - log2(size):+.1f}",
                str(line.most_boots), f"{line.builds:.1f}", f"{line.ratio:.2f} x",
            )  # fmt: skip
        table.add_section()
    Console().print(table)
    wrong = any(line.right < seeds for line in lines if line.size == 1_000)
    return int(wrong or any(line.ratio > 0.7 for line in lines if line.size == 1_000))


if __name__ == "__main__":
    run(command)
