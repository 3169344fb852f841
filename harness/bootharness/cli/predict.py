"""`bootharness predict`: run the loader in an emulator, and judge what would come of it."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bootharness.cli import values
from bootharness.cli.boot import sources_and_plan
from bootharness.cli.boots import Boot, detail_options, is_list, run_boots
from bootharness.cli.options import FILE, WHAT_IS_LOADED, plan_options
from bootharness.plan import BootPlan
from bootharness.trace.bioses import BIOSES

if TYPE_CHECKING:
    from bootharness.trace.boot_trace import BootTrace
    from bootharness.trace.observer import Observer

__all__ = ["command"]


@click.command(
    "predict",
    epilog="""\b
KERNEL is what `bootharness boot` takes. The loader runs up to the kernel's entry; the
kernel itself does not. Of a route from a network (--route pxelinux, uefi-ipxe, ...) only what
rules a boot out is told: a command line too long, no EFI stub, too little memory.

\b
Examples:
  bootharness predict arch/x86/boot/bzImage
  bootharness predict grow:17000000:bzImage --loader my-mbr.asm --verbose
  bootharness predict bzImage --bios 286

\b
Exit status: 0 all good, 1 one is bad, 125 could not find out, 129 wrong usage.
""",
)
@click.argument("kernels", metavar="[KERNEL]...", nargs=-1, shell_complete=values.kernels)
@plan_options(*WHAT_IS_LOADED, "machine_type", "cpu", "memory_mib")
@click.option("--disk", type=FILE, help="The same as --route disk with this image.")
@click.option(
    "--bios",
    type=click.Choice(list(BIOSES)),
    default="seabios",
    show_default=True,
    help="How block moves are done.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write the trace, verdict included; - is standard output. An array for more than one "
    "KERNEL, a folder or a pattern.",
)
@detail_options
def command(
    kernels: tuple[str, ...], disk: Path | None, bios: str, json_file: str | None,
    detail: int | None, **choices: Any,
) -> int:  # fmt: skip
    """Predict whether each KERNEL would be loaded whole and entered right, without booting it."""
    sources, plan = sources_and_plan(kernels, choices, disk=disk)
    boots = [Boot(each, partial(_predict, each, plan, bios)) for each in sources]
    return run_boots(boots, json_file, detail=detail, several=is_list(kernels, sources))


def _predict(
    source: str, plan: BootPlan, bios: str, *, observer: "Observer", keep: None
) -> "BootTrace":
    from bootharness.predictor.predict import predict

    del keep
    trace = predict(source, plan, bios=bios)
    for milestone in trace.milestones:
        observer.milestone(milestone)
    observer.calls(trace.bios_calls)
    return trace
