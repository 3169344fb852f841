"""Where a boot ran, and what can be seen there: a cause that needs more is not claimed."""

from typing import Literal

from msgspec import Struct

__all__ = ["EMULATOR", "QEMU", "SERIAL_LINE", "Host", "Sight"]

Sight = Literal["events", "serial", "memory", "registers", "screen", "time"]
"""``events`` are those of the machine, as that it was reset and by what; ``serial`` is its line;
``memory`` and ``registers`` are to be had when it stands still; ``time`` is that of a clock."""


class Host(Struct, frozen=True):
    """What ran a boot, and what it shows."""

    name: str
    """``qemu``, ``emulator``, or ``serial line`` for a real machine."""
    shows: tuple[Sight, ...]

    def can_show(self, sight: Sight) -> bool:
        """Return whether that can be seen there."""
        return sight in self.shows


QEMU = Host("qemu", ("events", "serial", "memory", "registers", "screen", "time"))
EMULATOR = Host("emulator", ("memory", "registers", "screen"))
SERIAL_LINE = Host("serial line", ("serial", "time"))
"""A real machine: what it says, and what a recorder in it says."""
