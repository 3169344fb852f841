"""`bootharness debug`: open a boot in gdb."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bootharness.cli import values
from bootharness.cli.boot import sources_and_plan
from bootharness.cli.options import (
    FILE,
    NET_ROOT_OPTION,
    OF_NETWORKS,
    WHAT_IS_LOADED,
    plan_options,
)
from bootharness.cli.output import new_folder
from bootharness.errors import UsageError
from bootharness.host.regular import read_regular
from bootharness.text import printable

if TYPE_CHECKING:
    from bootharness.debug.prepare import Prepared
    from bootharness.host.workspace import Workspace
    from bootharness.plan import BootPlan
    from bootharness.trace.boot_trace import BootTrace

__all__ = ["command"]

_TRACE = "trace.json"
_OPTIONS = (
    *WHAT_IS_LOADED,
    "qemu",
    "machine_type",
    "cpu",
    "smp",
    "memory_mib",
    "disk_interface",
    "bios",
    *OF_NETWORKS,
)


@click.command(
    "debug",
    epilog="""\b
KERNEL is what `bootharness boot` takes. A TRACE.json (of `boot --json`, or `trace.json` in what
--keep has kept) is enough to have the same boot again: what of it is not here is rebuilt. KEPT is
--keep's folder: where a recording is in it, gdb goes backwards, too (`help last-write`, `back-to`,
`when`, `first-wrong`).

\b
PLACE is one of
  stage1            the loader's first instruction, or the network boot program's
  move:N            before block move N, from 0 on
  last-good-move    before the last block move that went where it should
  handoff           the kernel's entry, in its setup code
  protected-mode    its 32-bit entry
  kernel            its 64-bit entry, in long mode
or a label of the loader, or an address: 0x7d15, 1020:0. In a recording it is also
  call:N            before BIOS call N, from 0 on
  POSITION          so many instructions after the machine's start, as `timeline` has them
Of a disk that a UEFI boots it is
  image:NAME        the entry of an image, as image:vmlinuz; the last, if nothing is said
  exit-boot-services  where it goes on that has ended the boot services
  kernel            where KASLR has put the kernel, once it runs there
  firmware          the CPU's first instruction
and where that was recorded image:NAME as it is started, exit-boot-services, firmware, an address,
  call:N            where the UEFI has answered call N, from 0 on
  POSITION          so many instructions after the machine's start

\b
In gdb: `help user-defined` lists the commands besides its own, Ctrl-C stops the machine, and
leaving gdb ends all. QEMU emulates the CPU itself, without KVM; your .gdbinit is not read.

\b
Examples:
  bootharness debug bzImage --at block_move
  bootharness debug grow:17000000:bzImage --loader my-mbr.asm --at last-good-move --tui
  bootharness debug trace.json
  bootharness debug kept
  bootharness debug kept --at 1234567
  bootharness debug --disk appliance.img --at handoff --attach
  bootharness debug bzImage --route uefi-systemd-boot --at image:vmlinuz
  bootharness debug --net-root tftp --bootfile own.0
