"""A machine with a person's gdb: both are there until the person leaves."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.deadline import Deadline
from harness.debug.scene import GDB
from harness.errors import MachineLost, ToolMissing, UsageError
from harness.machine.machine import Machine
from harness.tty import as_it_was

__all__ = ["VIEWS", "in_terminal", "until_interrupted"]

VIEWS = ("plain", "tui", "emacs", "attach")
_TICK_S = 1.0
_PR_SET_PDEATHSIG = 1


def in_terminal(machine: Machine, folder: Path, view: str) -> None:
    """Give the terminal to gdb until it is left.

    Raises ToolMissing where it is not installed, UsageError for a window on no terminal.
    """
    if view != "plain" and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"--{view} needs a terminal")
    with as_it_was(), _interrupts_are_gdbs():
        try:
            gdb = subprocess.Popen(_argv(view), cwd=folder, preexec_fn=_end_with_us)  # noqa: PLW1509
        except FileNotFoundError as error:
            raise ToolMissing(
                f"{error.filename} is not installed: `apt-get install {error.filename}` brings it"
            ) from None
        try:
            _attend(machine, os.pidfd_open(gdb.pid))
            gdb.wait()
        finally:
            gdb.kill()
            gdb.wait()


def until_interrupted(machine: Machine, invitation: str) -> None:
    """Let others attach until Ctrl-C, or until QEMU has been ended by one of them."""
    with suppress(KeyboardInterrupt):
        print(invitation, flush=True)
        _attend(machine, -1)


def _argv(view: str) -> list[str]:
    if view == "emacs":
        gdb = " ".join([GDB[0], "-i=mi", *GDB[1:]])
        return ["emacs", "--eval", f'(progn (setq gdb-many-windows t) (gdb "{gdb}"))']
    windows = ["-ex", "layout src", "-ex", "tui reg general"] if view == "tui" else []
    home = f"cd {Path.cwd()}"  # where the person is, once the script has found its files
    return [*GDB, "-ex", f"python gdb.execute({home!r}, to_string=True)", *windows]


def _attend(machine: Machine, end: int) -> None:
    """Take in what the machine says until a file is readable, or until QEMU is gone."""
    others = [end] if end >= 0 else []
    with suppress(MachineLost):
        while not any(_readable(each) for each in others):
            machine.wait(Deadline.after(_TICK_S), *others)
            machine.serial.take()
            machine.events()


def _readable(file: int) -> bool:
    import select

    return bool(select.select([file], [], [], 0)[0])


def _end_with_us() -> None:
    """In the child: die when the harness does, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def _interrupts_are_gdbs() -> Iterator[None]:
    """Leave Ctrl-C to gdb: it stops the machine, and must not end us."""
    # a handler and not SIG_IGN, which gdb would inherit
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
