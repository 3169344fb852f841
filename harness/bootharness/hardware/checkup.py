"""Whether a machine is there: its line, its plug, and, where somebody wants to know, its disk.

Nothing is switched but to ask for the disk.
"""

from collections.abc import Iterator

from bootharness.errors import CouldNotFindOut
from bootharness.hardware.addresses import without_password
from bootharness.hardware.lines import open_line
from bootharness.hardware.machines import HardwareMachine
from bootharness.hardware.plugs import open_plug
from bootharness.hardware.taken import Taken
from bootharness.hardware.write_disk import see_disk

__all__ = ["checkup"]


def checkup(machine: HardwareMachine, *, disk: bool = False) -> Iterator[tuple[bool, str]]:
    """Yield what is found, each with whether it is fine; its ``disk`` is asked for by booting."""
    try:
        with Taken(machine):
            yield from _looked_at(machine)
        if disk:
            yield True, f"disk {see_disk(machine)}"
    except CouldNotFindOut as error:
        yield False, str(error)


def _looked_at(machine: HardwareMachine) -> Iterator[tuple[bool, str]]:
    try:
        open_line(machine).close()
        yield True, f"line {machine.line} is there"
    except CouldNotFindOut as error:
        yield False, f"line {error}"
    try:
        plug = open_plug(machine.plug)
        state, watts = plug.state(), plug.watts()
        said = {True: "is on", False: "is off", None: "cannot be read back"}[state]
        drawn = "" if watts is None else f", and {watts:g} W are drawn"
        yield True, f"plug {without_password(machine.plug)} {said}{drawn}"
    except CouldNotFindOut as error:
        yield False, f"plug {error}"
