"""`bootharness routes`: what can bring a kernel to a machine."""

import click

from bootharness.plan import OPTIONS

__all__ = ["command"]


@click.command("routes")
def command() -> None:
    """List the routes by which a kernel can be booted, and the options that each makes use of."""
    from bootharness.routes.table import ROUTES

    width = max(map(len, ROUTES))
    for route in ROUTES.values():
        name = click.style(f"{route.name:<{width}}", bold=True)
        click.echo(f"{name}  {route.firmware:<4}  {route.summary}")
        takes = [each.spelling for each in OPTIONS.values() if each.name in route.takes]
        click.echo(click.style(f"{'':<{width + 8}}{' '.join(takes)}", dim=True))
