"""Options that several commands have: what is loaded, and on which machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bootharness.plan import DEFAULT_CMDLINE, DISK_INTERFACES

__all__ = ["FILE", "loaded_options", "machine_options"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
"""A file that is there."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def loaded_options(command: _Command) -> _Command:
    """Add ``--initrd``, ``--cmdline``, ``--loader`` and ``--disk``."""
    return _with(
        command,
        click.option("--initrd", type=FILE, help="Initrd to load; a tiny /init without it."),
        click.option(
            "--cmdline", default=DEFAULT_CMDLINE, show_default=True, help="Kernel command line."
        ),
        click.option("--loader", type=FILE, help="Another loader: .asm, .elf or a flat binary."),
        click.option("--disk", type=FILE, help="A ready disk image in place of kernel and loader."),
    )


def machine_options(command: _Command) -> _Command:
    """Add what can be chosen about the machine, by the names of MachineConfig's fields, but
    ``--memory`` for ``memory_mib``."""
    return _with(
        command,
        click.option(
            "--memory", type=click.IntRange(2), default=512, show_default=True, metavar="MIB"
        ),
        click.option("--machine-type", default="pc", show_default=True, help="QEMU's -machine."),
        click.option(
            "--disk-interface",
            type=click.Choice(DISK_INTERFACES),
            default="ahci",
            show_default=True,
        ),
        click.option(
            "--qemu",
            default="auto",
            show_default=True,
            metavar="PROGRAM",
            help="QEMU to use, by name or path; auto takes it from the kernel.",
        ),
        click.option(
            "--bios",
            type=click.Path(exists=True, dir_okay=False),
            metavar="FILE",
            help="Another build of the BIOS than QEMU's own.",
        ),
    )


def _with(command: _Command, *options: Callable[[_Command], _Command]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
