"""`bootharness console`: boot with the serial line and the monitor on the terminal."""

from itertools import count
from pathlib import Path
from typing import Any

import click

from bootharness.cli.options import loaded_options, machine_options
from bootharness.plan import ACCELERATORS, BootPlan, MachineConfig

__all__ = ["command"]


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
""",
)
@click.argument("source", metavar="[KERNEL]", required=False)
@loaded_options
@machine_options
@click.option("--accelerator", type=click.Choice(ACCELERATORS), default="auto", show_default=True)
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="New file for all that is written on the line.  [default: console-N.log]",
)
def command(
    source: str | None, loader: Path | None, disk: Path | None, log: Path | None,
    initrd: Path | None, cmdline: str, memory: int, **machine: Any,
) -> None:  # fmt: skip
    """Boot KERNEL, or a --disk, with the serial line and QEMU's monitor on this terminal."""
    if bool(source) == bool(disk):
        raise click.UsageError("give a KERNEL, or --disk with an image that has one")
    plan = BootPlan(
        until="banner" if loader and not initrd else "init",
        cmdline=cmdline,
        initrd=initrd,
        machine=MachineConfig(memory_mib=memory, **machine),
    )
    from bootharness.debug.console import console
    from bootharness.host.workspace import Workspace
    from bootharness.kernels.source import fetch, single
    from bootharness.one_boot import build_disk, chosen_machine
    from bootharness.routes.disk import DiskImage
    from bootharness.routes.loader import Loader

    numbered = (Path(f"console-{number}.log") for number in count(1))
    log = log or next(path for path in numbered if not path.exists())
    with Workspace() as workspace:
        if disk:
            image = DiskImage.existing(disk)
        else:
            assert source
            code = Loader.read(loader) if loader else Loader.stage1()
            image = build_disk(workspace.path / "disk.img", fetch(single(source)), code, plan)
        click.echo(f"Ctrl-A X leaves, Ctrl-A C is QEMU's monitor; all of it is in {log}", err=True)
        console(image.path, chosen_machine(plan.machine, image.kernel), workspace, log)
