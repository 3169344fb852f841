"""`bootharness factors`: what separates the kernels that boot from those that do not."""

from pathlib import Path

import click
import msgspec

from bootharness.cli import values
from bootharness.cli.options import FILE
from bootharness.cli.output import check_file, check_json_file, spoken, write_file, write_json
from bootharness.errors import COULD_NOT_FIND_OUT, UsageError

__all__ = ["command"]

_SCHEMA_VERSION = 1
_PLOTS = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}


@click.command(
    "factors",
    epilog="""\b
RESULTS is what `boot`, `gate` or `bisect` has written with --json; without any it is the
history. Known of every kernel are its sizes, setup_sects, init_size, protocol and compression,
the loader, and the compiler where the kernel said it; of a kernel with a configuration beside
it (NAME.config, config-RELEASE) every symbol; and whatever --features says.

\b
Examples:
  bootharness factors hunt.json
  bootharness factors gate.json --features compilers.csv --plot factors.svg
  bootharness factors --cause destination-wrapped

\b
Exit status: 0 a rule that fits all, 125 none that does, 129 wrong usage.
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
    help="Draw the kernels by the features of the rule: .svg, .png or .pdf.",
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

    from bootharness.factors.cases import cases, read_features, read_results
    from bootharness.factors.report import factors_plot, print_factors
    from bootharness.factors.rules import find_factors
    from bootharness.runs.history import history_file as usual

    history = history_file or (None if results else usual())
    more = read_features(features) if features else {}
    found = cases(read_results(results, history), cause=cause, more=more)
    factors = find_factors(found)
    print_factors(factors, spoken(json_file))
    if plot:
        write_file(plot, factors_plot(factors, found, plot.suffix[1:]))
    if json_file:
        text = msgspec.json.encode(
            {"schema_version": _SCHEMA_VERSION, "factors": factors, "cases": found}
        )
        write_json(json_file, msgspec.json.format(text, indent=1) + b"\n")
    return COULD_NOT_FIND_OUT if factors.rule.wrong else 0
