"""`bootharness hardware`: real machines with a serial line and a plug."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bootharness.cli import values
from bootharness.cli.boots import Boot, detail_options, run_boots
from bootharness.cli.options import FILE, JSON, NEW_FILE, plan_of, plan_options
from bootharness.errors import COULD_NOT_FIND_OUT, CouldNotFindOut, UsageError
from bootharness.plan.goal import check_until

if TYPE_CHECKING:
    from bootharness.hardware.machines import HardwareMachine

__all__ = ["command"]


@click.group(
    "hardware",
    epilog="""\b
The machines are in machines.toml: of this folder, of ~/.config/bootharness, or as
BOOTHARNESS_MACHINES or --machines says; docs/hardware.md shows one.

\b
Examples:
  bootharness hardware doctor
  bootharness hardware console apu2
  bootharness hardware trace apu2 --kernel bzImage
  bootharness hardware boot apu2 bzImage
""",
)
def command() -> None:
    """Boot real machines, which have a serial line and a plug."""


_MACHINES = click.option("--machines", type=FILE, help="The machines.  [default: machines.toml]")


def _named(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a machine."""
    from bootharness.errors import BootHarnessError

    try:
        return [each for each in _all(ctx.params.get("machines"))[1] if each.startswith(incomplete)]
    except (BootHarnessError, OSError):
        return []


_NAME = click.argument("name", metavar="NAME", shell_complete=_named)


def _all(file: Path | None) -> "tuple[Path, dict[str, HardwareMachine]]":
    from bootharness.hardware.machines import machines_file, read_machines

    path = machines_file(file)
    return path, read_machines(path)


def _one(file: Path | None, name: str) -> "HardwareMachine":
    from bootharness.hardware.machines import named

    path, machines = _all(file)
    return named(machines, name, path)


@command.command("list")
@_MACHINES
def list_machines(machines: Path | None) -> None:
    """List the machines, and whether each is on."""
    from bootharness.hardware.addresses import without_password
    from bootharness.hardware.plugs import open_plug

    for each in _all(machines)[1].values():
        try:
            state = {True: "on", False: "off", None: "not read back"}[open_plug(each.plug).state()]
        except CouldNotFindOut as error:
            state = str(error)
        click.echo(f"{each.name:<12} {each.line}  {without_password(each.plug)}  {state}")


@command.command("power")
@_MACHINES
@_NAME
@click.argument("to", type=click.Choice(("on", "off", "state")), metavar="on|off|state")
def power(machines: Path | None, name: str, to: str) -> None:
    """Switch machine NAME on or off, and read it back; or say which it is."""
    from bootharness.hardware.plugs import open_plug, switch
    from bootharness.hardware.taken import Taken

    machine = _one(machines, name)
    plug = open_plug(machine.plug)
    if to != "state":
        with Taken(machine):
            switch(plug, machine.plug, on=to == "on")
    said = {True: "on", False: "off", None: f"{to}, and it cannot be read back"}[plug.state()]
    click.echo(f"{name} is {said}" if to != "state" else said.removeprefix("state, and "))


@command.command("console")
@_MACHINES
@_NAME
@click.option("--no-power", is_flag=True, help="Leave the plug alone: hear what is on already.")
def console(machines: Path | None, name: str, no_power: bool) -> None:
    """Switch machine NAME on with its serial line on this terminal, and off at the end.

    Ctrl-] leaves; every other key goes to the machine.
    """
    machine = _one(machines, name)
    if not sys.stdin.isatty():
        raise UsageError("console needs a terminal; `bootharness hardware trace` does without")
    from bootharness.hardware.console import console

    click.echo(f"Ctrl-] leaves{'' if no_power else f', and switches {name} off'}", err=True)
    console(machine, power=not no_power)


@command.command("doctor")
@_MACHINES
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=_named)
@click.option("--disk", is_flag=True, help="Boot each by its wire, and say what its first hard "
              "disk is, as --write-disk names it; nothing is written.")  # fmt: skip
def doctor(machines: Path | None, names: tuple[str, ...], disk: bool) -> int:
    """Say of each machine whether its line and its plug answer; nothing is switched but for
    --disk."""
    from bootharness.hardware.checkup import checkup
    from bootharness.hardware.machines import named

    path, known = _all(machines)
    good = True
    for each in [named(known, name, path) for name in names] or known.values():
        click.echo(click.style(f"{each.name}:", bold=True))
        for fine, text in checkup(each, disk=disk):
            good &= fine
            click.echo(click.style(f"     {text}", fg=None if fine else "red"))
    return 0 if good else COULD_NOT_FIND_OUT


