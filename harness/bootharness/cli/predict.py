"""`bootharness predict`: run the loader in an emulator, and judge what would come of it."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootharness.cli.boot import Boot, run_boots
from bootharness.cli.options import loaded_options
from bootharness.errors import CouldNotFindOut
from bootharness.plan import BootPlan, MachineConfig
from bootharness.trace.bioses import BIOSES

if TYPE_CHECKING:
    from bootharness.routes.loader import Loader
    from bootharness.trace.boot_trace import BootTrace
    from bootharness.trace.observer import Observer

__all__ = ["command"]


@click.command(
    "predict",
    epilog="""\b
KERNEL is what `bootharness boot` takes. The loader runs up to the kernel's entry; the
kernel itself does not.

\b
Examples:
  bootharness predict arch/x86/boot/bzImage
  bootharness predict grow:17000000:bzImage --loader my-mbr.asm --verbose
  bootharness predict bzImage --bios 286

\b
Exit status: 0 all good, 1 one is bad, 125 could not find out, 129 wrong usage.
""",
)
@click.argument("kernels", metavar="[KERNEL]...", nargs=-1)
@loaded_options
@click.option(
    "--bios",
    type=click.Choice(list(BIOSES)),
    default="seabios",
    show_default=True,
    help="How block moves are done.",
)
@click.option("--memory", type=click.IntRange(2), default=512, show_default=True, metavar="MIB")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write the trace, verdict included; - is standard output. An array for several kernels.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print every BIOS call.")
def command(
    kernels: tuple[str, ...], initrd: Path | None, cmdline: str, loader: Path | None,
    disk: Path | None, bios: str, memory: int, json_file: str | None, verbose: bool,
) -> int:  # fmt: skip
    """Predict whether each KERNEL would be loaded whole and entered right, without booting it."""
    if bool(kernels) == bool(disk):
        raise click.UsageError("give a KERNEL, or --disk with an image that has one")
    if disk and (loader or initrd):
        raise click.UsageError("a --disk has its own loader and initrd")
    plan = BootPlan(cmdline=cmdline, initrd=initrd, machine=MachineConfig(memory_mib=memory))

    from bootharness.kernels.source import expand
    from bootharness.routes.loader import Loader

    if disk:
        boots = [Boot(str(disk), partial(_predict_disk, disk, plan, bios))]
    else:
        code = Loader.read(loader) if loader else Loader.stage1()
        boots = [
            Boot(source, partial(_predict_source, source, code, plan, bios))
            for kernel in kernels
            for source in expand(kernel)
        ]
    return run_boots(boots, json_file, verbose=verbose)


def _predict_source(
    source: str, loader: "Loader", plan: BootPlan, bios: str, *, observer: "Observer", keep: None
) -> "BootTrace":
    from bootharness.kernels.source import fetch
    from bootharness.predictor import predict
    from bootharness.routes.mbr import lay_out
    from bootharness.trace.boot_trace import BootTrace, Ending

    del keep
    try:
        layout = lay_out(fetch(source), loader, plan)
    except CouldNotFindOut as error:
        return BootTrace(source, "setup", Ending("skipped", 0.0, str(error), error.cause))
    return _show(predict(layout, bios=bios, memory_bytes=plan.machine.memory_bytes), observer)


def _predict_disk(
    path: Path, plan: BootPlan, bios: str, *, observer: "Observer", keep: None
) -> "BootTrace":
    from bootharness.predictor import predict
    from bootharness.routes.disk import DiskImage

    del keep
    disk = DiskImage.existing(path)
    return _show(predict(disk, bios=bios, memory_bytes=plan.machine.memory_bytes), observer)


def _show(trace: "BootTrace", observer: "Observer") -> "BootTrace":
    for milestone in trace.milestones:
        observer.milestone(milestone)
    observer.calls(trace.bios_calls)
    return trace
