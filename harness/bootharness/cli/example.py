"""`bootharness example`: a small folder in which every command has something to do."""

from pathlib import Path

import click

from bootharness.cli.output import new_folder
from bootharness.errors import UsageError
from bootharness.host.assembler import shipped

__all__ = ["command"]

_LOADER = "no-carry.asm"
_FILES = ("README.md", "no-carry.toml", "kernels.toml", "gate.toml", "test_boot.py")
_TITLE = "; no-carry: stage1 of bootharness with a fault: a destination's bits 24 to 31 are lost."


@click.command("example")
@click.argument("folder", metavar="[DIR]", default="bootharness-example", type=click.Path(
    file_okay=False, path_type=Path))  # fmt: skip
def command(folder: Path) -> None:
    """Write an example into DIR, bootharness-example without it: a loader that fails with large
    kernels, a gate, tests, and a README that says what to type.

    DIR is a new or an empty folder: nothing is overwritten.
    """
    new_folder(folder)
    try:
        for name in _FILES:
            (folder / name).write_bytes(shipped(f"example/{name}").read_bytes())
        (folder / _LOADER).write_text(_without_carry(shipped("mbr/stage1.asm").read_text()))
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
    click.echo(f"{folder} is written: {', '.join((*_FILES, _LOADER))}")
    click.echo(f"next: cd {folder} && bootharness boot selfcheck:17000000 --loader {_LOADER}")


def _without_carry(stage1: str) -> str:
    """Return stage1's source without the instruction behind ``destination_carry``."""
    _, *lines = stage1.splitlines()
    label = next(at for at, line in enumerate(lines) if line.startswith("destination_carry:"))
    del lines[label + 1]
    return "\n".join([_TITLE, *lines, ""])
