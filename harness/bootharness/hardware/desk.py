"""A real machine for one run: locked, its line open, its power switched, and off at the end."""

import select
from contextlib import ExitStack
from typing import Self

from bootharness.errors import LineLost, PlugFailed
from bootharness.hardware.addresses import without_password
from bootharness.hardware.janitor import Janitor
from bootharness.hardware.line import Line
from bootharness.hardware.lines import open_line
from bootharness.hardware.machines import HardwareMachine
from bootharness.hardware.plugs import open_plug, switch
from bootharness.hardware.taken import Taken
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline

__all__ = ["Desk"]

_QUIET_S, _DRAINED_S = 0.3, 5.0
_NO_CURRENT_S, _LOOK_S, _NOTHING_W = 10.0, 0.25, 1.0
"""Of a plug that is off: for how long it may still report what was drawn before, and how much it
may report for nothing."""


class Desk(Closing):
    """Use as a context manager. It is off at first, and off when it is over, also after a kill.

    Raises MachineTaken where another run has it, LineLost and PlugFailed where it is not to be
    had, ToolMissing without what they take.
    """

    line: Line

    def __init__(self, machine: HardwareMachine, *, wait: Deadline | None = None) -> None:
        self.machine = machine
        self._measures = True
        with ExitStack() as stack:
            taken = stack.enter_context(Taken(machine, wait))
            self._plug = open_plug(machine.plug)
            # the line first: what is said before it is open is lost
            self.line = open_line(machine)
            stack.callback(self.line.close)
            stack.enter_context(Janitor(machine.plug, taken))
            stack.callback(self._off_at_last)
            self._switch(on=False)
            self._stack = stack.pop_all()

    def on(self) -> Self:
        """Switch it on, after it was off for as long as it takes, with nothing old on the line."""
        off = Deadline.after(self.machine.off_seconds)
        limit = Deadline.after(self.machine.off_seconds + _DRAINED_S)
        while (came := self.line.read(max(_QUIET_S, off.remaining))) or not off.expired:
            if came and limit.expired:
                raise LineLost(
                    f"{self.machine.line}: bytes come while {self.machine.name} is off: see that "
                    "it is this machine's line, and this machine's plug"
                )
        self._switch(on=True)
        return self

    def off(self) -> None:
        """Switch it off."""
        self._switch(on=False)

    def is_on(self) -> bool | None:
        """Return what the plug says, None where it says nothing."""
        return self._plug.state()

    def watts(self) -> float | None:
        """Return what it draws, None where the plug does not say."""
        if not self._measures:
            return None
        try:
            watts = self._plug.watts()
        except PlugFailed:
            watts = None
        self._measures = watts is not None
        return watts

    def close(self) -> None:
        """Switch it off, and give back line and lock."""
        self._stack.close()

    def _switch(self, *, on: bool) -> None:
        switch(self._plug, self.machine.plug, on)
        deadline = Deadline.after(_NO_CURRENT_S)
        while not on and (watts := self.watts()) is not None and watts > _NOTHING_W:
            if deadline.expired:
                raise PlugFailed(
                    f"{without_password(self.machine.plug)}: it says that it is off, and "
                    f"{watts:g} W are drawn through it: does its relay stick?"
                )
            select.select([], [], [], min(_LOOK_S, deadline.remaining))

    def _off_at_last(self) -> None:
        try:
            self._switch(on=False)
        except PlugFailed as error:
            raise PlugFailed(f"{self.machine.name} may still be on: {error}") from error
