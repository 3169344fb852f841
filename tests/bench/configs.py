"""`python -m tests.bench.configs TREE GOOD BAD`, which is `make bench-config`: symbols planted
between two real configurations, found by the tree's own Kconfig.

Building thousands of kernels is too long, so the kernels are stand-ins: selfcheck kernels, bad
where the planted symbol has the bad configuration's value. Kconfig, search and boots are real;
with --told nothing is booted either, so that many symbols can be tried.
"""

from math import log2
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

import click
from msgspec import Struct
from rich import box
from rich.console import Console
from rich.table import Table

from bootharness.bisection.build import Build
from bootharness.bisection.config_hunt import CONFIG_CONFIDENCE, bisect_config
from bootharness.bisection.config_range import ConfigRange
from bootharness.bisection.kconfig import Config, differing, read_config
from bootharness.bisection.kernel_tree import KernelTree
from bootharness.bisection.ranges import NothingThere
from bootharness.bisection.search import Found, Observation, Search
from bootharness.bisection.toolchain import Toolchain
from bootharness.cli import run
from bootharness.diagnosis.verdict import Verdict
from bootharness.kernels.selfcheck import selfcheck_kernel
from tests.support.builders import patched_kernel

__all__ = ["Line", "command", "measure", "told"]

_MOST = 1.3
_COLUMNS = ("planted", "good", "bad", "found", "boots", "of log2")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Line(Struct, frozen=True):
    """What came of one planted symbol; ``found`` are the guilty symbols."""

    planted: str
    good: str
    bad: str
    found: tuple[str, ...]
    boots: int

    @property
    def right(self) -> bool:
        """Whether it was found, by itself or with those that Kconfig does not part it from."""
        return self.planted in self.found


def measure(
    tree: Path, good: Path, bad: Path, planted: str, values: tuple[str, str], folder: Path
) -> Line:
    """Hunt one planted symbol."""
    kernel = selfcheck_kernel(4096)
    broken = patched_kernel(kernel, folder / "bad", size=4, syssize=100_000)
    wanted = f"grep -qx 'CONFIG_{planted}={values[1]}'"
    if values[1] == "n":
        wanted = f"! grep -q '^CONFIG_{planted}='"
    script = f"if {wanted} $O/.config; then cp {broken} $O/bzImage; else cp {kernel} $O/bzImage; fi"
    build = Build(script, "bzImage", Toolchain("host"))
    result = bisect_config(
        tree, good, bad, build, history=folder / f"{planted}.sqlite3", cache=False,
        log=folder / f"{planted}.jsonl",
    )  # fmt: skip
    found = tuple(each.name for each in result.config.guilty) if result.config else ()
    return Line(planted, *values, found, result.config.boots if result.config else 0)


def told(source: KernelTree, good: Config, bad: Config, planted: str) -> Line:
    """Search for one planted symbol, whose value in each configuration is the verdict."""
    searched = ConfigRange(source, good, bad, ("good", "bad"))
    search = Search(len(searched), confidence=CONFIG_CONFIDENCE)
    values = good.get(planted, "n"), bad.get(planted, "n")
    while search.result is None:
        (at,) = search.next()
        try:
            guilty = searched.config(at).get(planted, "n") == values[1]
        except NothingThere as nothing:
            search = search.without(nothing.positions)
            continue
        verdict = Verdict.BAD if guilty else Verdict.GOOD
        search = search.observed(Observation(at, verdict, "payload-truncated"))
    assert isinstance(search.result, Found)
    sides = (searched.config(at) for at in (search.result.good, search.result.bad))
    return Line(planted, *values, differing(*sides), len(search.observations))


def _planted(good: Config, bad: Config, count: int, seed: int) -> list[str]:
    """Choose symbols: most are switched on, every fourth is switched off or changed."""
    random, names = Random(seed), differing(good, bad)
    on = [name for name in names if good.get(name, "n") == "n"]
    other = [name for name in names if name not in {*on}]
    return [random.choice(other if number % 4 == 3 and other else on) for number in range(count)]


@click.command("bench-config", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("tree", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("good", type=_FILE)
@click.argument("bad", type=_FILE)
@click.option("--symbols", type=click.IntRange(1), default=10, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--told", "only_told", is_flag=True, help="Boot nothing.")
def command(tree: Path, good: Path, bad: Path, symbols: int, seed: int, *, only_told: bool) -> int:
    """Plant symbols one after the other, and hunt them.

    The exit status is 1 when one was not found, or where one that stands alone took more than
    1.3 times log2 of the differing symbols.
    """
    source = KernelTree(tree, Build(": $O", "bzImage", Toolchain("host")))
    one, other = (source.closed(read_config(each)) for each in (good, bad))
    steps = log2(len(differing(one, other)))
    table = Table(
        title=f"{len(differing(one, other)):,} symbols differ, log2 {steps:.1f}; stand-in kernels",
        title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False,
    )  # fmt: skip
    for heading in _COLUMNS:
        table.add_column(heading)
    lines = []
    with source, TemporaryDirectory() as folder:
        for name in _planted(one, other, symbols, seed):
            values = one.get(name, "n"), other.get(name, "n")
            line = (
                told(source, one, other, name) if only_told
                else measure(tree, good, bad, name, values, Path(folder))
            )  # fmt: skip
            lines.append(line)
            click.echo(f"{line.planted}: {', '.join(line.found)}; {line.boots} boots", err=True)
            found = "it" if line.found == (name,) else ", ".join(line.found)
            table.add_row(name, line.good, line.bad, found, str(line.boots),
                          f"{line.boots / steps:.2f}")  # fmt: skip
    Console().print(table)
    boots = [line.boots for line in lines]
    click.echo(f"boots: median {median(boots):g}, at most {max(boots)}, or "
               f"{median(boots) / steps:.2f} and {max(boots) / steps:.2f} of log2")  # fmt: skip
    alone = [line for line in lines if line.found == (line.planted,)]
    return int(
        not all(line.right for line in lines) or any(line.boots > _MOST * steps for line in alone)
    )


if __name__ == "__main__":
    run(command)
