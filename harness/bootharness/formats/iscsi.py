"""iSCSI, RFC 7143, as far as it is read along: what a client logs in to, which blocks it reads."""

import struct
from collections.abc import Iterator

from msgspec import Struct, field

__all__ = ["ISCSI_PORT", "Pdu", "Pdus", "read_span"]

ISCSI_PORT = 3260
_HEADER_BYTES = 48
_MOST_BYTES = 1 << 24
_READ_10, _READ_16 = 0x28, 0x88


class Pdu(Struct, frozen=True):
    """A unit of the protocol: its header, and the data that goes with it."""

    header: bytes
    data: bytes

    @property
    def kind(self) -> int:
        """What it is: its opcode."""
        return self.header[0] & 0x3F

    @property
    def task(self) -> bytes:
        """Which command it belongs to."""
        return self.header[16:20]

    @property
    def command(self) -> bytes:
        """The SCSI command in it."""
        return self.header[32:48]

    @property
    def offset(self) -> int:
        """Where in a command's data its own lie, in bytes."""
        return int.from_bytes(self.header[40:44], "big")


class Pdus(Struct):
    """The units in what one side sends. What cannot be one ends it."""

    broken: bool = False
    _data: bytearray = field(default_factory=bytearray)

    def take(self, data: bytes) -> Iterator[Pdu]:
        """Yield the units that are whole by now."""
        if self.broken:
            return
        self._data += data
        while len(self._data) >= _HEADER_BYTES:
            head = bytes(self._data[:_HEADER_BYTES])
            further, size = head[4] * 4, int.from_bytes(head[5:8], "big")
            if size > _MOST_BYTES:
                self.broken, self._data = True, bytearray()
                return
            at = _HEADER_BYTES + further
            end = at + (size + 3 & ~3)
            if len(self._data) < end:
                return
            yield Pdu(head, bytes(self._data[at : at + size]))
            del self._data[:end]


def read_span(command: bytes) -> tuple[int, int] | None:
    """Return the first block and the number of blocks that a SCSI command reads, None for one that
    reads none."""
    if command[0] == _READ_10:
        first, count = struct.unpack(">2xIxH", command[:9])
    elif command[0] == _READ_16:
        first, count = struct.unpack(">2xQI", command[:14])
    else:
        return None
    return first, count
