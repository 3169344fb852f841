"""`bootharness check`: a loader under every behaviour that a BIOS may have."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bootharness.cli.output import check_json_file, spoken, write_json
from bootharness.errors import COULD_NOT_FIND_OUT, UsageError

if TYPE_CHECKING:
    from bootharness.checking.check import Subject

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_HEADER_BYTES = 1024
_WITH_SYMBOLS = (".asm", ".elf")


@click.command(
    "check",
    epilog="""\b
LOADER is an .asm, an .elf or a flat binary with its profile, for which a disk with a small
kernel is laid out; or a boot sector or the image of a disk with a kernel on it. The loader runs
in an emulator, on one machine after the other, and has to bring the kernel to its entry on each.

\b
A behaviour is "allowed" where no specification forbids it: a loader that fails on it is
wrong. One that was "seen in the wild" and that should not be is a warning. A loader that
misses something and says so, "refuses".

\b
Examples:
  bootharness check my-mbr.asm
  bootharness check disk.img --json check.json

\b
Exit status: 0 all hold that are allowed, 1 one fails, 125 could not find out, 129 wrong usage.
""",
)
@click.argument("loader", type=_FILE, required=False)
@click.option(
    "--boot",
    "booted",
    is_flag=True,
    help="Boot in QEMU, too, on those of the machines that it can be made: half a second each.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write it all; - is standard output.")
def command(loader: Path | None, booted: bool, json_file: str | None) -> int:
    """Check LOADER, or stage1, on every machine that a BIOS is allowed to make of a PC, and on
    those that were seen besides; say which line does not stand it; and find the largest kernel
    that it can boot."""
    check_json_file(json_file)

    from bootharness.checking.check import Check
    from bootharness.checking.terminal import print_plain, print_row, print_sum
    from bootharness.predictor.limits import Limit
    from bootharness.predictor.limits_report import print_bios, print_limit

    output = spoken(json_file)
    run = Check(_subject(loader), booted=booted)
    rows = []
    limits: list[Limit] = []
    for row in run.rows():
        print_row(row, output)
        rows.append(row)
    checked = run.told(rows)
    print_plain(checked, output)
    print_sum(checked, output)
    for limit in run.limits():
        if not limits:
            print_bios(limit.bios, output)
        print_limit(limit, output)
        limits.append(limit)
    if json_file:
        import msgspec

        from bootharness.checking.document import check_document

        text = msgspec.json.encode(check_document(run.told(rows, limits)))
        write_json(json_file, msgspec.json.format(text, indent=1) + b"\n")
    return COULD_NOT_FIND_OUT if checked.good is None else int(not checked.good)


def _subject(path: Path | None) -> "Subject":
    """Return a loader, or the disk that a file is where it has no profile and a boot sector."""
    from bootharness.formats.forms import is_bzimage
    from bootharness.formats.mbr import SECTOR_BYTES
    from bootharness.routes.disk import DiskImage
    from bootharness.routes.loader import Loader

    if path is None:
        return Loader.stage1()
    profiled = path.suffix in _WITH_SYMBOLS or path.with_suffix(".toml").exists()
    if profiled or path.stat().st_size < SECTOR_BYTES:
        return Loader.read(path)
    image = DiskImage.existing(path)
    if is_bzimage(image.read(0, _HEADER_BYTES)):
        raise UsageError(f"{path}: a Linux kernel, and a loader is wanted")
    return image
