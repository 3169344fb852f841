"""`bootharness completion`: what lets a shell complete what is typed."""

import click

__all__ = ["COMPLETE", "command"]

COMPLETE = "_BOOTHARNESS_COMPLETE"
"""The variable by which a shell asks for what may come next."""


@click.command(
    "completion",
    epilog="""\b
To have it in every shell:
  bash  eval "$(bootharness completion bash)"     in ~/.bashrc
  zsh   eval "$(bootharness completion zsh)"      in ~/.zshrc, behind compinit
  fish  bootharness completion fish >~/.config/fish/completions/bootharness.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what SHELL has to read to complete commands, options, routes, causes, faults, places
    and kernels."""
    from click.shell_completion import get_completion_class  # only here

    from bootharness.cli import bootharness

    found = get_completion_class(shell)
    assert found
    click.echo(found(bootharness, {}, "bootharness", COMPLETE).source())
