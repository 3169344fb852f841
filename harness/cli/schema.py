"""`bootharness schema`: what `boot --json` writes, as a JSON Schema."""

import json

import click

__all__ = ["command"]


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of what `boot --json` writes."""
    from harness.report.document import schema

    click.echo(json.dumps(schema(), indent=1))
