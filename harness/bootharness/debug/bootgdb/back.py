"""The words for going back in a boot that was recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gdb

from .asking import BEGINS_HERE, ENDS_HERE, RECORDED, ask, at_end, position
from .calls import HISTORY, watch_calls
from .commands import Command
from .facts import FACTS
from .guest import GUEST, monitor, undisturbed
from .places import in_loader, linear_of, number_of
from .wrapping import wrapped

_WANTED = [0]
"""Where to stop next; 0 before the end."""
_STOOD = [0]
"""Where the machine stood when it was last seen."""
_BACK = [""]
"""The command that has it go back, empty where it does not."""
_BOOKMARKS: list[int] = []
_MOST_BOOKMARKS = 4
_FAR, _SHORT_OF = 50_000_000, 2_000_000
"""A UEFI's boot has a thousand millions of instructions, and a second is some tens of millions."""
_MILESTONES = ("stage1", "handoff")


def going(command: str) -> None:
    """Take note of which way a command has the machine run."""
    # `reverse-stepi` is to gdb a `stepi` in the other direction
    direction = gdb.execute("show exec-direction", to_string=True)
    back = command.startswith("reverse-") or "Reverse" in direction
    _BACK[0] = command if RECORDED and back else ""


def before_running() -> None:
    """Have the machine stop before the recording's end, from which QEMU does not go back; and on
    its way back at nothing but what the person wants."""
    if RECORDED is None:
        return
    if _BACK[0]:
        if not position():
            raise gdb.GdbError(f"{BEGINS_HERE}.")
        HISTORY.forget()
        watch_calls(watch=False)
        return
    watch_calls(watch=not _WANTED[0])
    if at_end():
        raise gdb.GdbError(f"{ENDS_HERE}.")
    last = RECORDED["end"] - 1
    monitor(f"replay_break {min(_WANTED[0] or last, last)}")


def stopped() -> Iterator[str]:
    """Take note of where the machine stands, and say what it stopped for where gdb cannot tell: on
    the way back QEMU does not say that it was a watchpoint."""
    if RECORDED is None:
        return
    _STOOD[0] = position()
    by_other = GUEST.at_breakpoint or GUEST.signal or not GUEST.watches()
    if _BACK[0].endswith("continue") and not by_other and _STOOD[0]:
        yield wrapped(
            "A watchpoint: the instruction before this place has written there; `reverse-stepi' "
            "goes before it."
        )
    _BACK[0] = ""


def lost() -> Iterator[str]:
    """Say, once, that the machine of a recording is gone, and how to go on from where it stood."""
    if RECORDED is None or not _STOOD[0]:
        return
    why = ""
    if _BACK[0]:
        why = (
            ": on its way back it waits for ever, at times, for a disk that it resets in the "
            "middle of a read"
        )
    yield wrapped(f"QEMU no longer answers{why}. This opens the recording where it stood:")
    yield f"  {RECORDED['again']} {_STOOD[0]}"
    _STOOD[0] = 0


def go_to(wanted: int) -> None:
    """Go to a position: from the beginning where it lies behind, or where what is recorded does not
    go on the same from a stop."""
    last = RECORDED["end"] - 1 if RECORDED else 0
    goes_on = not RECORDED or RECORDED["goes_on"]
    if wanted > last:
        raise gdb.GdbError(f"The recording's last position is {last:,}.")
    with undisturbed(), _silent():
        here = position()
        if wanted < here or (wanted > here > 0 and not goes_on):
            gdb.execute("reverse-continue", to_string=True)
        HISTORY.forget()
        if goes_on and wanted - position() > _FAR:
            _ahead(wanted - _SHORT_OF)
            _bookmark()
        _ahead(wanted)
    _BACK[0] = ""
    if position() != wanted:
        raise gdb.GdbError(f"QEMU went to instruction {position():,}, not to {wanted:,}.")


def _ahead(wanted: int) -> None:
    """Go on to a position, if it lies ahead."""
    if position() < wanted:
        _WANTED[0] = wanted
        gdb.execute("continue", to_string=True)


def _bookmark() -> None:
    """Keep the machine as it stands here, a few times: QEMU goes back from the last one before, and
    else from the beginning. It does not while a disk is at work."""
    if len(_BOOKMARKS) < _MOST_BOOKMARKS and position() not in _BOOKMARKS:
        _BOOKMARKS.append(position())
        monitor(f"savevm at-{position()}")


@contextmanager
def _silent() -> Iterator[None]:
    """Say nothing of stops on the way, and make none at the loader's calls, of which there are a
    thousand."""
    gdb.execute("set suppress-cli-notifications on")
    watch_calls(watch=False)
    try:
        with _nothing_written():
            yield
    finally:
        _WANTED[0] = 0
        watch_calls(watch=True)
        gdb.execute("set suppress-cli-notifications off")


@contextmanager
def _nothing_written() -> Iterator[None]:
    """Have gdb write nothing: what signal it takes a stop for it tells every terminal. Windows are
    drawn by what is written, and so it stays with them."""
    if "not active" not in gdb.execute("info win", to_string=True):
        yield
        return
    gdb.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        gdb.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def follow(found: dict[str, Any]) -> Iterator[str]:
    """Go where an answer leads, and say it."""
    if found["position"] is not None:
        go_to(found["position"])
    if found["sentence"]:
        yield wrapped(found["sentence"])
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
        yield from follow(ask("last-write", str(linear), str(position()), argument))


class BackTo(Command):
    """Go to a block move or a BIOS call about to be made, to stage1, the handoff, or a position.

    The first move and the first call are 0; `when' says positions. It may lie ahead as well.
    Usage: back-to move NUMBER | call NUMBER | stage1 | handoff | POSITION"""

    name = "back-to"

    def lines(self, argument: str) -> Iterator[str]:
        kind, _, number = argument.partition(" ")
        if kind in ("move", "call"):
            yield from follow(ask(kind, str(number_of(number.strip()))))
        elif argument in _MILESTONES:
            yield from follow(ask(argument))
        else:
            go_to(number_of(argument.replace(",", "")))
            yield from _here()


class UntilMove(BackTo):
    """Go to a block move about to be made, by its number; the first one is 0.

    It may lie behind as well: `back-to move' is the same.
    Usage: until-move NUMBER"""

    name = "until-move"

    def lines(self, argument: str) -> Iterator[str]:
        yield from super().lines(f"move {argument}")


class UntilHandoff(BackTo):
    """Go to the kernel's entry, the first instruction of its setup code.

    It may lie behind as well: `back-to handoff' is the same.
    Usage: until-handoff"""

    name = "until-handoff"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        yield from super().lines("handoff")


class When(Command):
    """Say where in the recording the machine stands: how many instructions, and at which BIOS call.

    Usage: when"""

    name = "when"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        yield from follow(ask("when", str(position())))


class FirstWrong(Command):
    """Go to the first write that made memory other than it should be, by the cause that was found.

    That is the first wrong byte of the descriptor, of the setup header, or of the kernel.
    Usage: first-wrong"""

    name = "first-wrong"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        yield from follow(ask("first-wrong"))


def _address(argument: str) -> str:
    """Return an expression for a symbol's address: gdb takes an untyped one for its content."""
    symbols: dict[str, int] = FACTS["symbols"]
    name, plus, offset = argument.partition("+")
    if name.strip() in symbols:
        return f"{symbols[name.strip()]:#x}{plus}{offset}"
    return argument


BACKWARDS = (LastWrite, BackTo, UntilMove, UntilHandoff, When, FirstWrong) if RECORDED else ()
"""The commands of a recorded boot, of which two take the place of others."""
