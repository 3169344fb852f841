"""`bootharness merge`: the shards of a gate as one gate."""

from pathlib import Path

import click

from bootharness.cli.options import FILE
from bootharness.cli.reports import Reports, reports_options

__all__ = ["command"]


@click.command(
    "merge",
    epilog="""\b
A SHARD is a file that `bootharness gate --shard I/N --json FILE` has written. All N are wanted, of
the same matrix, booted by the same bootharness; what a missing one should have booted is told as
not found out.

\b
Examples:
  bootharness gate --matrix gate.toml --shard 1/3 --json shard-1.json
  bootharness merge shard-*.json --html gate.html --junit junit.xml

\b
Exit status: 0 all good, 1 some bad, 125 nothing bad but something unknown or a shard missing, 129
wrong usage.
""",
)
@click.argument("shards", metavar="SHARD...", nargs=-1, required=True, type=FILE)
@reports_options
def command(shards: tuple[Path, ...], reports: Reports) -> int:
    """Put the shards of a gate together, and accept or refuse its kernels as one run would."""
    from bootharness.gate.merge import merged
    from bootharness.gate.report.document import read_gate

    outcome = merged([(path, read_gate(path)) for path in shards])
    reports.write(outcome)
    return outcome.exit_status
