"""`bootharness headroom`: how close kernels come to what loaders can boot."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import to_builtins

from bootharness.cli import values
from bootharness.cli.output import check_json_file, spoken, write_json
from bootharness.errors import COULD_NOT_FIND_OUT, CouldNotFindOut
from bootharness.text import printable
from bootharness.trace.bioses import BIOSES

if TYPE_CHECKING:
    from bootharness.predictor.forecast import Forecast, KnownLoader
    from bootharness.routes.disk import DiskImage

__all__ = ["command"]

_SCHEMA_VERSION = 1
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "headroom",
    epilog="""\b
KERNEL is what `bootharness boot` takes. Nothing is booted: the limits of each loader are
predicted, and so is what would come of each kernel.

\b
Examples:
  bootharness headroom /boot/vmlinuz-* --loader my-mbr.asm
  bootharness headroom bzImage --loader my-mbr.asm --fail-at 90
  bootharness headroom bzImage --esp appliance.img
  bootharness headroom bzImage --memory-map dmesg.txt

\b
Exit status: 0 room enough, 1 a kernel fails or takes more than --fail-at, 125 a kernel cannot
be had, 129 wrong usage.
""",
)
@click.argument(
    "kernels", metavar="KERNEL...", nargs=-1, required=True, shell_complete=values.kernels
)
@click.option(
    "--loader",
    "loaders",
    type=_FILE,
    multiple=True,
    help="A loader to look at besides stage1: .asm, .elf or a flat binary. Repeatable.",
)
@click.option(
    "--esp",
    "images",
    multiple=True,
    type=_FILE,
    help="An image whose EFI system partition is to hold the kernel's file as well. Repeatable.",
)
@click.option(
    "--memory-map",
    "maps",
    multiple=True,
    type=_FILE,
    help="A UEFI's memory map in text, whose largest hole is to hold the kernel: of the debugger's "
    "`efi map`, the UEFI Shell's memmap, or a Linux with efi=debug. Repeatable.",
)
@click.option(
    "--bios",
    type=click.Choice(list(BIOSES)),
    default="seabios",
    show_default=True,
    help="How block moves are done.",
)
@click.option(
    "--memory", type=click.IntRange(4, 3072), default=64, show_default=True, metavar="MIB"
)
@click.option(
    "--fail-at",
    type=click.FloatRange(0, 100),
    default=95.0,
    show_default=True,
    metavar="PERCENT",
    help="How much of a limit is too much.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write it all; - is standard output.")
def command(
    kernels: tuple[str, ...], loaders: tuple[Path, ...], images: tuple[Path, ...],
    maps: tuple[Path, ...], bios: str, memory: int, fail_at: float, json_file: str | None,
) -> int:  # fmt: skip
    """Show how close each KERNEL comes to the limits of stage1 and of other loaders."""
    check_json_file(json_file)

    from bootharness.kernels.source import expand
    from bootharness.predictor.forecast import Forecast, KnownLoader
    from bootharness.predictor.headroom_report import print_headroom
    from bootharness.report.lines import say
    from bootharness.report.live import Clock
    from bootharness.routes.disk import DiskImage
    from bootharness.routes.loader import Loader

    sources = [single for kernel in kernels for single in expand(kernel)]
    every = [Loader.stage1(), *(Loader.read(path) for path in loaders)]
    disks = [DiskImage.existing(path) for path in images]
    known: list[KnownLoader] = []
    rows: list[Forecast] = []
    missing: list[str] = []
    with closing(Clock(sys.stderr)) as clock:
        for loader in every:
            clock.show(f"looking for the limits of {loader.name}")
            known.append(KnownLoader.examine(loader, bios=bios, memory_mib=memory))
        for source in sources:
            clock.show(source)
            try:
                rows += _rows(source, known, disks, maps)
            except CouldNotFindOut as error:
                missing.append(f"bootharness: {error.cause}: {error}")
    for line in missing:
        say(sys.stderr, printable(line))
    output = spoken(json_file)
    print_headroom(rows, fail_at, output)
    if json_file:
        text = msgspec.json.encode(
            {
                "schema_version": _SCHEMA_VERSION,
                "fail_at": fail_at,
                "rows": [_plain(row) for row in rows],
            }
        )
        write_json(json_file, msgspec.json.format(text, indent=1) + b"\n")
    if any(row.cause or (row.headroom.percent or 0) > fail_at for row in rows):
        return 1
    return COULD_NOT_FIND_OUT if missing else 0


def _plain(row: "Forecast") -> dict[str, Any]:
    """Return a row as the document has it: flat."""
    values = to_builtins(row)
    return {**values.pop("headroom"), "percent": row.headroom.percent, **values}


def _rows(
    source: str, known: list["KnownLoader"], disks: list["DiskImage"], maps: tuple[Path, ...]
) -> Iterator["Forecast"]:
    from bootharness.kernels.source import fetch
    from bootharness.predictor.forecast import forecasts, in_memory, on_esp

    kernel = fetch(source)
    for each in known:
        yield from forecasts(kernel, each)
    for disk in disks:
        yield on_esp(kernel, disk)
    for path in maps:
        yield in_memory(kernel, path)
