"""A machine with a person's gdb: both are there until the person leaves."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from bootharness.debug.scene import GDB
from bootharness.errors import MachineLost, UsageError
from bootharness.host.deadline import Deadline
from bootharness.host.rights import end_with
from bootharness.host.terminal import as_it_was
from bootharness.host.tool import Tool
from bootharness.machine.machine import Machine

__all__ = ["in_terminal", "until_interrupted"]

_TICK_S = 1.0
_SILENT_S = 30.0
"""After which QEMU answers no more: it is asked while it plays, too, on a busy host."""


def in_terminal(machine: Machine, folder: Path, view: str) -> None:
    """Give the terminal to gdb until it is left; ``view`` is ``plain``, ``tui`` or ``emacs``.

    Raises ToolMissing where it is not installed, UsageError for a window on no terminal.
    """
    if view != "plain" and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"--{view} needs a terminal")
    with as_it_was(), _interrupts_are_gdbs():
        try:
            ends = partial(end_with, os.getpid())
            gdb = subprocess.Popen(_argv(view), cwd=folder, preexec_fn=ends)  # noqa: PLW1509
        except FileNotFoundError as error:
            raise Tool(error.filename, error.filename).missing() from None
        end = os.pidfd_open(gdb.pid)
        try:
            _attend(machine, end)
            gdb.wait()
        finally:
            gdb.kill()
            gdb.wait()
            os.close(end)


def until_interrupted(machine: Machine, invitation: str) -> None:
    """Let others attach until Ctrl-C, or until QEMU has been ended by one of them."""
    with suppress(KeyboardInterrupt):
        print(invitation, flush=True)
        _attend(machine)


def _argv(view: str) -> list[str]:
    if view == "emacs":
        gdb = " ".join([GDB[0], "-i=mi", *GDB[1:]])
        return ["emacs", "--eval", f'(progn (setq gdb-many-windows t) (gdb "{gdb}"))']
    windows = ["-ex", "layout src", "-ex", "tui reg general"] if view == "tui" else []
    home = f"cd {Path.cwd()}"  # where the person is, once the script has found its files
    return [*GDB, "-ex", f"python gdb.execute({home!r}, to_string=True)", *windows]


def _attend(machine: Machine, *ends: int) -> None:
    """Take in what the machine says until a file is readable, or until QEMU is gone. One that plays
    a recording and stands still for ever on its way back is ended: gdb would wait for it."""
    with suppress(MachineLost):
        while not select.select(ends, [], [], 0)[0]:
            machine.wait(Deadline.after(_TICK_S), *ends)
            machine.serial.take()
            machine.events()
            if machine.qemu.tape and machine.qmp.keeps_silent(ends, Deadline.after(_SILENT_S)):
                machine.qemu.kill()


@contextmanager
def _interrupts_are_gdbs() -> Iterator[None]:
    """Leave Ctrl-C to gdb: it stops the machine, and must not end us."""
    # a handler and not SIG_IGN, which gdb would inherit
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
