"""Running until something is reached, past the person's own breakpoints."""

from __future__ import annotations

from collections.abc import Callable

import gdb

from .asking import at_end
from .calls import HISTORY, WAITED_FOR
from .guest import GUEST, undisturbed


def until_address(linear: int) -> None:
    """Run until the CPU comes to a linear address."""
    _until(lambda: False, lambda: linear, f"0x{linear:06x}")


def until_move(index: int) -> None:
    """Run until a block move is about to be made, by its number from 0 on."""
    if index < len(HISTORY.moves):
        raise gdb.GdbError(f"Move {index} has been made already: the last was {_last_move()}.")
    _until(lambda: len(HISTORY.moves) > index, lambda: None, f"move {index}")


def until_handoff() -> None:
    """Run until the kernel's setup code is entered."""
    _until(
        lambda: HISTORY.kernel_entry is not None, lambda: HISTORY.kernel_entry, "the kernel's entry"
    )


def _until(at_call: Callable[[], bool], address: Callable[[], int | None], what: str) -> None:
    """Run until a call is the one, or until an address is reached that may be known only later."""
    GUEST.check_going()
    with undisturbed():
        while True:
            wanted = address()
            if wanted is not None:
                _run_to(wanted, what)
                return
            WAITED_FOR[0] = at_call
            try:
                GUEST.go()
            finally:
                WAITED_FOR[0] = lambda: False
            _check(what)
            if address() is None and at_call():
                return


def _run_to(linear: int, what: str) -> None:
    there = gdb.Breakpoint(f"*{linear:#x}", gdb.BP_HARDWARE_BREAKPOINT, internal=True)
    there.silent = True
    try:
        while True:
            registers = GUEST.go()
            if registers.linear == linear:
                return
            _check(what)
    finally:
        there.delete()


def _check(what: str) -> None:
    """Raise an error when the person has stopped the machine, or the guest has for good."""
    if at_end():
        raise gdb.GdbError(f"The recording ends before {what}.")
    if GUEST.signal == "SIGINT":
        raise gdb.GdbError(f"Interrupted before {what}.")
    if GUEST.ended():
        raise gdb.GdbError(
            f"The guest was reset or switched off before {what}: the last block move was "
            f"{_last_move()}."
        )


def _last_move() -> str:
    return str(len(HISTORY.moves) - 1) if HISTORY.moves else "none"
