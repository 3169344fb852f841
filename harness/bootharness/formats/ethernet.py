"""Ethernet frames as a boot server sees them: ARP, UDP over IPv4, ICMP echo, router solicitation.

`struct` reads and writes them, not construct: a boot sends twenty thousand of these, and
what building one costs is added to the round trip of every block.
"""

import ipaddress
import struct
from typing import NamedTuple, Self

from bootharness.errors import FormatError

__all__ = [
    "ARP",
    "BROADCAST_MAC",
    "IPV4",
    "IPV6",
    "ArpMessage",
    "Datagram",
    "ReplyHeaders",
    "build_udp",
    "checksum",
    "echo_reply",
    "ethertype",
    "ip_bytes",
    "ip_text",
    "is_for_a_group",
    "mac_bytes",
    "mac_text",
    "parse_arp",
    "parse_udp",
    "router_advertisement",
    "solicits_router",
    "tagged",
    "untagged",
]

IPV4 = 0x0800
ARP = 0x0806
IPV6 = 0x86DD
BROADCAST_MAC = b"\xff" * 6

_HEADER_BYTES = 14
_VLAN = b"\x81\0"
_VLAN_BITS = 0xFFF
_UDP = 17
_ICMP = 1
_ICMPV6 = 58
_UDP_FRAME = struct.Struct(">6s6sHBBHHHBBH4s4sHHHH")
_ARP = struct.Struct(">HHBBH6s4s6s4s")
_PAYLOAD_AT = _UDP_FRAME.size
_DONT_FRAGMENT = 0x4000
_TTL = 64
_ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
_ALL_NODES_MAC = bytes.fromhex("333300000001")
_IPV6_BYTES = 16
_ROUTER_SOLICITATION = 133
_ROUTER_ADVERTISEMENT = 134


class Datagram(NamedTuple):
    """A UDP datagram with the addresses that it travels under; all addresses are bytes."""

    source_mac: bytes
    target_mac: bytes
    source_ip: bytes
    target_ip: bytes
    source_port: int
    target_port: int
    payload: bytes


class ArpMessage(NamedTuple):
    """An ARP message for IPv4 on Ethernet; operation 1 asks, 2 answers."""

    operation: int
    sender_mac: bytes
    sender_ip: bytes
    target_mac: bytes
    target_ip: bytes

    def build(self) -> bytes:
        """Return the frame: a question to everybody, an answer to who asked."""
        target = BROADCAST_MAC if self.operation == 1 else self.target_mac
        head = target + self.sender_mac + ARP.to_bytes(2, "big")
        return head + _ARP.pack(1, IPV4, 6, 4, self.operation, *self[1:])


class ReplyHeaders:
    """The headers of one flow of datagrams, made once for each length of payload."""

    __slots__ = ("_flow", "_made")

    def __init__(self, flow: Datagram) -> None:
        self._flow = flow
        self._made: dict[int, bytes] = {}

    @classmethod
    def answering(cls, asked: Datagram, source_mac: bytes, source_port: int) -> Self:
        """Return the headers of answers to a datagram, from a port of the answerer's own."""
        flow = Datagram(
            source_mac, asked.source_mac, asked.target_ip, asked.source_ip, source_port,
            asked.source_port, b"",
        )  # fmt: skip
        return cls(flow)

    def frame(self, payload: bytes) -> bytes:
        """Return the frame that carries a payload."""
        size = len(payload)
        header = self._made.get(size)
        if header is None:
            header = self._made[size] = _udp_header(self._flow, size)
        return header + payload


def ethertype(frame: bytes) -> int:
    """Return what a frame carries, 0 for one that is too short to say."""
    return int.from_bytes(frame[12:14], "big") if len(frame) >= _HEADER_BYTES else 0


def is_for_a_group(frame: bytes) -> bool:
    """Return whether a frame is for more than one card."""
    return bool(frame and frame[0] & 1)


def tagged(frame: bytes, vlan: int) -> bytes:
    """Return a frame with the tag of a VLAN."""
    return frame[:12] + _VLAN + vlan.to_bytes(2, "big") + frame[12:]


def untagged(frame: bytes) -> tuple[int | None, bytes]:
    """Return of which VLAN a frame is, None without a tag, and the frame without it."""
    if frame[12:14] != _VLAN or len(frame) < _HEADER_BYTES + 4:
        return None, frame
    return int.from_bytes(frame[14:16], "big") & _VLAN_BITS, frame[:12] + frame[16:]


