"""The words for going back in a boot that was recorded."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gdb

from .calls import HISTORY, SITES
from .commands import Command
from .facts import FACTS, FOLDER
from .guest import GUEST, monitor, undisturbed
from .places import in_loader, linear_of, number_of

RECORDED: dict[str, Any] | None = FACTS["recorded"]
_ANSWER_S = 120
_WANTED = [0]
"""Where to stop next; 0 before the end."""
_MILESTONES = ("stage1", "handoff")


def position() -> int:
    """Return how many instructions have been executed."""
    found = re.search(r"instruction count = (\d+)", monitor("info replay"))
    if found is None:
        raise gdb.GdbError("QEMU does not say where in the recording it is.")
    return int(found[1])


def stop_before_end() -> None:
    """Have the machine stop before the recording's end, from which QEMU does not go back."""
    # `reverse-stepi` is to gdb a `stepi` in the other direction
    if RECORDED is None or "reverse" in gdb.execute("show exec-direction", to_string=True):
        return
    last = RECORDED["end"] - 1
    if position() >= last:
        raise gdb.GdbError(
            "The recording ends here. Go back: reverse-stepi, reverse-continue, back-to."
        )
    monitor(f"replay_break {min(_WANTED[0] or last, last)}")


def go_to(wanted: int) -> None:
    """Go to a position: from the beginning where it lies behind."""
    with undisturbed(), _silent():
        if wanted < position():
            gdb.execute("reverse-continue", to_string=True)
        HISTORY.forget()
        if position() < wanted:
            _WANTED[0] = wanted
            gdb.execute("continue", to_string=True)
    if position() != wanted:
        raise gdb.GdbError(f"QEMU went to instruction {position():,}, not to {wanted:,}.")


@contextmanager
def _silent() -> Iterator[None]:
    """Say nothing of stops on the way, and make none at the loader's calls, of which there are a
    thousand."""
    gdb.execute("set suppress-cli-notifications on")
    for site in SITES.values():
        site.enabled = False
    try:
        yield
    finally:
        _WANTED[0] = 0
        for site in SITES.values():
            site.enabled = True
        gdb.execute("set suppress-cli-notifications off")


def ask(*words: str) -> dict[str, Any]:
    """Ask bootharness, which plays the recording in a machine of its own."""
    if RECORDED is None:
        raise gdb.GdbError(
            "This boot was not recorded: `bootharness boot --keep` records a bad one."
        )
    done = subprocess.run(
        [*RECORDED["asks"], str(os.getpid()), *words], capture_output=True, text=True,
        timeout=_ANSWER_S, check=False, cwd=FOLDER, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise gdb.GdbError(done.stderr.strip()[-400:] or "There is no answer.")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _follow(found: dict[str, Any]) -> Iterator[str]:
    """Go where an answer leads, and say it."""
    if found["position"] is not None:
        go_to(found["position"])
    if found["sentence"]:
        yield found["sentence"]
    if found["position"] is not None:
        yield from _here()


def _here() -> Iterator[str]:
    """Show the loader's line where the machine stands; outside of it that is said before a
    prompt."""
    registers = GUEST.registers()
    if registers.flat and in_loader(registers.linear):
        yield from gdb.execute("frame", to_string=True).splitlines()


class LastWrite(Command):
    """Say who wrote a byte of memory last, and go there: before the instruction that wrote it.

    What a disk's controller wrote is told by the BIOS call that had it read; then the machine
    stays where it is.
    Usage: last-write ADDRESS | SYMBOL | SEGMENT:OFFSET"""

    name = "last-write"

    def lines(self, argument: str) -> Iterator[str]:
        linear = linear_of(_address(argument))
        yield from _follow(ask("last-write", str(linear), str(position()), argument))


class BackTo(Command):
    """Go to a block move or a BIOS call about to be made, to stage1, the handoff, or a position.

    The first move and the first call are 0; `when' says positions. It may lie ahead as well.
    Usage: back-to move NUMBER | call NUMBER | stage1 | handoff | POSITION"""

    name = "back-to"

    def lines(self, argument: str) -> Iterator[str]:
        kind, _, number = argument.partition(" ")
        if kind in ("move", "call"):
            yield from _follow(ask(kind, str(number_of(number.strip()))))
        elif argument in _MILESTONES:
            yield from _follow(ask(argument))
        else:
            go_to(number_of(argument.replace(",", "")))
            yield from _here()


class When(Command):
    """Say where in the recording the machine stands: how many instructions, and at which BIOS call.

    Usage: when"""

    name = "when"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        yield from _follow(ask("when", str(position())))


class FirstWrong(Command):
    """Go to the first write that made memory other than it should be, by the cause that was found.

    That is the first wrong byte of the descriptor, of the setup header, or of the kernel.
    Usage: first-wrong"""

    name = "first-wrong"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        yield from _follow(ask("first-wrong"))


def _address(argument: str) -> str:
    """Return an expression for a symbol's address: gdb takes an untyped one for its content."""
    symbols: dict[str, int] = FACTS["symbols"]
    name, plus, offset = argument.partition("+")
    if name.strip() in symbols:
        return f"{symbols[name.strip()]:#x}{plus}{offset}"
    return argument


BACKWARDS = (LastWrite, BackTo, When, FirstWrong) if RECORDED else ()
"""The commands of a recorded boot."""
