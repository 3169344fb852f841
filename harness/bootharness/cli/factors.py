"""`bootharness factors`: what separates the kernels that boot from those that do not."""

from pathlib import Path

import click
import msgspec

from bootharness.cli import values
from bootharness.cli.options import FILE
from bootharness.cli.output import check_file, check_json_file, spoken, write_file, write_json
from bootharness.errors import COULD_NOT_FIND_OUT, UsageError

__all__ = ["command"]

_PLOTS = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}


@click.command(
    "factors",
    epilog="""\b
RESULTS is what `boot`, `gate` or `bisect` has written with --json; without any it is the
history. Known of every kernel are its release, its sizes, setup_sects, init_size, protocol and
compression, the way it was booted, and the compiler where the kernel said it in one of its boots;
of a kernel with a configuration beside it (NAME.config, config-RELEASE) every symbol; and whatever
--features says. 6.10 comes behind 6.9.

\b
Rules are made of one condition, or of two where the second explains more than chance would let it.
The verdicts are then shuffled among the kernels 200 times and the whole search is done again; where
more than 5 % of them have a rule as good there is no rule.

\b
Examples:
  bootharness factors hunt.json
  bootharness factors gate.json --features compilers.csv --plot factors.svg
  bootharness factors --cause destination-wrapped

\b
Exit status: 0 there is a rule, 125 chance explains the best one, 129 wrong usage.
""",
)
@click.argument("results", metavar="[RESULTS]...", nargs=-1, type=FILE)
@click.option(
    "--cause", shell_complete=values.causes, help="Leave out what is bad for another cause."
)
@click.option(
    "--features", type=FILE, metavar="CSV", help="More about kernels, by the first column."
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw the kernels by the features of the rule, and the margin: .svg, .png or .pdf.",
)
@click.option(
    "--history",
    "history_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The history to take results from.  [default: $BOOTHARNESS_HISTORY, or your own]",
)
@click.option("--json", "json_file", metavar="FILE", help="Write it all; - is standard output.")
def command(
    results: tuple[Path, ...], cause: str | None, features: Path | None, plot: Path | None,
    history_file: Path | None, json_file: str | None,
) -> int:  # fmt: skip
    """Find the smallest rule that tells good kernels from bad ones, and what nearly does."""
    check_json_file(json_file)
    if plot:
        if plot.suffix not in _PLOTS:
            raise UsageError(f"{plot}: a plot is one of {', '.join(_PLOTS)}")
        check_file(plot, "plot", _PLOTS[plot.suffix])

    from bootharness.factors.cases import cases, read_features
    from bootharness.factors.document import factors_document
    from bootharness.factors.find import find_factors
    from bootharness.factors.plot import factors_plot
    from bootharness.factors.report import print_factors
    from bootharness.factors.results import read_results
    from bootharness.runs.history import history_file as usual

    history = history_file or (None if results else usual())
    more = read_features(features) if features else {}
    found = cases(read_results(results, history), cause=cause, more=more)
    factors = find_factors(found)
    print_factors(factors, spoken(json_file))
    if plot:
        write_file(plot, factors_plot(factors, found, plot.suffix[1:]))
    if json_file:
        text = msgspec.json.encode(factors_document(factors, found))
        write_json(json_file, msgspec.json.format(text, indent=1) + b"\n")
    return 0 if factors.found else COULD_NOT_FIND_OUT
