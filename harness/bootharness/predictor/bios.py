"""The BIOS: what each interrupt answers, and what lies in memory when it enters a boot sector."""

import struct
from collections.abc import Callable

from bootharness.formats.bioscall import CARRY
from bootharness.predictor.disk_services import Arrived, DiskServices
from bootharness.predictor.ending import Ended, not_emulated
from bootharness.predictor.frame import ZERO, Frame
from bootharness.predictor.memory import ROM, Memory
from bootharness.predictor.quirks import Quirks
from bootharness.predictor.sectors import Sectors
from bootharness.predictor.system_services import SystemServices
from bootharness.trace.bioses import BiosModel

__all__ = ["RESET_VECTOR", "ROM_SEGMENT", "BiosServices"]

ROM_SEGMENT = 0xF000
RESET_VECTOR = 0xFFFF0

_HLT = b"\xf4"
_RETURN = b"\xca\x02\x00"
"""RETF 2: back from an interrupt, with the flags as they are."""
_IRET_AT = 0xFF53
# where a PC's BIOS has had most of its services since 1981
_ENTRIES = {
    0x10: 0xF065,
    0x11: 0xF84D,
    0x12: 0xF841,
    0x13: 0xE3FE,
    0x14: 0xE739,
    0x15: 0xF859,
    0x16: 0xE82E,
    0x17: 0xEFD2,
    0x18: 0xE000,
    0x19: 0xE6E0,
    0x1A: 0xFE6E,
}
_CONFIGURATION_AT = 0xE6F5
_CONFIGURATION = bytes.fromhex("0800 fc 00 01 74 40 00 00 00")

_EQUIPMENT = 0x0226
_TEXT_MODE, _COLUMNS, _ROWS = 3, 80, 25
_EBDA_AT, _LOW_KIB_AT, _TICKS_AT = 0x40E, 0x413, 0x46C
# BIOS data area
_DATA_AREA = (
    (0x410, "<H", _EQUIPMENT),
    (0x449, "<B", _TEXT_MODE),
    (0x44A, "<H", _COLUMNS),
    (0x463, "<H", 0x3D4),
    (0x475, "<B", 1),
    (0x476, "<B", 0xC0),
    (0x484, "<B", _ROWS - 1),
)
_POLLS_PER_TICK = 16


class BiosServices:
    """One BIOS on one machine; ``ticks`` of its clock pass only when somebody waits."""

    def __init__(
        self,
        memory: Memory,
        disk: Sectors,
        model: BiosModel,
        quirks: Quirks,
        arrived: Arrived,
    ) -> None:
        self._memory = memory
        self._polls = 0
        self._low_kib = quirks.low_kib
        self._services: dict[int, Callable[[Frame], None]] = {
            0x10: _video,
            0x11: _equipment,
            0x12: self._low_memory,
            0x13: DiskServices(memory, disk, quirks, arrived).serve,
            0x14: _serial_port,
            0x15: SystemServices(memory, model, quirks).serve,
            0x16: self._keyboard,
            0x17: _printer,
            0x18: _boot_failed,
            0x19: _bootstrap,
            0x1A: self._clock,
        }
        self._vectors = {
            number: struct.pack("<HH", _ENTRIES.get(number, _IRET_AT), ROM_SEGMENT)
            for number in range(256)
        }
        self._fill_memory()

    def _fill_memory(self) -> None:
        low = self._memory.low
        low[: 256 * 4] = b"".join(self._vectors.values())
        sizes = ((_EBDA_AT, "<H", self._low_kib << 6), (_LOW_KIB_AT, "<H", self._low_kib))
        for at, form, value in (*_DATA_AREA, *sizes):
            struct.pack_into(form, low, at, value)
        low[ROM.start : ROM.stop] = _HLT * len(ROM)  # whoever strays in here is stopped
        for number, offset in _ENTRIES.items():
            stub = bytes((0xCD, number)) + _RETURN
            low[ROM_SEGMENT * 16 + offset : ROM_SEGMENT * 16 + offset + len(stub)] = stub
        low[ROM_SEGMENT * 16 + _IRET_AT] = 0xCF
        start = ROM_SEGMENT * 16 + _CONFIGURATION_AT
        low[start : start + len(_CONFIGURATION)] = _CONFIGURATION

    def has(self, number: int) -> bool:
        """Whether an interrupt is a service, not one that does nothing."""
        return number in self._services

    def replaced(self, number: int) -> bool:
        """Whether somebody has put a handler of his own in the interrupt's place."""
        return self._memory.low[number * 4 : number * 4 + 4] != self._vectors[number]

    def serve(self, number: int, frame: Frame) -> None:
        """Answer an interrupt. Raises Ended when it does not come back."""
        self._services[number](frame)

    def tick(self, ticks: int = 1) -> None:
        """Let time pass: 18.2 ticks are a second."""
        now = self.ticks + ticks
        self._memory.low[_TICKS_AT : _TICKS_AT + 4] = (now & 0xFFFFFFFF).to_bytes(4, "little")

    @property
    def ticks(self) -> int:
        """Ticks since midnight."""
        return int.from_bytes(self._memory.low[_TICKS_AT : _TICKS_AT + 4], "little")

    def _low_memory(self, frame: Frame) -> None:
        frame.ax = self._low_kib

    def _keyboard(self, frame: Frame) -> None:
        match frame.ah:
            case 0x00 | 0x10 | 0x20:
                raise Ended("waits-for-key")
            case 0x01 | 0x11 | 0x21:
                self._poll()
                frame.set_flag(ZERO, on=True)
            case 0x02 | 0x05:
                frame.al = 0
            case 0x12:
                frame.ax = 0

    def _clock(self, frame: Frame) -> None:
        match frame.ah:
            case 0x00:
                self._poll()
                frame.cx, frame.dx, frame.al = self.ticks >> 16, self.ticks, 0
            case 0x01:
                now = (frame.cx << 16 | frame.dx).to_bytes(4, "little")
                self._memory.low[_TICKS_AT : _TICKS_AT + 4] = now
            case 0x02:
                frame.cx = frame.dx = 0
            case 0x04:
                frame.cx, frame.dx = 0x2024, 0x0101
            case 0x56:
                frame.set_flag(CARRY, on=True)  # no PXE
                return
            case ah:
                raise not_emulated(f"INT 1Ah AH={ah:02x}h")
        frame.set_flag(CARRY, on=False)

    def _poll(self) -> None:
        self._polls += 1
        if self._polls % _POLLS_PER_TICK == 0:
            self.tick()


def _video(frame: Frame) -> None:
    match frame.ah:
        case 0x03:
            frame.cx, frame.dx = 0x0607, 0
        case 0x0F:
            frame.ax, frame.bx = _COLUMNS << 8 | _TEXT_MODE, frame.bx & 0xFF
        case 0x4F:
            raise not_emulated("VESA video modes (INT 10h AH=4fh)")


def _equipment(frame: Frame) -> None:
    frame.ax = _EQUIPMENT


def _serial_port(frame: Frame) -> None:
    frame.ah = 0x80 if frame.ah == 0x02 else 0x60  # nothing comes in, all goes out


def _printer(frame: Frame) -> None:
    frame.ah = 0x01  # timed out


def _boot_failed(_frame: Frame) -> None:
    raise Ended("boot-failed")


def _bootstrap(_frame: Frame) -> None:
    raise Ended("bootstrap")
