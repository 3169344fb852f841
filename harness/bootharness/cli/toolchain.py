"""`bootharness toolchain`: compilers of other Debian releases, to build kernels with."""

import sys
from contextlib import closing

import click

__all__ = ["command"]


@click.group(
    "toolchain",
    epilog="""\b
Examples:
  bootharness toolchain add gcc-10 --suite bullseye
  bootharness toolchain list
""",
)
def command() -> None:
    """Make and list toolchains: each is a Debian of its own, entered by bubblewrap."""


@command.command("add")
@click.argument("name")
@click.option(
    "--suite",
    required=True,
    metavar="SUITE",
    help="The release of Debian that has it: bullseye (gcc-9, gcc-10), bookworm (gcc-11, gcc-12), "
    "trixie (gcc-13, gcc-14), forky or sid.",
)
def add(name: str, suite: str) -> int:
    """Make toolchain NAME, a compiler such as gcc-10, with all that a kernel's build needs."""
    from bootharness.bisection.toolchain import add_toolchain
    from bootharness.report.live import Clock

    with closing(Clock(sys.stderr)) as clock:
        clock.show(f"making {name} of {suite}; this takes a minute or two")
        made = add_toolchain(name, suite)
    click.echo(f"{made.name}  {made.root}")
    return 0


@command.command("list")
def list_made() -> int:
    """List the toolchains that are here."""
    from bootharness.bisection.toolchain import toolchains

    for each in toolchains():
        click.echo(f"{each.name:<12} {each.root or each.identity.removeprefix('host ')}")
    return 0
