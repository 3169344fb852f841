"""The input and output ports that a loader may touch: A20, keyboard controller, serial line."""

from collections.abc import Callable

from bootharness.predictor.ending import Ended
from bootharness.trace.boot_trace import RESET_BY

__all__ = ["Ports"]

_KEYBOARD_STATUS, _KEYBOARD_DATA = 0x64, 0x60
_A20_ON = 0x02
_RESET_PULSE = 0xFE
_RESET_CONTROL, _HARD_RESET = 0xCF9, 0x04
_COM1, _LINE_CONTROL, _LINE_STATUS = 0x3F8, 0x3FB, 0x3FD
_DIVISOR_LATCH = 0x80
_TRANSMITTER_EMPTY = 0x60
_SYSTEM_CONTROL, _FAST_RESET = 0x92, 0x01
_ACPI_CONTROL, _SLEEP = 0x604, 0x2000
_SLEEPS = {0: "guest-shutdown", 1: "guest-suspended"}
"""By the sleep type in bits 10 to 12."""
_OPEN = 0xFFFF_FFFF


class Ports:
    """A PC's ports; what is written to COM1 is kept in ``serial``."""

    def __init__(self) -> None:
        self.serial = bytearray()
        self._divisor = False
        self._flip = 0
        self._read: dict[int, Callable[[], int]] = {
            0x92: lambda: _A20_ON,
            _KEYBOARD_STATUS: lambda: 0x1C,  # ready for a command, no data
            _KEYBOARD_DATA: lambda: 0,
            0x61: self._toggle,  # memory refresh
            0x3DA: self._toggle,  # vertical retrace
            0x40: self._count,
            _LINE_STATUS: lambda: _TRANSMITTER_EMPTY,
        }

    def read(self, port: int, size: int) -> int:
        """Return what is read from a port, all ones where there is nothing."""
        return self._read.get(port, lambda: _OPEN)() & (1 << 8 * size) - 1

    def write(self, port: int, value: int) -> None:
        """Write to a port. Raises Ended when that resets the machine or switches it off."""
        if (port, value) == (_KEYBOARD_STATUS, _RESET_PULSE):
            raise Ended("guest-reset", RESET_BY[_KEYBOARD_STATUS])
        if port == _RESET_CONTROL and value & _HARD_RESET:
            raise Ended("guest-reset", RESET_BY[_RESET_CONTROL])
        if port == _SYSTEM_CONTROL and value & _FAST_RESET:
            raise Ended("guest-reset", RESET_BY[_SYSTEM_CONTROL])
        if port == _ACPI_CONTROL and value & _SLEEP and (kind := _SLEEPS.get(value >> 10 & 7)):
            raise Ended(kind)
        if port == _LINE_CONTROL:
            self._divisor = bool(value & _DIVISOR_LATCH)
        elif port == _COM1 and not self._divisor:
            self.serial.append(value & 0xFF)

    def _toggle(self) -> int:
        self._flip ^= 0xFF
        return self._flip

    def _count(self) -> int:
        self._flip += 1
        return -self._flip & 0xFF
