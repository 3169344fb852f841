"""The page docs/cli.md, made from the commands."""

import inspect
import re
from collections.abc import Iterator

import click

from bootharness.cli import bootharness

__all__ = ["cli_page"]

_INTRODUCTION = """\
# Commands

What `bootharness COMMAND --help` says, of all commands. This page is made by `make docs`.
"""


def cli_page() -> str:
    """Return the page in Markdown."""
    root = click.Context(bootharness, info_name="bootharness")
    commands = list(_commands(bootharness, root))
    contents = "\n".join(
        f"- [`{name}`](#{_anchor(name)}): {_sentences(command)[0]}" for name, command, _ in commands
    )
    sections = (_section(name, command, context) for name, command, context in commands)
    return "\n".join([_INTRODUCTION, contents, "", *sections])


def _commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        own = click.Context(command, info_name=name, parent=context)
        yield own.command_path, command, own
        if isinstance(command, click.Group):
            yield from _commands(command, own)


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _sentences(command: click.Command) -> list[str]:
    """Return a command's help, a paragraph each."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return [" ".join(each.split()) for each in paragraphs]


def _section(name: str, command: click.Command, context: click.Context) -> str:
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    options = [each for each in command.params if isinstance(each, click.Option)]
    records = filter(None, (each.get_help_record(context) for each in options))
    listed = [f"- `{words}`: {' '.join(text.split())}" for words, text in records]
    parts = [f"## {name}", "\n\n".join(_sentences(command)), f"    {usage}", "\n".join(listed)]
    if command.epilog:
        text = re.sub(r"^\x08\n", "", inspect.cleandoc(command.epilog), flags=re.MULTILINE)
        parts.append(f"```text\n{text}\n```")
    return "\n\n".join(filter(None, parts)) + "\n"


if __name__ == "__main__":
    print(cli_page(), end="")
