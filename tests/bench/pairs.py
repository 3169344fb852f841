"""Measuring in interleaved pairs, so that what slows the machine slows both sides."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from msgspec import Struct
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench.figures import Row, Samples

__all__ = ["Bench", "Side", "measure"]

Side = Callable[[], dict[str, float]]
"""Measures once; returns a sample for each of its series."""


class Bench(Struct, frozen=True):
    """What belongs to one pair, and the rows that are made of it."""

    name: str
    sides: tuple[Side, ...]
    rows: tuple[Row, ...]


def measure(benches: Iterable[Bench], pairs: int) -> dict[str, Samples]:
    """Run every pair of every bench, after one that warms up and does not count."""
    found: dict[str, Samples] = {}
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description:<10}"),
        MofNCompleteColumn(),
        TextColumn("pairs"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        for bench in benches:
            series: dict[str, list[float]] = defaultdict(list)
            task = progress.add_task(bench.name, total=pairs)
            if not console.is_terminal:
                console.print(f"measuring {bench.name}")
            for side in bench.sides:
                side()
            for number in range(pairs):
                # each side is first as often as the other: the machine warms up or slows down
                for side in bench.sides[:: -1 if number % 2 else 1]:
                    for name, sample in side().items():
                        series[name].append(sample)
                progress.advance(task)
            found[bench.name] = series
    return found
