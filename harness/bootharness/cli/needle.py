"""`bootharness needle`: cut out of the screen of a kept boot what other boots have to show."""

from pathlib import Path

import click

from bootharness.cli.output import write_new
from bootharness.errors import FormatError, UsageError
from bootharness.formats.needle import MARGIN, MATCH, new_needle
from bootharness.formats.picture import MOST_BYTES, Area, pixels_of
from bootharness.host.regular import read_regular

__all__ = ["command"]

_SCREENS = ("screen.png", "screen.ppm")


@click.command(
    "needle",
    epilog="""\b
Examples:
  bootharness boot installer.iso --until-screen never --timeout 20 --keep seen
  bootharness needle seen menu.png --area 120,80,300x40
  bootharness boot installer.iso --until-screen menu.png
  bootharness boot installer.iso --send 'menu.png=><down><enter>' --until 'login:'

\b
Exit status: 0 it is written, 129 wrong usage, 125 what reads pictures is not installed.
""",
)
@click.argument("kept", metavar="KEPT", type=click.Path(exists=True, path_type=Path))
@click.argument("needle", metavar="NEEDLE.png", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--area",
    metavar="X,Y,WxH",
    required=True,
    help="The area in pixels, from its upper left corner.",
)
@click.option(
    "--margin",
    type=click.IntRange(0, 10_000),
    default=MARGIN,
    show_default=True,
    help="How many pixels it may be from there.",
)
@click.option(
    "--match",
    type=click.FloatRange(0, 100, min_open=True),
    default=MATCH,
    show_default=True,
    help="How many percent of likeness do.",
)
def command(kept: Path, needle: Path, area: str, margin: int, match: float) -> None:
    """Cut an area out of a screen, for --until-screen NEEDLE.png to find it on others.

    KEPT is a folder that `boot --keep` has written, or a picture of a screen as PNG or PPM.
    """
    wanted = Area.parse(area)
    if needle.suffix.lower() != ".png":
        raise UsageError(f"{needle}: a needle's name ends in .png, by which it is known to be one")
    screen_file = _screen_of(kept)
    content = read_regular(screen_file, most=MOST_BYTES)
    try:
        screen = pixels_of(content, "PNG", "PPM")
        cut = new_needle(screen, wanted, margin=margin, match=match)
    except (FormatError, UsageError) as error:
        raise UsageError(f"{screen_file}: {error}") from error
    write_new(needle, cut)
    click.echo(f"{needle} is written: {wanted} of {screen_file}")
    click.echo(f"next: bootharness boot KERNEL --until-screen {needle}")


def _screen_of(kept: Path) -> Path:
    """Return the picture of a screen in a folder. Raises UsageError where there is none."""
    if not kept.is_dir():
        return kept
    for name in _SCREENS:
        if (kept / name).is_file():
            return kept / name
    raise UsageError(
        f"{kept}: there is no screen.png in it: give a folder of `bootharness boot --keep`"
    )
