"""`bootharness schema`: what commands write with --json, as a JSON Schema."""

import json

import click

__all__ = ["command"]


@click.command("schema")
@click.argument(
    "of",
    metavar="[boot|gate|bisect]",
    type=click.Choice(("boot", "gate", "bisect")),
    default="boot",
)
def command(of: str) -> None:
    """Print the JSON Schema of what `boot --json` writes, or `gate --json`, or `bisect --json`."""
    if of == "gate":
        from bootharness.gate.report.document import gate_schema as schema
    elif of == "bisect":
        from bootharness.bisection.report.document import hunt_schema as schema
    else:
        from bootharness.report.document import schema

    click.echo(json.dumps(schema(), indent=1))
