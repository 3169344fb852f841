"""`bootharness limit`: the largest kernel, setup part, command line and initrd of a loader."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
import msgspec

from bootharness.cli.output import check_json_file, spoken, write_json
from bootharness.errors import UsageError
from bootharness.text import NUMBER
from bootharness.trace.bioses import BIOSES

if TYPE_CHECKING:
    from bootharness.routes.loader import Loader

__all__ = ["command"]

_SCHEMA_VERSION = 1
_MIB = 1 << 20
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "limit",
    epilog="""\b
Nothing is booted: each limit is predicted, and so is that the next size fails. A
protected-mode kernel counts in paragraphs of 16 bytes.

\b
Examples:
  bootharness limit
  bootharness limit my-mbr.asm --bios seabios --json limits.json
  bootharness limit my-mbr.asm --sweep 15_700_000:15_800_000:16_000

\b
Exit status: 0 limits found, or all sizes of the sweep good; 1 not even the smallest kernel
boots, or a size of the sweep is bad; 129 wrong usage.
""",
)
@click.argument("loader", type=_FILE, required=False)
@click.option(
    "--bios",
    "bioses",
    type=click.Choice(list(BIOSES)),
    multiple=True,
    help="How block moves are done.  [default: all that are known; seabios to sweep]",
)
@click.option(
    "--memory",
    type=click.IntRange(4, 3072),
    default=32,
    show_default=True,
    metavar="MIB",
    help="Memory of the machine; the more, the longer it takes.",
)
@click.option("--sweep", metavar="FROM:TO:STEP", help="Print the verdict on each of these sizes.")
@click.option(
    "--part",
    type=click.Choice(["payload", "setup", "cmdline", "initrd"]),
    default="payload",
    show_default=True,
    help="What is swept.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write it all; - is standard output.")
def command(
    loader: Path | None, bioses: tuple[str, ...], memory: int, sweep: str | None, part: str,
    json_file: str | None,
) -> int:  # fmt: skip
    """Find the exact largest kernel, setup part, command line and initrd that LOADER, or
    stage1, can boot, what fails beyond, and why."""
    check_json_file(json_file)
    sizes = _sizes(sweep) if sweep else None

    from bootharness.routes.loader import Loader

    code, output = Loader.read(loader) if loader else Loader.stage1(), spoken(json_file)
    click.echo(f"{code.name}, on a machine with {memory} MiB of memory", file=output)
    found: dict[str, Any]
    if sizes:
        found = _sweep(code, part, sizes, bioses or ("seabios",), memory * _MIB, output)
    else:
        found = _limits(code, bioses or tuple(BIOSES), memory * _MIB, output)
    if json_file:
        head = {"schema_version": _SCHEMA_VERSION, "loader": code.name}
        text = msgspec.json.encode(head | {"memory_bytes": memory * _MIB} | found)
        write_json(json_file, msgspec.json.format(text, indent=1) + b"\n")
    return 0 if found["good"] else 1


def _limits(
    loader: "Loader", bioses: tuple[str, ...], memory_bytes: int, output: TextIO
) -> dict[str, Any]:
    from bootharness.predictor.limits import Limit, find_limits
    from bootharness.predictor.limits_report import print_bios, print_limit

    limits: list[Limit] = []
    for limit in find_limits(loader, bioses=bioses, memory_bytes=memory_bytes):
        if not limits or limits[-1].bios != limit.bios:
            print_bios(limit.bios, output)
        print_limit(limit, output)
        limits.append(limit)
    good = all(limit.largest is not None for limit in limits if limit.part == "payload")
    return {"good": good, "limits": limits}


def _sweep(
    loader: "Loader", part: str, sizes: range, bioses: tuple[str, ...], memory_bytes: int,
    output: TextIO,
) -> dict[str, Any]:  # fmt: skip
    from bootharness.predictor.limits import PARTS, try_size
    from bootharness.predictor.limits_report import print_bios, print_holes, print_try

    if any(each % PARTS[part].step for each in (sizes.start, sizes.step)):
        raise UsageError(f"--sweep: a {PARTS[part].title} has a multiple of 16 bytes")
    sweeps: list[dict[str, Any]] = []
    for bios in bioses:
        print_bios(bios, output)
        tries = []
        for size in sizes:
            tries.append(try_size(loader, part, size, bios=bios, memory_bytes=memory_bytes))
            print_try(tries[-1], PARTS[part].unit, output)
        print_holes(tries, output)
        sweeps.append({"bios": bios, "part": part, "tries": tries})
    good = all(each.good for sweep in sweeps for each in sweep["tries"])
    return {"good": good, "sweeps": sweeps}


def _sizes(sweep: str) -> range:
    found = re.fullmatch(rf"({NUMBER}):({NUMBER}):({NUMBER})", sweep)
    first, last, step = map(int, found.groups()) if found else (0, 0, 0)
    if not step:
        raise UsageError(f"--sweep {sweep}: write FROM:TO:STEP, for example 0:20_000_000:1_000_000")
    return range(first, last + 1, step)
