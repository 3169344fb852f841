"""What a loader can boot, as lines for a terminal."""

from typing import TextIO

import click

from bootharness.errors import NotEmulated
from bootharness.predictor.limits import PARTS, Limit, Try
from bootharness.report.lines import say
from bootharness.text import count, listed
from bootharness.trace.bioses import BIOSES

__all__ = ["print_bios", "print_holes", "print_limit", "print_try"]

_TITLE = max(len(part.title) for part in PARTS.values())
_SHOWN = 4


def print_bios(name: str, output: TextIO) -> None:
    """Print which BIOS the limits that follow are for."""
    click.echo(f"\n{click.style(name, bold=True)}  {BIOSES[name].title}", file=output)


def print_limit(limit: Limit, output: TextIO) -> None:
    """Print the limit of one part, and what happens beyond it."""
    title = PARTS[limit.part].title
    if limit.largest is None:
        largest = click.style("none at all", fg="red")
    elif limit.failing is None:
        largest = f"{count(limit.largest, limit.unit)}, the most that was tried"
    else:
        largest = click.style(count(limit.largest, limit.unit), fg="green")
    click.echo(f"  {title:<{_TITLE}}  {largest}", file=output)
    if limit.failing:
        _print_why(limit.failing, output)
    if limit.holes:
        sizes = listed([f"{hole.size:,}" for hole in limit.holes], _SHOWN)
        said = f"smaller sizes fail all the same: {sizes}; --sweep shows more"
        say(output, (said, {"fg": "red"}), indent=_TITLE + 4)


def print_try(tried: Try, unit: str, output: TextIO) -> None:
    """Print the verdict on one size."""
    verdict = ("good", {"fg": "green"}) if tried.good else ("bad", {"fg": "red"})
    said = [] if tried.good else ["", f"{tried.cause}: {tried.sentence}"]
    say(output, f"{count(tried.size, unit):>19} ", verdict, *said)


def print_holes(tries: list[Try], output: TextIO) -> None:
    """Say so if sizes fail below others that do not: then there is no limit to speak of."""
    best = max((each.size for each in tries if each.good), default=0)
    holes = [each for each in tries if not each.good and each.size < best]
    if holes:
        sizes = listed([f"{hole.size:,}" for hole in holes], _SHOWN)
        said = f"not only beyond a limit: {sizes} fail, and {best:,} does not"
        say(output, (said, {"fg": "red"}))


def _print_why(failing: Try, output: TextIO) -> None:
    verb = "is not known" if failing.cause == NotEmulated.cause else "fails"
    text = f"{failing.size:,} {verb}: {failing.cause}: {failing.sentence}"
    say(output, (text, {"dim": True}), indent=_TITLE + 4)
