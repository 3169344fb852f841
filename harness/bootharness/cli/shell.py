"""`bootharness shell`: a kernel, and a command or a shell on it."""

import os
import shlex
import sys
from typing import Any

import click
from msgspec.structs import replace

from bootharness.cli import values
from bootharness.cli.boot import sources_and_plan
from bootharness.cli.options import ALL, plan_options
from bootharness.errors import COULD_NOT_FIND_OUT, UsageError
from bootharness.plan import BootPlan

__all__ = ["command"]

_NOT_ASKED = ("until", "until_screen", "fail_on", "at_most_s", "send", "tracer", "initrd", "run")
_BAD = 1


@click.command(
    "shell",
    epilog="""\b
KERNEL is what `bootharness boot` takes: a bzImage, a built tree, deb:PACKAGE. By default QEMU loads
it by itself, which is quickest; --route brings it as it is shipped.

\b
Examples:
  bootharness shell bzImage
  bootharness shell . --module dm-crypt --bin cryptsetup -- cryptsetup benchmark
  bootharness shell deb:linux-image-cloud-amd64/trixie --route uefi-disk -- uname -r
  bootharness shell bzImage --share . --forward tcp:2222:22
  bootharness shell bzImage --guests 2 -- ping -c 1 guest1

\b
Exit status: that of COMMAND. Where it has none: 1 the kernel does not come so far, 125 could not
find out, 129 wrong usage.
""",
)
@click.argument("source", metavar="KERNEL", shell_complete=values.kernels)
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--route",
    metavar="ROUTE",
    default="direct",
    show_default=True,
    shell_complete=values.routes,
    help="What brings the kernel: `bootharness routes` lists them.",
)
@click.option(
    "--guests",
    "several",
    type=click.IntRange(1, 16),
    default=1,
    metavar="NUMBER",
    help="So many guests of the kernel on one wire, guest1 to guestN, each of which runs COMMAND.",
)
@plan_options(*(name for name in ALL if name not in (*_NOT_ASKED, "route")))
def command(source: str, words: tuple[str, ...], several: int, **choices: Any) -> int:
    """Boot KERNEL with busybox and what you name, and run COMMAND on it, or a shell."""
    choices = {**choices, **dict.fromkeys(_NOT_ASKED, ())}
    if words:
        choices["run"] = words[0] if len(words) == 1 else shlex.join(words)
    elif several > 1:
        raise UsageError(f"--guests {several}: say what they are to run: -- COMMAND")
    elif not sys.stdin.isatty():
        raise UsageError("a shell needs a terminal; a command does without: -- COMMAND")
    sources, plan = sources_and_plan((source,), choices)
    if len(sources) > 1:
        raise UsageError(f"{source}: these are {len(sources)} kernels, and here it takes one")
    if plan.guest.forwards:
        from bootharness.machine.guest_network import check_ports

        check_ports(plan.guest)
    if several > 1:
        return _run_on_several(sources[0], plan, several)
    if words:
        return _run(sources[0], plan)
    from bootharness.debug.console import console
    from bootharness.host.workspace import Workspace

    size = os.get_terminal_size(sys.stdin.fileno())
    own = {"terminal": f"rows {size.lines} cols {size.columns}\n".encode()}
    with Workspace() as workspace:
        console(sources[0], plan, workspace.path / "console.log", stays=False, own=own)
    return 0


def _run(source: str, plan: BootPlan) -> int:
    from bootharness.initramfs.command_output import CommandOutput
    from bootharness.one_boot import boot

    def write(data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    output = CommandOutput(write)
    trace = boot(source, plan, observer=output)
    if trace.run_status is not None:
        return trace.run_status
    from bootharness.diagnosis import Verdict, judge  # a command that has ended needs none

    judgement = judge(trace)
    what = "did not come to its end" if output.began else "was not run"
    late = output.began and trace.ending.kind == "timeout"
    why = f"the --timeout of {plan.timeout_s:g} s is over" if late else judgement.summary
    click.echo(f"bootharness: the command {what}: {why}", err=True)
    return COULD_NOT_FIND_OUT if judgement.verdict is Verdict.SKIP else _BAD


def _run_on_several(source: str, plan: BootPlan, several: int) -> int:
    from bootharness.errors import GuestLost
    from bootharness.guests.wired import run_on_all, wired_guests
    from bootharness.kernels.source import fetch

    command = plan.guest.run or ""
    plan = replace(plan, guest=replace(plan.guest, run=None))
    begun: dict[str, bytes] = {}

    def write(name: str, data: bytes) -> None:
        *lines, begun[name] = (begun.get(name, b"") + data).split(b"\n")
        for line in lines:
            sys.stdout.buffer.write(b"%b: %b\n" % (name.encode(), line))
        sys.stdout.buffer.flush()

    try:
        with wired_guests(fetch(source), plan, several, write) as guests:
            ran = run_on_all(guests, command, plan.timeout_s)
    except GuestLost as error:
        click.echo(f"bootharness: {error}", err=True)
        return _BAD
    for name, rest in begun.items():
        if rest:
            write(name, b"\n")
    return next((each.status for each in ran if each.status), 0)
