"""`bootharness explain`: what a cause means, and what to do about it."""

import sys

import click

from bootharness.cli import values
from bootharness.errors import UsageError
from bootharness.text import hint

__all__ = ["command"]

_HEADINGS = {"bad": "Bad: exit status 1", "skip": "Could not find out: exit status 125"}


@click.command("explain")
@click.argument("causes", metavar="[CAUSE]...", nargs=-1, shell_complete=values.causes)
def command(causes: tuple[str, ...]) -> None:
    """Say what each CAUSE means, what shows it, and what to do about it; without a CAUSE,
    list them all."""
    from bootharness.diagnosis.causes import CAUSES
    from bootharness.report.lines import say

    if not causes:
        for verdict, heading in _HEADINGS.items():
            say(sys.stdout, (heading, {"underline": True}))
            for cause in CAUSES.values():
                if cause.verdict == verdict:
                    say(sys.stdout, (cause.name, {"bold": True}), "", cause.meaning, indent=2)
        return
    for name in causes:
        if name not in CAUSES:
            known = hint(name, CAUSES, otherwise="`bootharness explain` lists all")
            raise UsageError(f"{name}: no such cause: {known}")
    for number, name in enumerate(causes):
        cause = CAUSES[name]
        if number:
            click.echo()
        say(sys.stdout, (cause.name, {"bold": True}))
        say(sys.stdout, cause.meaning, indent=2)
        say(sys.stdout, f"Shown by: {cause.evidence}.", indent=2)
        say(sys.stdout, f"What to do: {cause.advice}", indent=2)
