"""INT 13h as SeaBIOS answers it for one AHCI disk: src/disk.c, src/block.c, and measured."""

import struct
from collections.abc import Callable, Sequence

from bootharness.formats.bioscall import DiskAddressPacket
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.kernels.content import Piece
from bootharness.predictor.ending import not_emulated
from bootharness.predictor.frame import Frame
from bootharness.predictor.memory import Memory
from bootharness.predictor.quirks import Quirks
from bootharness.predictor.sectors import Sectors

__all__ = ["Arrived", "DiskServices"]

_OK, _PARAMETER, _BOUNDARY, _TIMEOUT, _NOT_REMOVABLE = 0x00, 0x01, 0x09, 0x80, 0xB2
_LAST_STATUS = 0x474
_64_KIB = 0x10000
_MOST_SECTORS = _64_KIB // SECTOR_BYTES
_BY_PACKET, _PACKETS = 0x01, range(0x42, 0x49)
_COUNT_AT = 2
_PARAMETERS = struct.Struct("<HHIIIQH")
_MOST_CYLINDERS = 0x3FFF

Arrived = Callable[[int, Sequence[Piece]], None]


class DiskServices:
    """INT 13h for the disk that is booted; ``arrived`` is told what was read to where."""

    def __init__(self, memory: Memory, disk: Sectors, quirks: Quirks, arrived: Arrived) -> None:
        self._quirks = quirks
        self._memory = memory
        self._disk = disk
        self._arrived = arrived
        self._tried = {0}  # the boot sector, which this BIOS has read
        self._services: dict[int, Callable[[Frame], int]] = {
            0x00: _succeed,
            0x02: lambda frame: self._by_chs(frame, self._read),
            0x03: lambda frame: self._by_chs(frame, self._write),
            0x04: lambda frame: self._by_chs(frame, self._verify),
            0x08: self._drive_parameters,
            0x09: _succeed,
            0x0C: _succeed,
            0x0D: _succeed,
            0x10: _succeed,
            0x11: _succeed,
            0x14: _succeed,
            0x16: _parameter_error,
            0x41: self._extensions,
            0x42: lambda frame: self._by_packet(frame, self._read),
            0x43: lambda frame: self._by_packet(frame, self._write),
            0x44: lambda frame: self._by_packet(frame, self._verify),
            0x45: _succeed,
            0x46: lambda _: _NOT_REMOVABLE,
            0x47: lambda frame: self._by_packet(frame, self._verify),
            0x48: self._extended_parameters,
            0x49: _succeed,
            0x4B: _succeed,
        }

    def serve(self, frame: Frame) -> None:
        """Answer a call: AH and CF are the status."""
        if frame.drive != self._quirks.drive and frame.ah != 0x4B:
            status = _PARAMETER
        elif frame.ah == 0x01:
            status = self._memory.low[_LAST_STATUS]
        elif frame.ah == 0x15:
            self._size(frame)
            return
        elif frame.ah in (0x05, 0x4E):
            raise not_emulated(f"INT 13h AH={frame.ah:02x}h")
        elif frame.ah in _PACKETS and not self._takes_packets:
            status = _PARAMETER
        else:
            status = self._services.get(frame.ah, _parameter_error)(frame)
        self._memory.low[_LAST_STATUS] = status
        ah = 0x30 if frame.ah == 0x41 and not status else status  # EDD 3.0
        frame.answer(status)
        frame.ah = ah

    @property
    def _takes_packets(self) -> bool:
        _, subsets, status = self._quirks.edd
        return not status and bool(subsets & _BY_PACKET)

    def _read(self, lba: int, count: int, buffer: int) -> int:
        if self._quirks.flaky and lba not in self._tried:
            self._tried.add(lba)
            return _TIMEOUT
        found = self._disk.read(lba, count)
        if isinstance(found, int):
            return found
        self._memory.put(buffer, found)
        self._arrived(buffer, found)
        return _OK

    def _write(self, lba: int, count: int, buffer: int) -> int:
        self._disk.write(lba, self._memory.pieces(buffer, count * SECTOR_BYTES))
        return _OK

    def _verify(self, _lba: int, _count: int, _buffer: int) -> int:
        return _OK

    def _by_chs(self, frame: Frame, act: Callable[[int, int, int], int]) -> int:
        count, head = frame.al, frame.dx >> 8
        cylinder = frame.cx >> 8 | (frame.cx & 0xC0) << 2
        lba = self._disk.geometry.lba(cylinder, head, frame.cx & 0x3F)
        buffer = frame.far(frame.es, frame.ebx)
        if not 0 < count <= min(_MOST_SECTORS, self._quirks.most_sectors) or lba is None:
            return _PARAMETER
        if "chs" in self._quirks.crossing and _crosses(buffer, count):
            return _BOUNDARY
        status = act(lba, count, buffer)
        if status:
            frame.al = 0
        return status

    def _by_packet(self, frame: Frame, act: Callable[[int, int, int], int]) -> int:
        at = frame.far(frame.ds, frame.esi)
        packet = DiskAddressPacket.parse(self._memory.read_memory(at, DiskAddressPacket.SIZE))
        count, lba = packet.sectors, packet.lba
        if lba >= self._disk.sectors:
            return _PARAMETER
        if not count:
            return _OK
        buffer = frame.far(packet.segment, packet.offset)
        if count > _MOST_SECTORS or self._out_of_bounds(buffer, packet.offset, count):
            status = _BOUNDARY
        elif count > self._quirks.most_sectors:
            status = _PARAMETER
        else:
            status = act(lba, count, buffer)
        if status:
            self._memory.write(at + _COUNT_AT, bytes(2))
        return status

    def _out_of_bounds(self, buffer: int, offset: int, count: int) -> bool:
        crossing = self._quirks.crossing
        return ("packet" in crossing and _crosses(buffer, count)) or (
            "segment" in crossing and _crosses(offset, count)
        )

    def _drive_parameters(self, frame: Frame) -> int:
        geometry = self._disk.geometry
        last = geometry.cylinders - 2  # one cylinder is kept back
        frame.al = 0
        frame.cx = (last & 0xFF) << 8 | last >> 2 & 0xC0 | geometry.sectors & 0x3F
        frame.dx = geometry.heads - 1 << 8 | 1
        return _OK

    def _size(self, frame: Frame) -> None:
        geometry = self._disk.geometry
        sectors = (geometry.cylinders - 1) * geometry.heads * geometry.sectors
        frame.answer(_OK)
        frame.ah, frame.cx, frame.dx = 3, sectors >> 16, sectors

    def _extensions(self, frame: Frame) -> int:
        frame.bx, frame.cx, status = self._quirks.edd
        return status

    def _extended_parameters(self, frame: Frame) -> int:
        at = frame.far(frame.ds, frame.esi)
        size = int.from_bytes(self._memory.read_memory(at, 2), "little")
        if size < _PARAMETERS.size:
            return _PARAMETER
        geometry, sectors = self._disk.physical, self._disk.sectors
        fits = sectors <= geometry.sectors * geometry.heads * _MOST_CYLINDERS
        self._memory.write(
            at,
            _PARAMETERS.pack(
                _PARAMETERS.size,
                2 if fits else 0,
                geometry.cylinders if fits else _MOST_CYLINDERS,
                geometry.heads,
                geometry.sectors,
                sectors,
                SECTOR_BYTES,
            ),
        )
        return _OK


def _crosses(start: int, sectors: int) -> bool:
    return start % _64_KIB + sectors * SECTOR_BYTES > _64_KIB


def _succeed(_frame: Frame) -> int:
    return _OK


def _parameter_error(_frame: Frame) -> int:
    return _PARAMETER