""",
)
@click.argument(
    "target", metavar="[KERNEL | TRACE.json | KEPT]", required=False, shell_complete=values.kernels
)
@click.option(
    "--at",
    metavar="PLACE",
    shell_complete=values.places,
    help="Where to stop first.  [default: stage1; with a trace, before what went wrong]",
)
@click.option("--tui", "view", flag_value="tui", help="gdb with source and register windows.")
@click.option("--emacs", "view", flag_value="emacs", help="gdb in Emacs, with all its windows.")
@click.option(
    "--attach", "view", flag_value="attach", help="No gdb; say how to attach one, until Ctrl-C."
)
@click.option(
    "--kernel", type=FILE, help="The kernel of TRACE.json, where it is elsewhere than it was."
)
@click.option(
    "--forwards",
    is_flag=True,
    help="Debug the boot of TRACE.json anew, not its recording.",
)
@plan_options(*_OPTIONS)
@click.option("--disk", type=FILE, help="The same as --route disk with this image.")
@NET_ROOT_OPTION
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep what gdb needs, to be used without bootharness, in a new or empty folder.",
)
@click.pass_context
def command(
    context: click.Context, /, target: str | None, at: str | None, view: str | None,
    kernel: Path | None, forwards: bool, keep: Path | None, disk: Path | None,
    net_root: Path | None, **choices: Any,
) -> None:  # fmt: skip
    """Open a boot in gdb: stopped where you want, decoded as the CPU does, with the loader's
    source and a breakpoint on every label."""
    if sum(map(bool, (target, disk, net_root))) != 1:
        raise click.UsageError(
            "give a KERNEL, a TRACE.json, --disk with an image, or --net-root with a folder"
        )
    if target and Path(target, _TRACE).is_file():  # the folder of a kept boot
        target = str(Path(target, _TRACE))
    is_trace = target is not None and target.endswith(".json")
    if is_trace:
        _refuse(context, {*choices} - {"qemu"})
    elif kernel:
        raise click.UsageError("--kernel goes with a TRACE.json")
    from bootharness.host.workspace import Workspace

    folder = new_folder(keep) if keep else None
    with Workspace() as workspace, ExitStack() as stack:
        if target and is_trace:
            path = Path(target)
            trace = _read(path)
            from bootharness.debug.uefi_replay import by_uefi, uefi_again
            from bootharness.recording.manifest import RECORDING

            if by_uefi(trace) and (forwards or not (path.parent / RECORDING).exists()):
                again = uefi_again(trace, path.parent, kernel, choices["qemu"])
                _by_uefi(again.source, again.plan, at, workspace, view, stack, folder, again.notes)
                return
            prepared = _of_trace(
                path, trace, at, workspace, kernel, choices["qemu"], forwards=forwards
            )
        else:
            from bootharness.debug.from_network import prepare_network
            from bootharness.debug.prepare import prepare
            from bootharness.routes.table import route_of

            sources, plan = sources_and_plan(
                (target,) if target else (), choices, disk=disk, root=net_root
            )
            route = route_of(plan)
            of_uefi = route.firmware == "uefi" or plan.machine.firmware.startswith("uefi")
            if len(sources) > 1:
                raise UsageError(
                    f"{target}: these are {len(sources)} kernels, and here it takes one"
                )
            if of_uefi and not route.from_network:
                _by_uefi(sources[0], plan, at, workspace, view, stack, folder)
                return
            prepares = prepare_network if route.from_network else prepare
            prepared = stack.enter_context(prepares(sources[0], plan, at or "stage1", workspace))
        for note in prepared.notes:
            click.echo(f"bootharness: {printable(note)}", err=True)
        from bootharness.debug.run import debug

        debug(prepared, workspace, view or "plain", folder)


def _by_uefi(
    source: str, plan: "BootPlan", at: str | None, workspace: "Workspace", view: str | None,
    stack: ExitStack, keep: Path | None, notes: Iterable[str] = (),
) -> None:  # fmt: skip
    from bootharness.debug.uefi import debug_uefi, prepare_uefi

    if keep:
        raise UsageError("--keep: gdb asks bootharness about a UEFI, so nothing of it can be kept")
    for note in notes:
        click.echo(f"bootharness: {printable(note)}", err=True)
    prepared = stack.enter_context(prepare_uefi(source, plan, at, workspace))
    debug_uefi(prepared, workspace, view or "plain")


def _refuse(context: click.Context, names: set[str]) -> None:
    """Raise UsageError for an option that a trace says better."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]}: the trace says how it was booted")


def _read(path: Path) -> "BootTrace":
    from bootharness.report.document import TRACE_BYTES, read_trace

    text = read_regular(path, most=TRACE_BYTES)
    try:
        return read_trace(text)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _of_trace(
    path: Path, trace: "BootTrace", at: str | None, workspace: "Workspace", kernel: Path | None,
    qemu: str, *, forwards: bool,
) -> "Prepared":  # fmt: skip
    from bootharness.debug.prepare import prepare_trace
    from bootharness.debug.recorded import recording_beside
    from bootharness.kernels.image import KernelImage

    try:
        given = KernelImage.read(kernel) if kernel else None
        try:
            kept = None if forwards else recording_beside(path.absolute(), trace, qemu)
        except UsageError as error:
            anew = "--forwards debugs the boot without its recording"
            raise UsageError(f"{error}; {anew}") from error
        return prepare_trace(
            trace, at, workspace.path / "disk.img", given, qemu, kept, path.absolute()
        )
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
