"""`bootharness explain`: what a cause means, and what to do about it."""

import click

from bootharness.cli import values
from bootharness.errors import UsageError

__all__ = ["command"]


@click.command("explain")
@click.argument("causes", metavar="[CAUSE]...", nargs=-1, shell_complete=values.causes)
def command(causes: tuple[str, ...]) -> None:
    """Say what each CAUSE means, what shows it, and what to do about it; without a CAUSE,
    list them all."""
    from bootharness.diagnosis.causes import CAUSES

    if not causes:
        width = max(map(len, CAUSES))
        for cause in CAUSES.values():
            click.echo(f"{click.style(f'{cause.name:<{width}}', bold=True)}  {cause.meaning}")
        return
    for number, name in enumerate(causes):
        if name not in CAUSES:
            raise UsageError(f"{name}: no such cause; `bootharness explain` lists all")
        cause = CAUSES[name]
        click.echo(("\n" if number else "") + click.style(cause.name, bold=True))
        click.echo(f"  {cause.meaning}")
        click.echo(f"  Shown by: {cause.evidence}.")
        click.echo(f"  What to do: {cause.advice}")
