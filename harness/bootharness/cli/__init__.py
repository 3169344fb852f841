"""The command `bootharness`. Commands are imported when they are called: help is quick."""

import importlib
import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from bootharness.errors import (
    COULD_NOT_FIND_OUT,
    WRONG_USAGE,
    BootHarnessError,
    CouldNotFindOut,
)
from bootharness.text import printable

__all__ = ["bootharness", "run"]

INTERRUPTED = 130
CUT_OFF = 141
"""As a shell has it of a program that a closed pipe has ended."""

_COMMANDS = {
    "boot": "Boot kernels, watch each step, and say why a boot failed.",
    "gate": "Accept or refuse kernels: every way of booting, compared with a baseline.",
    "debug": "Open a boot in gdb, stopped where it goes wrong.",
    "console": "Boot with the serial line and QEMU's monitor on this terminal.",
    "history": "List what has been booted, and draw it.",
    "predict": "Predict a boot in milliseconds, without QEMU, by running the loader.",
    "limit": "Find the largest kernel that a loader can boot, and what fails beyond.",
    "headroom": "Show how close kernels come to what loaders can boot.",
    "bisect": "Find the first bad kernel of a range, and why it is bad.",
    "factors": "Find what separates the kernels that boot from those that do not.",
    "toolchain": "Make compilers of other Debian releases, to build kernels with.",
    "routes": "List what can bring a kernel to a machine.",
    "example": "Write a folder with a loader that fails, a gate and tests, to try all on.",
    "explain": "Say what a cause means, what shows it, and what to do about it.",
    "doctor": "List the tools that are needed, and what to install.",
    "schema": "Print the JSON Schema of what `boot`, `gate` and `bisect` write with --json.",
}


class _Commands(click.Group):
    """Commands by name, each in a module of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"bootharness.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99},
    epilog="""\b
Examples:
  bootharness boot arch/x86/boot/bzImage
  bootharness boot deb:linux-image-cloud-amd64/trixie --until banner
  bootharness boot grow:17000000:bzImage --loader my-mbr.asm

\b
Exit status: 0 good, 1 bad, 125 could not find out, 129 wrong usage.
""",
)
@click.version_option(package_name="bootharness")
def bootharness() -> None:
    """Boot every kernel build through BIOS and MBR, watch each step, and say in one sentence
    why a boot failed."""


def run(command: click.Command) -> NoReturn:
    """Run a command and exit with its status.

    Whatever goes wrong, it is not with a kernel: 1 is for a bad one alone.
    """
    colour = False if os.environ.get("NO_COLOR") else None
    try:
        with command.make_context(command.name, sys.argv[1:], color=colour) as context:
            status = command.invoke(context)
        _flush()
    except click.exceptions.Exit as done:
        status = done.exit_code
    except click.ClickException as error:
        error.show()
        status = WRONG_USAGE
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except CouldNotFindOut as error:
        click.echo(f"bootharness: {error.cause}: {printable(str(error))}", err=True)
        status = COULD_NOT_FIND_OUT
    except BootHarnessError as error:
        click.echo(f"bootharness: {printable(str(error))}", err=True)
        status = WRONG_USAGE
    except BrokenPipeError:
        # nobody reads on, and nobody is to be told so when Python flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = CUT_OFF
    except OSError as error:
        click.echo(f"bootharness: {error}", err=True)
        status = COULD_NOT_FIND_OUT
    except Exception:
        import traceback  # which nobody should see

        traceback.print_exc()
        click.echo("bootharness: this is a bug in bootharness, not in a kernel", err=True)
        status = COULD_NOT_FIND_OUT
    with suppress(OSError):
        _flush()
    # Python would take its modules apart first, for as long as it took to import them
    os._exit(status if isinstance(status, int) else 0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.flush()
