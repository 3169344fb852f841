"""`bootharness doctor`: is everything here that the harness needs?"""

import click

from bootharness.errors import COULD_NOT_FIND_OUT

__all__ = ["command"]


@click.command("doctor")
def command() -> int:
    """List every tool with its version, the accelerator, who QEMU runs as, and what to install
    for what is missing. The exit status is 125 when something is."""
    from bootharness.cli.tools import accelerator, isolation, tools

    found = tools()
    width = max(len(tool.name) for tool in found)
    for tool in found:
        mark = click.style("ok     ", fg="green")
        if tool.version is None:
            mark = click.style("missing", fg="red" if tool.required else "yellow")
        said = tool.version or f"apt-get install {tool.package}"
        click.echo(f"{mark}  {tool.name:<{width}}  {said}  ({tool.purpose})")
    for name, said in (("accelerator", accelerator()), ("isolation", isolation())):
        click.echo(f"{click.style('ok     ', fg='green')}  {name:<{width}}  {said}")
    missing = sorted({tool.package for tool in found if tool.version is None and tool.required})
    if missing:
        click.echo(f"\nTo install what is missing: apt-get install {' '.join(missing)}")
        return COULD_NOT_FIND_OUT
    return 0
