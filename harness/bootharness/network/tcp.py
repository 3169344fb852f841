"""As much of TCP as it takes to follow a connection that others make, and to break it."""

import struct
from collections import deque
from typing import NamedTuple, Self

from msgspec import Struct, field

from bootharness.formats.ethernet import checksum

__all__ = ["RESET", "SYN", "Flow", "Segment", "readdressed"]

SYN = 0x02
RESET = 0x04
_ACK = 0x10
_TCP = 6
_HEADERS = struct.Struct(">6s6sHBBHHHBBH4s4sHHIIBBHHH")
_IPV4 = 0x0800
_MASK = 0xFFFFFFFF
_WINDOW_LIMIT = 1 << 20
_SEGMENT_BYTES = 1460
_ADDRESSES = struct.Struct(">4s4sHH")
_ADDRESSES_AT, _IP_SUM_AT, _TCP_SUM_AT = 26, 24, 50


class Flow(Struct):
    """One direction of a connection: what was passed on and how much of it arrived, in bytes.

    ``room`` is how many segments the receiver's card has room for, None for any number; what
    has no room is ``held`` with its frame, in order.
    """

    begins: int
    room: int | None = None
    passed: int = 0
    arrived: int = 0
    held: deque[tuple["Segment", bytes]] = field(default_factory=deque)

    def hold(self, segment: "Segment", frame: bytes) -> None:
        """Take a segment for the receiver. What is sent again does not wait for its turn."""
        take = self.held.appendleft if self._end(segment) <= self.passed else self.held.append
        take((segment, frame))

    def next(self) -> tuple["Segment", bytes] | None:
        """Return what of the held goes to the receiver now, None where it has to wait."""
        if not self.held or not self._has_room(self.held[0][0]):
            return None
        segment, frame = self.held.popleft()
        self.pass_on(segment)
        return segment, frame

    def _has_room(self, segment: "Segment") -> bool:
        end = self._end(segment)
        if self.room is None or end <= self.passed or self.passed == self.arrived:
            return True
        return end - self.arrived <= self.room * _SEGMENT_BYTES

    def _end(self, segment: "Segment") -> int:
        return (segment.sequence + segment.size - self.begins) & _MASK

    def pass_on(self, segment: "Segment") -> None:
        """Note a segment that goes to the receiver."""
        end = self._end(segment)
        if segment.size and end < _WINDOW_LIMIT + self.passed:
            self.passed = max(self.passed, end)

    def acknowledge(self, number: int) -> None:
        """Note the receiver's acknowledgement; the end of the connection is no byte."""
        acknowledged = (number - self.begins) & _MASK
        if acknowledged < _WINDOW_LIMIT + self.passed:
            self.arrived = max(self.arrived, min(acknowledged, self.passed))


class Segment(NamedTuple):
    """A TCP segment; ``size`` is its payload in bytes."""

    target_mac: bytes
    source_mac: bytes
    source_ip: bytes
    target_ip: bytes
    source_port: int
    target_port: int
    sequence: int
    acknowledged: int
    flags: int
    size: int

    @classmethod
    def parse(cls, frame: bytes) -> Self | None:
        """Return the segment in a frame, None where there is none."""
        if len(frame) < _HEADERS.size:
            return None
        target_mac, source_mac, kind, version, _, total, _, _, _, protocol, _, source_ip, \
            target_ip, source_port, target_port, sequence, acknowledged, offset, flags, _, _, _ \
            = _HEADERS.unpack_from(frame)  # fmt: skip
        size = total - 20 - (offset >> 4) * 4
        if kind != _IPV4 or version != 0x45 or protocol != _TCP or size < 0:
            return None
        return cls(
            target_mac, source_mac, source_ip, target_ip, source_port, target_port, sequence,
            acknowledged, flags, size,
        )  # fmt: skip

    def refused(self) -> bytes:
        """Return the frame with which the receiver of this segment refuses it."""
        ahead = self.size + bool(self.flags & SYN)
        answer = self._replace(
            target_mac=self.source_mac,
            source_mac=self.target_mac,
            source_ip=self.target_ip,
            target_ip=self.source_ip,
            source_port=self.target_port,
            target_port=self.source_port,
            sequence=self.acknowledged,
            acknowledged=(self.sequence + ahead) & 0xFFFFFFFF,
        )
        return answer.broken_off()

    def broken_off(self) -> bytes:
        """Return the frame with which the sender of this segment breaks the connection off."""
        tcp = bytearray(
            struct.pack(
                ">HHIIBBHHH",
                *(self.source_port, self.target_port, self.sequence, self.acknowledged),
                *(5 << 4, RESET | _ACK, 0, 0, 0),
            )
        )
        pseudo = self.source_ip + self.target_ip + struct.pack(">HH", _TCP, len(tcp))
        struct.pack_into(">H", tcp, 16, checksum(pseudo + tcp))
        ip = bytearray(
            struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, _TCP, 0)
            + self.source_ip
            + self.target_ip
        )
        struct.pack_into(">H", ip, 10, checksum(ip))
        head = self.target_mac + self.source_mac + _IPV4.to_bytes(2, "big")
        return head + bytes(ip) + bytes(tcp)


def readdressed(
    frame: bytes, macs: bytes, source: tuple[bytes, int], target: tuple[bytes, int]
) -> bytes:
    """Return the frame of a segment under other addresses: target and source MAC, and IP and port
    of each end. What it was damaged before stays as damaged: the checksums change with them."""
    new = _ADDRESSES.pack(source[0], target[0], source[1], target[1])
    old = frame[_ADDRESSES_AT : _ADDRESSES_AT + _ADDRESSES.size]
    made = bytearray(frame)
    made[:12] = macs
    if new == old:
        return bytes(made)
    made[_ADDRESSES_AT : _ADDRESSES_AT + _ADDRESSES.size] = new
    # the ports are no part of the IP header
    for at, size in ((_IP_SUM_AT, 8), (_TCP_SUM_AT, 12)):
        (was,) = struct.unpack_from(">H", made, at)
        struct.pack_into(">H", made, at, _changed(was, old[:size], new[:size]))
    return bytes(made)


def _changed(was: int, old: bytes, new: bytes) -> int:
    """Return a checksum after a change of what it covers: RFC 1624."""
    return checksum((was ^ 0xFFFF).to_bytes(2, "big") + bytes(each ^ 0xFF for each in old) + new)
