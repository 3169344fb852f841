"""`bootharness initramfs`: programs, modules and files of one's own, for a kernel to find."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from bootharness.cli import values
from bootharness.cli.guests import IN_GUESTS
from bootharness.cli.options import plan_of, plan_options
from bootharness.cli.output import write_new
from bootharness.errors import UsageError
from bootharness.host.tool import Tool

__all__ = ["command"]

_COMPRESSIONS = {
    "none": (),
    "zstd": ("zstd", "-1", "-T0", "-q", "-c"),
    "gzip": ("gzip", "-n", "-1"),
}


@click.command(
    "initramfs",
    epilog="""\b
Examples:
  bootharness initramfs guest.img --bin strace
  bootharness initramfs guest.img --kernel bzImage --module dm-crypt --bin cryptsetup
  bootharness initramfs guest.img --kernel deb:linux-image-amd64/bookworm --manifest disk.manifest
  bootharness boot bzImage --initrd guest.img

\b
A manifest has one thing in a line: autorun SCRIPT..., bin PROGRAM, try-bin PROGRAM, kmod MODULE,
try-kmod MODULE, file NAME [LOCATION], tree NAME LOCATION, dir NAME, slink NAME TARGET, filter NAME,
include MANIFEST.

\b
Exit status: 0 it is written, 129 wrong usage, 125 busybox is not installed, or modules cannot
be had.
""",
)
@click.argument(
    "target", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path)
)
@plan_options(*IN_GUESTS)
@click.option(
    "--kernel",
    metavar="KERNEL",
    shell_complete=values.kernels,
    help="The kernel that the modules are of.",
)
@click.option(
    "--compress",
    type=click.Choice(tuple(_COMPRESSIONS)),
    default="none",
    show_default=True,
    help="What the archive is compressed with.",
)
def command(target: Path, kernel: str | None, compress: str, **choices: Any) -> None:
    """Write an initramfs with programs, modules and files of your own, and busybox.

    FILE is written anew, or is - for standard output. Its /init loads the modules, runs the scripts
    of the manifests, and gives a shell on the console.
    """
    from bootharness.initramfs.archive import guest_archive  # help does without
    from bootharness.initramfs.guest import archive_of, lines_of
    from bootharness.initramfs.manifest import OF_MODULES
    from bootharness.kernels.source import fetch, single

    guest = plan_of(choices).guest
    if kernel is None:
        lines = lines_of(guest)
        if needs := next((line for line in lines if line.word in OF_MODULES), None):
            raise UsageError(f"{needs.said_by}: modules are of one kernel: name it with --kernel")
        made = guest_archive(lines, None)
    else:
        made = archive_of(fetch(single(kernel)), guest)
    archive = _compressed(made, compress)
    if str(target) == "-":
        sys.stdout.buffer.write(archive)
        return
    write_new(target, archive)
    click.echo(f"{target} is written: {len(archive):,} bytes")


def _compressed(archive: bytes, how: str) -> bytes:
    argv = _COMPRESSIONS[how]
    if not argv:
        return archive
    Tool(argv[0], argv[0]).check()
    return subprocess.run(argv, input=archive, capture_output=True, check=True).stdout