_KEEP = click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="New folder for what came over line and wire.",
)


@command.command("trace")
@_MACHINES
@_NAME
@click.option("--kernel", metavar="KERNEL", shell_complete=values.kernels,
              help="The kernel on its disk, to compare memory with.")  # fmt: skip
@click.option("--loader", type=FILE, help="The loader on its disk: .asm, .elf or a flat binary.")
@click.option(
    "--until",
    default="setup",
    show_default=True,
    metavar="MILESTONE|PATTERN",
    help="How far it must come: setup, banner or init, or a PATTERN on the serial line.",
)
@JSON
@_KEEP
@detail_options
def trace(
    machines: Path | None, name: str, kernel: str | None, loader: Path | None, until: str,
    json_file: str | None, keep: Path | None, detail: int | None,
) -> int:  # fmt: skip
    """Boot what is on the disk of machine NAME, record its BIOS calls, and judge it."""
    machine = _one(machines, name)
    check_until(until)
    from bootharness.hardware.boot import trace_disk
    from bootharness.kernels.source import fetch
    from bootharness.routes.loader import Loader

    on_disk = fetch(kernel) if kernel else None
    code = Loader.named(str(loader)) if loader else None

    def run(*, observer: object, keep: Path | None) -> Any:
        return trace_disk(machine, on_disk, code, until=until, keep=keep)

    boots = [Boot(kernel or name, run)]
    return run_boots(boots, json_file, keep, detail=detail, several=False)


@command.command("recorder")
@click.argument("change", type=click.Choice(("install", "remove")), metavar="install|remove")
@click.argument("image", type=FILE)
@click.argument("new", type=NEW_FILE)
@click.option("--baud", type=int, default=115_200, show_default=True,
              help="Of the machine's serial line.")  # fmt: skip
def recorder(change: str, image: Path, new: Path, baud: int) -> None:
    """Write disk image IMAGE as NEW, with the recorder in its MBR or without it again.

    For recorder = "mbr": the disk that NEW is written to tells of each boot. Who may use the wire
    needs none of this.
    """
    from bootharness.hardware.recorder_forms import installed, removed
    from bootharness.hardware.recorder_image import rewritten

    rewritten(image, new, partial(installed, baud=baud) if change == "install" else removed)
    click.echo(f"{new} is written, {'with' if change == 'install' else 'without'} the recorder")


@command.command("boot")
@_MACHINES
@_NAME
@click.argument("kernels", metavar="KERNEL...", nargs=-1, required=True,
                shell_complete=values.kernels)  # fmt: skip
@plan_options("until", "initrd", "cmdline", "loader")
@click.option("--route", metavar="ROUTE", help="By what it comes over the wire.  "
              "[default: pxelinux]")  # fmt: skip
@click.option("--write-disk", metavar="DISK", help="Write each KERNEL with a loader, or each disk "
              "image, to the first hard disk, and boot that; DISK is its signature or serial "
              "number, and no other one is written.")  # fmt: skip
@JSON
@_KEEP
@detail_options
def boot(
    machines: Path | None, name: str, kernels: tuple[str, ...], json_file: str | None,
    keep: Path | None, detail: int | None, route: str | None, write_disk: str | None,
    **choices: Any,
) -> int:  # fmt: skip
    """Boot each KERNEL on machine NAME, which gets it by its wire, and judge it.

    With --write-disk the wire brings it to the disk first. The machine itself compares: a disk with
    another signature and serial number is left as it is, and said to be what it is.
    """
    from bootharness.hardware.boot import boot_here
    from bootharness.hardware.boot_written import boot_written
    from bootharness.routes.table import by_what_is_given, route_of

    machine = _one(machines, name)
    if write_disk is not None and route is not None:
        raise UsageError("--route and --write-disk: what is on a disk comes by no wire")
    if write_disk is None:
        plan = plan_of({**choices, "host": name, "route": route or "pxelinux"})
    else:
        plan = by_what_is_given(plan_of(choices), kernels)
    way = route_of(plan)
    plan = way.ready(plan)
    sources = [single for each in kernels for single in way.expand(each)]
    if write_disk is None:
        boots = [Boot(each, partial(boot_here, machine, each, plan)) for each in sources]
    else:
        boots = [
            Boot(each, partial(boot_written, machine, each, plan, write_disk)) for each in sources
        ]
    return run_boots(boots, json_file, keep, detail=detail, several=len(kernels) > 1)
