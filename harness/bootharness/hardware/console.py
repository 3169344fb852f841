"""A real machine's serial line on a person's terminal."""

import os
import select
import sys
from contextlib import ExitStack

from bootharness.hardware.desk import Desk
from bootharness.hardware.lines import open_line
from bootharness.hardware.machines import HardwareMachine
from bootharness.hardware.taken import Taken
from bootharness.host.terminal import raw

__all__ = ["console"]

_LEAVE = b"\x1d"
_KEYS_BYTES = 1024
_TICK_S = 0.05


def console(machine: HardwareMachine, *, power: bool) -> None:
    """Pass keys to a machine and its bytes to the terminal, until Ctrl-] or the input's end.

    With ``power`` it is switched on, and off at the end. Raises what `Desk` does.
    """
    with ExitStack() as stack:
        if power:
            desk = stack.enter_context(Desk(machine)).on()
            line = desk.line
        else:
            stack.enter_context(Taken(machine))
            line = open_line(machine)
            stack.callback(line.close)
        stack.enter_context(raw())
        keys, shown = sys.stdin.fileno(), sys.stdout.buffer
        while True:
            if came := line.read(_TICK_S):
                shown.write(came)
                shown.flush()
            if select.select([keys], [], [], 0)[0]:
                typed = os.read(keys, _KEYS_BYTES)
                line.write(typed.partition(_LEAVE)[0])
                if not typed or _LEAVE in typed:
                    return
