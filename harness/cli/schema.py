"""`bootharness schema`: what commands write with --json, as a JSON Schema."""

import json

import click

__all__ = ["command"]


@click.command("schema")
@click.argument("of", metavar="[boot|gate]", type=click.Choice(("boot", "gate")), default="boot")
def command(of: str) -> None:
    """Print the JSON Schema of what `boot --json` writes, or `gate --json`."""
    if of == "gate":
        from harness.report.gate.document import gate_schema

        click.echo(json.dumps(gate_schema(), indent=1))
        return
    from harness.report.document import schema

    click.echo(json.dumps(schema(), indent=1))
