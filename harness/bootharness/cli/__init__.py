"""The command `bootharness`. Commands are imported when they are called: help is quick."""

import importlib
import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from bootharness.cli.completion import COMPLETE
from bootharness.errors import (
    COULD_NOT_FIND_OUT,
    WRONG_USAGE,
    BootHarnessError,
    CouldNotFindOut,
    Interrupted,
)
from bootharness.text import hint, printable

__all__ = ["bootharness", "run"]

_NAME = "bootharness"
INTERRUPTED = 130
CUT_OFF = 141
"""As a shell has it of a program that a closed pipe has ended."""

_COMMANDS = {
    "boot": "Boot kernels, watch each step, and say why a boot failed.",
    "gate": "Accept or refuse kernels: every way of booting, compared with a baseline.",
    "merge": "Put the shards of a gate together, as one gate.",
    "debug": "Open a boot in gdb, stopped where it goes wrong.",
    "timeline": "Draw all that happened in one boot on one axis, as a page.",
    "shell": "Run a command, or a shell, on a kernel with programs and modules of your own.",
    "hardware": "Boot real machines, which have a serial line and a plug.",
    "console": "Boot with the serial line and QEMU's monitor on this terminal.",
    "history": "List what has been booted, and draw it.",
    "predict": "Predict a boot in milliseconds, without QEMU, by running the loader.",
    "limit": "Find the largest kernel that a loader can boot, and what fails beyond.",
    "check": "Check a loader against all that a BIOS may do that QEMU's does not.",
    "headroom": "Show how close kernels come to what loaders can boot.",
    "bisect": "Find the first bad kernel of a range, and why it is bad.",
    "factors": "Find what separates the kernels that boot from those that do not.",
    "worker": "Boot here what gates and bisections on other computers hand out.",
    "toolchain": "Make compilers of other Debian releases, to build kernels with.",
    "needle": "Cut out of a kept screen what --until-screen has to find on others.",
    "initramfs": "Write an initramfs with programs, modules and files of your own.",
    "routes": "List what can bring a kernel to a machine.",
    "example": "Write a folder with a loader that fails, a gate and tests, to try all on.",
    "explain": "Say what a cause means, what shows it, and what to do about it.",
    "doctor": "List the tools that are needed, and what to install.",
    "completion": "Print what lets a shell complete commands, options and their values.",
    "schema": "Print the JSON Schema of what commands write with --json.",
}


class _Commands(click.Group):
    """Commands by name, each in a module of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            raise click.UsageError(f"{cmd_name}: no such command: {hint(cmd_name, _COMMANDS)}", ctx)
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
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    try:
        if wanted := os.environ.get(COMPLETE):
            from click.shell_completion import shell_complete  # in a moment of its own

            raise click.exceptions.Exit(shell_complete(command, {}, _NAME, COMPLETE, wanted))
        with command.make_context(_NAME, sys.argv[1:], color=False if plain else None) as context:
            status = command.invoke(context)
        _flush()
    except click.exceptions.Exit as done:
        status = done.exit_code
    except click.UsageError as error:
        _say_usage(error)
        status = WRONG_USAGE
    except click.ClickException as error:
        _say(error.format_message())
        status = WRONG_USAGE
    except Interrupted as interrupted:
        _say(str(interrupted))
        status = INTERRUPTED
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        status = INTERRUPTED
    except CouldNotFindOut as error:
        _say(f"{error.cause}: {printable(str(error))}")
        status = COULD_NOT_FIND_OUT
    except BootHarnessError as error:
        _say(printable(str(error)))
        status = WRONG_USAGE
    except BrokenPipeError:
        # nobody reads on, and nobody is to be told so when Python flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = CUT_OFF
    except OSError as error:
        _say(str(error))
        status = COULD_NOT_FIND_OUT
    except Exception:
        import traceback  # which nobody should see

        traceback.print_exc()
        _say("this is a bug in bootharness, not in a kernel")
        status = COULD_NOT_FIND_OUT
    with suppress(OSError):
        _flush()
    # Python would take its modules apart first, for as long as it took to import them
    os._exit(status if isinstance(status, int) else 0)


def _say(text: str) -> None:
    from bootharness.report.lines import say  # when something went wrong

    say(sys.stderr, f"{_NAME}: {text}")


def _say_usage(error: click.UsageError) -> None:
    """Say what was typed wrong in one line, and where to read what is right."""
    from bootharness.cli.numbers import number_wanted  # when something went wrong

    message = error.format_message()
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        message = (
            f"no such option: {error.option_name}: {hint(error.option_name, error.possibilities)}"
        )
    message = number_wanted(error) or message
    path = error.ctx.command_path if error.ctx else _NAME
    _, _, command = path.partition(" ")
    where = f"{command}: " if command else ""
    said = message[0].lower() + message[1:].rstrip(".") if message[1:2].islower() else message
    _say(f"{where}{printable(said)} (`{path} --help` says more)")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.flush()
