"""Segments of TCP over IPv4 and IPv6: what comes from others, and what we send: RFC 9293."""

import struct
from collections.abc import Iterator
from typing import NamedTuple, Self

from bootharness.formats.ethernet import IPV4, IPV6, checksum
from bootharness.formats.ipv6 import TCP, Packet

__all__ = ["ACK", "FIN", "MSS", "RESET", "SCALE", "SYN", "Head", "Segment", "options"]

FIN = 0x01
SYN = 0x02
RESET = 0x04
ACK = 0x10
MSS = 2
"""The option with the longest segment."""
SCALE = 3
"""The option with the power of two of the window."""
_END, _NO_OPERATION = 0, 1
_ETHERNET = struct.Struct(">6s6sH")
_IP = struct.Struct(">BBHHHBBH4s4s")
_IP6 = struct.Struct(">IHBB16s16s")
_TCP = struct.Struct(">HHIIBBHHH")
_NUMBERS = struct.Struct(">IIBBHHH")
"""What is behind the ports."""
_IP_AT = _ETHERNET.size
_TCP_AT = _IP_AT + _IP.size
_DONT_FRAGMENT = 0x4000
_FRAGMENT = 0x3FFF
_HOPS = 64
_MASK = 0xFFFFFFFF
_SUM = 0xFFFF
_LONG = 512
_HALVES = tuple((bits, (1 << bits) - 1) for bits in (6144, 3072, 1536, 768))
"""Where a segment's number is halved, and the bits before that."""


class Segment(NamedTuple):
    """A TCP segment, its options and its payload."""

    target_mac: bytes
    source_mac: bytes
    source_ip: bytes
    target_ip: bytes
    source_port: int
    target_port: int
    sequence: int
    acknowledged: int
    flags: int
    window: int
    options: bytes
    payload: bytes

    @classmethod
    def parse(cls, frame: bytes) -> Self | None:
        """Return the segment in a frame over IPv4, None where there is none."""
        if len(frame) < _TCP_AT + _TCP.size:
            return None
        target_mac, source_mac, kind = _ETHERNET.unpack_from(frame)
        version, _, total, _, fragment, _, protocol, _, source, target = _IP.unpack_from(
            frame, _IP_AT
        )
        if kind != IPV4 or version != 0x45 or protocol != TCP or fragment & _FRAGMENT:
            return None
        tcp = frame[_TCP_AT : _IP_AT + total]
        return cls._of(target_mac, source_mac, source, target, tcp)

    @classmethod
    def parse6(cls, packet: Packet) -> Self | None:
        """Return the segment in a packet over IPv6, None where there is none."""
        if packet.protocol != TCP:
            return None
        return cls._of(
            packet.target_mac, packet.source_mac, packet.source, packet.target, packet.payload
        )

    @classmethod
    def _of(
        cls, target_mac: bytes, source_mac: bytes, source: bytes, target: bytes, tcp: bytes
    ) -> Self | None:
        if len(tcp) < _TCP.size:
            return None
        source_port, target_port, sequence, acknowledged, offset, flags, window, _, _ = (
            _TCP.unpack_from(tcp)
        )
        begins = (offset >> 4) * 4
        if not _TCP.size <= begins <= len(tcp):
            return None
        return cls(
            target_mac, source_mac, source, target, source_port, target_port, sequence,
            acknowledged, flags, window, tcp[_TCP.size : begins], tcp[begins:],
        )  # fmt: skip

    @property
    def size(self) -> int:
        """How many bytes of payload it has."""
        return len(self.payload)

    def refused(self) -> bytes:
        """Return the frame with which the receiver of this segment refuses it: RFC 9293, 3.5.2."""
        ahead = self.size + bool(self.flags & SYN) + bool(self.flags & FIN)
        sequence = self.acknowledged if self.flags & ACK else 0
        return Head.answering(self).frame(sequence, (self.sequence + ahead) & _MASK, RESET | ACK, 0)