def parse_udp(frame: bytes) -> Datagram | None:
    """Return the datagram in a frame, None when it carries something else.

    Raises FormatError when its lengths are impossible, or it is a fragment.
    """
    if len(frame) < _PAYLOAD_AT:
        return None
    target_mac, source_mac, kind, version, _, total, _, fragment, _, protocol, _, source_ip, \
        target_ip, source_port, target_port, length, _ = _UDP_FRAME.unpack_from(frame)  # fmt: skip
    if kind != IPV4 or protocol != _UDP:
        return None
    if version != 0x45:  # options are used by nobody who boots
        raise FormatError(f"an IPv4 header that begins with 0x{version:02x}")
    if fragment & 0x3FFF:
        raise FormatError("a fragment of an IPv4 packet")
    if not 8 <= length <= total - 20 or _HEADER_BYTES + total > len(frame):
        raise FormatError(
            f"a frame of {len(frame)} bytes with an IPv4 packet of {total} and a UDP datagram "
            f"of {length}"
        )
    payload = frame[_PAYLOAD_AT : _PAYLOAD_AT + length - 8]
    return Datagram(source_mac, target_mac, source_ip, target_ip, source_port, target_port, payload)


def build_udp(datagram: Datagram) -> bytes:
    """Return the frame of a datagram; its UDP checksum is left out, as IPv4 allows."""
    return _udp_header(datagram, len(datagram.payload)) + datagram.payload


def _udp_header(flow: Datagram, payload_bytes: int) -> bytes:
    length = payload_bytes + 8
    addresses = (flow.source_ip, flow.target_ip)
    ports = (flow.source_port, flow.target_port)
    ip = (0x45, 0, length + 20, 0, _DONT_FRAGMENT, _TTL, _UDP, 0)
    header = bytearray(
        _UDP_FRAME.pack(flow.target_mac, flow.source_mac, IPV4, *ip, *addresses, *ports, length, 0)
    )
    struct.pack_into(">H", header, 24, checksum(header[14:34]))
    return bytes(header)


def parse_arp(frame: bytes) -> ArpMessage:
    """Return the ARP message in a frame. Raises FormatError when it is none for IPv4."""
    if len(frame) < _HEADER_BYTES + _ARP.size:
        raise FormatError(f"an ARP message in a frame of {len(frame)} bytes")
    hardware, protocol, mac_size, ip_size, *rest = _ARP.unpack_from(frame, _HEADER_BYTES)
    if (hardware, protocol, mac_size, ip_size) != (1, IPV4, 6, 4):
        raise FormatError("an ARP message that is not for IPv4 on Ethernet")
    return ArpMessage(*rest)


def echo_reply(frame: bytes, mac: bytes, ip: bytes) -> bytes | None:
    """Return the answer to a ping of this address, None for any other frame."""
    if len(frame) < 42 or frame[14] != 0x45 or frame[23] != _ICMP or frame[30:34] != ip:
        return None
    total = int.from_bytes(frame[16:18], "big")
    message = frame[34 : 14 + total]
    if message[:2] != b"\x08\0" or not 28 <= total <= len(frame) - 14:
        return None
    answer = bytearray(b"\0\0\0\0" + message[4:])
    struct.pack_into(">H", answer, 2, checksum(answer))
    header = bytearray(frame[14:34])
    header[6:8] = header[10:12] = b"\0\0"
    header[12:16], header[16:20] = ip, frame[26:30]
    struct.pack_into(">H", header, 10, checksum(header))
    return frame[6:12] + mac + IPV4.to_bytes(2, "big") + bytes(header) + bytes(answer)


def solicits_router(frame: bytes) -> bool:
    """Return whether a frame asks for IPv6 routers."""
    return len(frame) > 54 and frame[20] == _ICMPV6 and frame[54] == _ROUTER_SOLICITATION


def router_advertisement(mac: bytes, asked: bytes = b"") -> bytes:
    """Return the frame in which a router says that it is none and has nothing to give: to all, or
    to the one alone that has ``asked`` with a frame.

    A client that is answered so does not wait any longer for IPv6.
    """
    target_mac, target = (asked[6:12], asked[22:38]) if asked else (_ALL_NODES_MAC, _ALL_NODES)
    source = bytes.fromhex("fe80000000000000") + bytes([mac[0] ^ 2]) + mac[1:3]
    source += b"\xff\xfe" + mac[3:]
    message = bytearray(struct.pack(">BBHBBHII", _ROUTER_ADVERTISEMENT, 0, 0, 64, 0, 0, 0, 0))
    pseudo = source + target + struct.pack(">II", len(message), _ICMPV6)
    struct.pack_into(">H", message, 2, checksum(pseudo + message))
    header = struct.pack(">IHBB", 6 << 28, len(message), _ICMPV6, 255) + source + target
    return target_mac + mac + IPV6.to_bytes(2, "big") + header + bytes(message)


def ip_text(address: bytes) -> str:
    """Write an IP address."""
    if len(address) == _IPV6_BYTES:
        return str(ipaddress.IPv6Address(address))
    return ".".join(map(str, address))


def ip_bytes(text: str) -> bytes:
    """Read an IPv4 address."""
    return bytes(int(part) for part in text.split("."))


def mac_text(address: bytes) -> str:
    """Write an Ethernet address."""
    return address.hex(":")


def mac_bytes(text: str) -> bytes:
    """Read an Ethernet address."""
    return bytes.fromhex(text.replace(":", ""))


def checksum(data: bytes | bytearray) -> int:
    """Return the Internet checksum of a header or a message."""
    if len(data) % 2:
        data = bytes(data) + b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
