"""`bootharness console`: boot with the serial line and the monitor on the terminal."""

import sys
from itertools import count
from pathlib import Path
from typing import Any

import click

from bootharness.cli import values
from bootharness.cli.boot import sources_and_plan
from bootharness.cli.options import ALL, FILE, NET_ROOT_OPTION, plan_options
from bootharness.errors import UsageError

__all__ = ["command"]

_NOT_WATCHED = (
    "until", "until_screen", "fail_on", "at_most_s", "send", "tracer", "timeout_s", "idle_s",
)  # fmt: skip


@click.command(
    "console",
    epilog="""\b
KERNEL is what `bootharness boot` takes. Nothing is watched or judged.

\b
Keys, those of QEMU:
  Ctrl-A X  leave          Ctrl-A C  to the monitor and back
  Ctrl-A H  all of them    Ctrl-A Ctrl-A  Ctrl-A itself
Every other key goes to the guest, Ctrl-C as well.

\b
Examples:
  bootharness console bzImage
  bootharness console bzImage --initrd initrd.img --log first-try.log
  bootharness console bzImage --route pxelinux
""",
)
@click.argument("source", metavar="[KERNEL]", required=False, shell_complete=values.kernels)
@plan_options(*(name for name in ALL if name not in _NOT_WATCHED))
@click.option("--disk", type=FILE, help="The same as --route disk with this image.")
@NET_ROOT_OPTION
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="New file for all that is written on the line.  [default: console-N.log]",
)
def command(
    source: str | None, disk: Path | None, net_root: Path | None, log: Path | None, **choices: Any
) -> None:
    """Boot KERNEL, a --disk or a --net-root, with the serial line and QEMU's monitor on this
    terminal."""
    if not sys.stdin.isatty():
        raise UsageError("console needs a terminal; `bootharness boot --verbose` does without")
    sources, plan = sources_and_plan((source,) if source else (), choices, disk=disk, root=net_root)
    if len(sources) > 1:
        raise UsageError(f"{source}: these are {len(sources)} kernels, and here it takes one")
    from bootharness.debug.console import console

    numbered = (Path(f"console-{number}.log") for number in count(1))
    log = log or next(path for path in numbered if not path.exists())
    click.echo(f"Ctrl-A X leaves, Ctrl-A C is QEMU's monitor; all of it is in {log}", err=True)
    console(sources[0], plan, log)