class Head:
    """What every segment from one end of a connection to the other begins with.

    Built once: of a large file some hundred thousand segments go out, and of each only the
    numbers, the length and the checksum are new.
    """

    __slots__ = ("_begins", "_ethernet", "_ips", "_ports", "_sum", "over_ipv6")

    def __init__(self, macs: bytes, source: bytes, target: bytes, ports: tuple[int, int]) -> None:
        """Take the MACs of target and source, and the IP and the port of source and target."""
        self.over_ipv6 = len(source) == 16
        self._ethernet = macs + (IPV6 if self.over_ipv6 else IPV4).to_bytes(2, "big")
        self._ips = (source, target)
        self._ports = struct.pack(">HH", *ports)
        self._sum = _number(source + target + self._ports) + TCP
        self._begins: dict[int, bytes] = {}
        """By how long it is, what a segment begins with, up to the ports."""

    @classmethod
    def answering(cls, segment: Segment) -> Self:
        """Return what the answers to a segment begin with."""
        return cls(
            segment.source_mac + segment.target_mac,
            segment.target_ip,
            segment.source_ip,
            (segment.target_port, segment.source_port),
        )

    def frame(
        self,
        sequence: int,
        acknowledged: int,
        flags: int,
        window: int,
        payload: bytes | bytearray = b"",
        options: bytes = b"",
    ) -> bytes:
        """Return the frame of a segment."""
        size = _TCP.size + len(options)
        length = size + len(payload)
        # numbers of 16 bits that are added with the carry are what they are in all, modulo 0xFFFF;
        # a sum of ones' complement is 0 only where everything is: RFC 1071
        total = (
            self._sum + length + (size << 10 | flags) + window + sequence + acknowledged
            + _number(options) + _number(payload)
        )  # fmt: skip
        numbers = _NUMBERS.pack(
            sequence, acknowledged, size << 2, flags, window, _SUM - (total % _SUM or _SUM), 0
        )
        begins = self._begins.get(length) or self._begins_of(length)
        return b"".join((begins, numbers, options, payload))

    def run(
        self, sequence: int, acknowledged: int, window: int, payload: bytes | bytearray, size: int
    ) -> Iterator[bytes]:
        """Yield the frames of segments that follow each other, each with ``size`` bytes."""
        length, offset = _TCP.size + size, _TCP.size << 2
        begins = self._begins.get(length) or self._begins_of(length)
        same = self._sum + length + (offset << 8 | ACK) + window + acknowledged
        for at in range(0, len(payload), size):
            part = payload[at : at + size]
            total = same + sequence + _number(part)
            numbers = _NUMBERS.pack(
                sequence, acknowledged, offset, ACK, window, _SUM - (total % _SUM or _SUM), 0
            )
            sequence = (sequence + size) & _MASK
            yield b"".join((begins, numbers, part))

    def _begins_of(self, length: int) -> bytes:
        if self.over_ipv6:
            ip = _IP6.pack(6 << 28, length, TCP, _HOPS, *self._ips)
        else:
            fields = (0x45, 0, _IP.size + length, 0, _DONT_FRAGMENT, _HOPS, TCP)
            ip = _IP.pack(*fields, checksum(_IP.pack(*fields, 0, *self._ips)), *self._ips)
        begins = self._begins[length] = self._ethernet + ip + self._ports
        return begins


def _number(data: bytes | bytearray) -> int:
    """Return a number that is the sum of the bytes' numbers of 16 bits, modulo 0xFFFF."""
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    # one half is added to the other: a remainder of so long a number is slow
    for bits, mask in _HALVES if len(data) >= _LONG else ():
        number = (number & mask) + (number >> bits)
    return number


def options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the value of each of a segment's options that has one: RFC 9293, 3.1."""
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _NO_OPERATION:
            at += 1
            continue
        size = data[at + 1] if at + 1 < len(data) else 0
        if size < 2 or at + size > len(data):
            return
        if value := data[at + 2 : at + size]:
            yield data[at], value
        at += size
