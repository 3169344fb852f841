"""`bootharness routes`: what can bring a kernel to a machine."""

import sys

import click

from bootharness.plan import OPTIONS

__all__ = ["command"]


@click.command("routes")
def command() -> None:
    """List the routes by which a kernel can be booted, and the options that each makes use of."""
    from bootharness.report.lines import say
    from bootharness.routes.table import ROUTES

    width = max(map(len, ROUTES))
    for route in ROUTES.values():
        name = (f"{route.name:<{width}}", {"bold": True})
        say(sys.stdout, name, "", f"{route.firmware:<4}", "", route.summary)
        takes = [each.spelling for name, each in OPTIONS.items()
                 if each.by_route and route.uses(name)]  # fmt: skip
        say(sys.stdout, (" ".join(takes), {"dim": True}), indent=width + 8)
