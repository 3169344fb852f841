"""The input and output ports that a loader may touch: A20, keyboard controller, serial line."""

from collections.abc import Callable, Collection

from bootharness.predictor.ending import Ended
from bootharness.predictor.memory import Memory
from bootharness.predictor.quirks import A20_GATES
from bootharness.trace.boot_trace import RESET_BY

__all__ = ["Ports"]

_KEYBOARD_STATUS, _KEYBOARD_DATA = 0x64, 0x60
_WRITE_OUTPUT_PORT, _A20_OFF, _A20_ON = 0xD1, 0xDD, 0xDF
_FAST_A20, _FAST_RESET, _A20_BIT = 0x92, 0x01, 0x02
_RESET_PULSE = 0xFE
_RESET_CONTROL, _HARD_RESET = 0xCF9, 0x04
_COM1, _LINE_CONTROL, _LINE_STATUS = 0x3F8, 0x3FB, 0x3FD
_DIVISOR_LATCH = 0x80
_TRANSMITTER_EMPTY = 0x60
_ACPI_CONTROL, _SLEEP = 0x604, 0x2000
_SLEEPS = {0: "guest-shutdown", 1: "guest-suspended"}
"""By the sleep type in bits 10 to 12."""
_OPEN = 0xFFFF_FFFF
# what is as a loader expects: interrupt controllers, which are only masked here, keyboard
# controller, the places for waiting, NMI mask, A20, serial line, reset and power
_WHOLE = frozenset(
    (0x20, 0x21, 0xA0, 0xA1, _KEYBOARD_DATA, _KEYBOARD_STATUS, 0x61, 0x70, 0x80, 0xED, 0xEE,
     _FAST_A20, 0x3DA, *range(_COM1, _COM1 + 8), _RESET_CONTROL, _ACPI_CONTROL)
)  # fmt: skip


class Ports:
    """A PC's ports; what is written to COM1 is kept in ``serial``.

    ``foreign`` is the first that was touched of those that only a real machine has whole.
    """

    def __init__(self, memory: Memory, a20_gates: Collection[str] = A20_GATES) -> None:
        self._a20_gates = a20_gates
        self.serial = bytearray()
        self.foreign: int | None = None
        self._memory = memory
        self._command = 0
        self._divisor = False
        self._flip = 0
        self._read: dict[int, Callable[[], int]] = {
            _FAST_A20: lambda: _A20_BIT if memory.a20 else 0,
            _KEYBOARD_STATUS: lambda: 0x1C,  # ready for a command, no data
            _KEYBOARD_DATA: lambda: 0,
            0x61: self._toggle,  # memory refresh
            0x3DA: self._toggle,  # vertical retrace
            0x40: self._count,
            _LINE_STATUS: lambda: _TRANSMITTER_EMPTY,
        }

    def read(self, port: int, size: int) -> int:
        """Return what is read from a port, all ones where there is nothing."""
        self._touched(port)
        return self._read.get(port, lambda: _OPEN)() & (1 << 8 * size) - 1

    def write(self, port: int, value: int) -> None:
        """Write to a port. Raises Ended when that resets the machine or switches it off."""
        self._touched(port)
        if (port, value) == (_KEYBOARD_STATUS, _RESET_PULSE):
            raise Ended("guest-reset", RESET_BY[_KEYBOARD_STATUS])
        if port == _FAST_A20 and value & _FAST_RESET:
            raise Ended("guest-reset", RESET_BY[_FAST_A20])
        self._gate(port, value)
        if port == _RESET_CONTROL and value & _HARD_RESET:
            raise Ended("guest-reset", RESET_BY[_RESET_CONTROL])
        if port == _ACPI_CONTROL and value & _SLEEP and (kind := _SLEEPS.get(value >> 10 & 7)):
            raise Ended(kind)
        if port == _LINE_CONTROL:
            self._divisor = bool(value & _DIVISOR_LATCH)
        elif port == _COM1 and not self._divisor:
            self.serial.append(value & 0xFF)

    def _touched(self, port: int) -> None:
        if self.foreign is None and port not in _WHOLE:
            self.foreign = port

    def _gate(self, port: int, value: int) -> None:
        """Open or close the A20 gate where that is what a write means."""
        if port == _FAST_A20:
            if "port 92h" in self._a20_gates:
                self._memory.gate_a20(opened=bool(value & _A20_BIT))
        elif "the keyboard controller" not in self._a20_gates:
            return
        elif port == _KEYBOARD_STATUS:
            self._command = value
            if value in (_A20_OFF, _A20_ON):
                self._memory.gate_a20(opened=value == _A20_ON)
        elif port == _KEYBOARD_DATA and self._command == _WRITE_OUTPUT_PORT:
            self._memory.gate_a20(opened=bool(value & _A20_BIT))

    def _toggle(self) -> int:
        self._flip ^= 0xFF
        return self._flip

    def _count(self) -> int:
        self._flip += 1
        return -self._flip & 0xFF
