"""`bootharness schema`: what commands write with --json, as a JSON Schema."""

import json

import click

__all__ = ["command"]


@click.command("schema")
@click.argument(
    "of",
    metavar="[boot|gate|gate-diff|bisect|factors|check]",
    type=click.Choice(("boot", "gate", "gate-diff", "bisect", "factors", "check")),
    default="boot",
)
def command(of: str) -> None:
    """Print the JSON Schema of what `boot --json` writes, or that of another command."""
    if of == "gate":
        from bootharness.gate.report.document import gate_schema as schema
    elif of == "gate-diff":
        from bootharness.gate.report.diff import diff_schema as schema
    elif of == "bisect":
        from bootharness.bisection.report.document import hunt_schema as schema
    elif of == "factors":
        from bootharness.factors.document import factors_schema as schema
    elif of == "check":
        from bootharness.checking.document import check_schema as schema
    else:
        from bootharness.report.document import schema

    click.echo(json.dumps(schema(), indent=1))
