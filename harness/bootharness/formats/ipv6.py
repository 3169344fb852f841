"""IPv6 as a boot server speaks it: neighbours, routers, UDP.

Extension headers are used by nobody who boots.
"""

import struct
from typing import NamedTuple, Self

from bootharness.errors import FormatError
from bootharness.formats.ethernet import IPV6, Datagram, ReplyHeaders, checksum

__all__ = [
    "TCP",
    "UDP",
    "Headers",
    "Packet",
    "advertise_router",
    "answering",
    "link_local",
    "neighbour_answer",
    "parse_udp6",
    "udp6_frame",
]

TCP, UDP, _ICMP = 6, 17, 58
_HEADER = struct.Struct(">IHBB16s16s")
_AT = 14
_PAYLOAD_AT = _AT + _HEADER.size
_HOPS = 255
_SOLICITATION, _ADVERTISEMENT, _ROUTER = 135, 136, 134
_ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
_ALL_NODES_MAC = bytes.fromhex("333300000001")
_NOBODY = bytes(16)
# a router, which was asked, and whoever had the address before is overridden
_NEIGHBOUR_FLAGS = 0xE0000000
_LIFETIME_S = 3600
_MANAGED = 0xC0
_ON_LINK = 0x80
_PREFIX_BITS = 64


class Packet(NamedTuple):
    """A packet and the Ethernet addresses that it travels under."""

    target_mac: bytes
    source_mac: bytes
    protocol: int
    source: bytes
    target: bytes
    payload: bytes

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse a frame. Raises FormatError for lengths that cannot be."""
        if len(frame) < _PAYLOAD_AT:
            raise FormatError(f"an IPv6 packet in a frame of {len(frame)} bytes")
        _, size, protocol, _, source, target = _HEADER.unpack_from(frame, _AT)
        if _PAYLOAD_AT + size > len(frame):
            raise FormatError(f"an IPv6 packet of {size} bytes in a frame of {len(frame)}")
        payload = frame[_PAYLOAD_AT : _PAYLOAD_AT + size]
        return cls(frame[:6], frame[6:12], protocol, source, target, payload)

    def build(self) -> bytes:
        """Return the frame."""
        head = self.target_mac + self.source_mac + IPV6.to_bytes(2, "big")
        size = len(self.payload)
        ip = _HEADER.pack(6 << 28, size, self.protocol, _HOPS, self.source, self.target)
        return head + ip + self.payload

    def summed(self, at: int) -> Self:
        """Return the packet with its payload's checksum, which stands there, made right."""
        payload = bytearray(self.payload)
        payload[at : at + 2] = b"\0\0"
        pseudo = self.source + self.target + struct.pack(">II", len(payload), self.protocol)
        struct.pack_into(">H", payload, at, checksum(pseudo + payload) or 0xFFFF)
        return self._replace(payload=bytes(payload))


def link_local(mac: bytes) -> bytes:
    """Return the address that a card gives itself."""
    return (
        bytes.fromhex("fe80000000000000") + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    )


def parse_udp6(packet: Packet) -> Datagram:
    """Return the datagram in a packet of UDP. Raises FormatError for lengths that cannot be."""
    if len(packet.payload) < 8:
        raise FormatError(f"a UDP datagram of {len(packet.payload)} bytes")
    source, target, size, _ = struct.unpack_from(">HHHH", packet.payload)
    if not 8 <= size <= len(packet.payload):
        raise FormatError(f"a UDP datagram of {size} bytes in {len(packet.payload)}")
    return Datagram(
        packet.source_mac, packet.target_mac, packet.source, packet.target, source, target,
        packet.payload[8:size],
    )  # fmt: skip


def udp6_frame(flow: Datagram, payload: bytes | memoryview) -> bytes:
    """Return the frame of a datagram with this payload."""
    size = len(payload) + 8
    udp = struct.pack(">HHHH", flow.source_port, flow.target_port, size, 0) + payload
    packet = Packet(flow.target_mac, flow.source_mac, UDP, flow.source_ip, flow.target_ip, udp)
    return packet.summed(6).build()


class _Headers:
    """What `ReplyHeaders` is, for IPv6: a checksum is obligatory there."""

    __slots__ = ("_flow",)

    def __init__(self, flow: Datagram) -> None:
        self._flow = flow

    def frame(self, payload: bytes) -> bytes:
        """Return the frame that carries a payload."""
        return udp6_frame(self._flow, payload)


Headers = ReplyHeaders | _Headers


def answering(asked: Datagram, mac: bytes, port: int) -> Headers:
    """Return the headers of answers to a datagram, from a port of the answerer's own."""
    if len(asked.source_ip) == len(_NOBODY):
        return _Headers(asked._replace(
            source_mac=mac, target_mac=asked.source_mac, source_ip=asked.target_ip,
            target_ip=asked.source_ip, source_port=port, target_port=asked.source_port,
        ))  # fmt: skip
    return ReplyHeaders.answering(asked, mac, port)


def neighbour_answer(packet: Packet, mac: bytes, own: tuple[bytes, ...]) -> bytes | None:
    """Return the answer to who asks which card has one of our ``own`` addresses, None for any other
    packet."""
    asked = packet.payload
    if packet.protocol != _ICMP or len(asked) < 24 or asked[0] != _SOLICITATION:
        return None
    wanted = asked[8:24]
    if wanted not in own or packet.source == _NOBODY:
        return None
    said = struct.pack(">BBHI16s", _ADVERTISEMENT, 0, 0, _NEIGHBOUR_FLAGS, wanted)
    said += b"\2\1" + mac
    return Packet(packet.source_mac, mac, _ICMP, wanted, packet.source, said).summed(2).build()


def advertise_router(mac: bytes, prefix: bytes) -> bytes:
    """Return the frame in which a router says that addresses come from DHCP, and which are on the
    link."""
    said = struct.pack(">BBHBBHII", _ROUTER, 0, 0, 64, _MANAGED, _LIFETIME_S, 0, 0)
    said += b"\1\1" + mac
    said += struct.pack(
        ">BBBBIII16s", 3, 4, _PREFIX_BITS, _ON_LINK, _LIFETIME_S, _LIFETIME_S, 0, prefix
    )
    packet = Packet(_ALL_NODES_MAC, mac, _ICMP, link_local(mac), _ALL_NODES, said)
    return packet.summed(2).build()
