"""A group of commands whose first one needs no name: `bootharness gate bzImage`."""

from typing import TYPE_CHECKING

import click

from bootharness.cli import values

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["KERNELS", "KernelsFirst"]

KERNELS = "kernels"
"""The command that needs no name."""


class KernelsFirst(click.Group):
    """A group whose command `kernels` needs no name: it is what is asked for most.

    A kernel's file that is called like one of the other commands is written with its folder.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing and not args:  # a shell asks what may come here
            return super().parse_args(ctx, args)
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = [KERNELS, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        options = [each for each in self.commands[KERNELS].params if isinstance(each, click.Option)]
        records = [each.get_help_record(ctx) for each in options]
        with formatter.section(f"Options of `{KERNELS}`"):
            formatter.write_dl([record for record in records if record])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        named = super().shell_complete(ctx, incomplete)
        return named or values.kernels(ctx, self.commands[KERNELS].params[0], incomplete)
