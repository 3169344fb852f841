"""INT 15h as SeaBIOS answers it on QEMU's pc: src/system.c, and measured."""

import struct
from collections.abc import Callable

from bootharness.formats.bioscall import CARRY
from bootharness.predictor.block_move import block_move
from bootharness.predictor.ending import not_emulated
from bootharness.predictor.frame import Frame
from bootharness.predictor.memory import HIGH, Memory
from bootharness.predictor.quirks import Quirks
from bootharness.trace.bioses import BiosModel

__all__ = ["SystemServices"]

_LOW_END = 0xA0000
_UNSUPPORTED = 0x86
_PARITY_ERROR, _INTERRUPT_ERROR = 0x01, 0x02
_BY_BIOS = "INT 15h AX=2401h"
_SMAP = 0x534D4150
_MIB = 1 << 20
# ACPI tables and what else SeaBIOS keeps at the top of memory
_RESERVED_BYTES = 0x21000
_RAM, _RESERVED = 1, 2
_ENTRY = struct.Struct("<QQI")
_CONFIGURATION = (0xF000, 0xE6F5)


class SystemServices:
    """INT 15h of a machine with so much memory and such a BIOS."""

    def __init__(self, memory: Memory, model: BiosModel, quirks: Quirks) -> None:
        self._until_failure = quirks.failing_move
        self._quirks = quirks
        self._ebda = quirks.low_kib * 1024
        self._memory = memory
        self._model = model
        usable = memory.size - _RESERVED_BYTES
        self._usable = usable
        self._map = (
            (0, self._ebda, _RAM),
            (self._ebda, _LOW_END - self._ebda, _RESERVED),
            (0xF0000, 0x10000, _RESERVED),
            (HIGH, usable - HIGH, _RAM),
            (usable, _RESERVED_BYTES, _RESERVED),
            (0xFFFC0000, 0x40000, _RESERVED),
        )
        self._services: dict[int, Callable[[Frame], None]] = {
            0x24: self._a20_gate,
            0x4F: lambda frame: frame.set_flag(CARRY, on=True),
            0x52: _succeed,
            0x53: _power_management,
            0x86: _succeed,
            0x87: self._block_move,
            0x88: self._extended_memory,
            0x90: lambda _: None,
            0x91: lambda _: None,
            0xC0: _configuration,
            0xC1: self._extended_data_area,
            0xE8: self._memory_size,
        }

    def serve(self, frame: Frame) -> None:
        """Answer a call."""
        if frame.ah in (0x5F, 0x7F, 0x83, 0x89, 0xC2):
            raise not_emulated(f"INT 15h AH={frame.ah:02x}h")
        self._services.get(frame.ah, _unsupported)(frame)

    def _block_move(self, frame: Frame) -> None:
        if self._until_failure == 0:
            frame.answer(_PARITY_ERROR)
            return
        if self._until_failure:
            self._until_failure -= 1
        if frame.cx > self._quirks.most_words:
            frame.answer(_INTERRUPT_ERROR)
            return
        block_move(self._memory, frame, self._model)
        if self._quirks.move_closes_a20:
            self._memory.gate_a20(opened=False)

    def _a20_gate(self, frame: Frame) -> None:
        if frame.al > 3 or _BY_BIOS not in self._quirks.a20_gates:
            _unsupported(frame)
            return
        if frame.al < 2:
            self._memory.gate_a20(opened=bool(frame.al))
        elif frame.al == 2:
            frame.al = self._memory.a20
        else:
            frame.bx = 3
        frame.answer(0)

    def _extended_data_area(self, frame: Frame) -> None:
        frame.es = self._ebda >> 4
        frame.set_flag(CARRY, on=False)

    def _extended_memory(self, frame: Frame) -> None:
        kib = (self._usable - HIGH) // 1024
        frame.ax = 63 * 1024 if self._usable > 64 * _MIB else kib
        frame.set_flag(CARRY, on=False)

    def _memory_size(self, frame: Frame) -> None:
        if frame.al == 0x20:
            self._memory_map(frame)
        elif frame.al == 0x01:
            low = min(self._usable - HIGH, 15 * _MIB) // 1024
            high = max(self._usable - 16 * _MIB, 0) // 0x10000
            frame.ax = frame.cx = low
            frame.bx = frame.dx = high
            frame.set_flag(CARRY, on=False)
        else:
            _unsupported(frame)

    def _memory_map(self, frame: Frame) -> None:
        index = frame.bx
        if frame.edx != _SMAP or index >= len(self._map) or frame.ecx < _ENTRY.size:
            _unsupported(frame)
            return
        self._memory.write(frame.far(frame.es, frame.edi), _ENTRY.pack(*self._map[index]))
        frame.ebx = 0 if index == len(self._map) - 1 else frame.ebx + 1
        frame.eax, frame.ecx = _SMAP, _ENTRY.size
        frame.set_flag(CARRY, on=False)


def _succeed(frame: Frame) -> None:
    frame.answer(0)


def _unsupported(frame: Frame) -> None:
    frame.answer(_UNSUPPORTED)


def _power_management(frame: Frame) -> None:
    if frame.al:
        raise not_emulated(f"INT 15h AX=53{frame.al:02x}h (APM)")
    frame.ax, frame.bx, frame.cx = 0x0102, 0x504D, 0x0003
    frame.set_flag(CARRY, on=False)


def _configuration(frame: Frame) -> None:
    frame.es, frame.bx = _CONFIGURATION
    frame.answer(0)
