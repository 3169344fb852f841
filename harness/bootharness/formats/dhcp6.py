"""DHCPv6 messages: RFC 8415, the options of those that boot of RFC 5970."""

import struct
from typing import NamedTuple, Self

from msgspec import Struct, field

from bootharness.errors import FormatError

__all__ = [
    "ADVERTISE",
    "CONFIRM",
    "INFORMATION",
    "REBIND",
    "RENEW",
    "REPLY",
    "REQUEST6",
    "SOLICIT",
    "Dhcp6Message",
    "Dhcp6Option",
    "Lease",
]

SOLICIT, ADVERTISE, REQUEST6, CONFIRM, RENEW, REBIND, REPLY = 1, 2, 3, 4, 5, 6, 7
INFORMATION = 11
_OPTION = struct.Struct(">HH")
_ADDRESS = struct.Struct(">16sII")
_ASSOCIATION = struct.Struct(">III")


class Dhcp6Option:
    """The numbers of the options that a boot uses."""

    CLIENT_ID = 1
    SERVER_ID = 2
    ASSOCIATION = 3
    ADDRESS = 5
    RAPID = 14
    USER_CLASS = 15
    VENDOR_CLASS = 16
    NAME_SERVERS = 23
    BOOT_FILE = 59
    ARCHITECTURE = 61


class Lease(NamedTuple):
    """An address, for how many seconds, and for which of the client's associations."""

    address: bytes
    association: int
    seconds: int

    def build(self) -> bytes:
        """Return it as the value of an option."""
        address = _ADDRESS.pack(self.address, self.seconds, self.seconds)
        head = _OPTION.pack(Dhcp6Option.ADDRESS, len(address))
        half = self.seconds // 2
        return _ASSOCIATION.pack(self.association, half, self.seconds) + head + address


class Dhcp6Message(Struct, frozen=True):
    """A message; ``options`` by number, the first of each. ``mac`` is the card's it came from."""

    kind: int
    xid: bytes
    mac: bytes
    options: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes, mac: bytes) -> Self:
        """Parse a message. Raises FormatError when it is none."""
        if len(data) < 4:
            raise FormatError(f"a DHCPv6 message of {len(data)} bytes")
        options: dict[int, bytes] = {}
        at = 4
        while at < len(data):
            if at + _OPTION.size > len(data):
                raise FormatError(f"a DHCPv6 option at offset {at} goes past the end")
            number, size = _OPTION.unpack_from(data, at)
            at += _OPTION.size
            if at + size > len(data):
                raise FormatError(f"DHCPv6 option {number} at offset {at} goes past the end")
            options.setdefault(number, data[at : at + size])
            at += size
        return cls(data[0], data[1:4], mac, options)

    def build(self) -> bytes:
        """Return the message as bytes."""
        body = bytes([self.kind]) + self.xid
        for number, value in self.options.items():
            body += _OPTION.pack(number, len(value)) + value
        return body

    @property
    def association(self) -> int | None:
        """The association that wants an address, None without one."""
        value = self.options.get(Dhcp6Option.ASSOCIATION, b"")
        return int.from_bytes(value[:4], "big") if len(value) >= _ASSOCIATION.size else None

    @property
    def address(self) -> bytes:
        """The address that a server gives, empty without one."""
        inner = self.options.get(Dhcp6Option.ASSOCIATION, b"")[_ASSOCIATION.size :]
        head = _OPTION.size
        if len(inner) < head + _ADDRESS.size:
            return b""
        number, _ = _OPTION.unpack_from(inner)
        return inner[head : head + 16] if number == Dhcp6Option.ADDRESS else b""

    @property
    def architecture(self) -> int | None:
        """The client's architecture, None where it does not say."""
        value = self.options.get(Dhcp6Option.ARCHITECTURE, b"")
        return int.from_bytes(value[:2], "big") if len(value) >= 2 else None

    @property
    def user_classes(self) -> tuple[bytes, ...]:
        """The client's user classes."""
        return _texts(self.options.get(Dhcp6Option.USER_CLASS, b""))

    @property
    def vendor_class(self) -> bytes:
        """The client's vendor class, without the vendor's number."""
        texts = _texts(self.options.get(Dhcp6Option.VENDOR_CLASS, b"")[4:])
        return texts[0] if texts else b""

    @property
    def is_ipxe(self) -> bool:
        """Whether the client's user class is iPXE."""
        return b"iPXE" in self.user_classes

    @property
    def is_pxe(self) -> bool:
        """Whether the client's vendor class begins with PXEClient."""
        return self.vendor_class.startswith(b"PXEClient")

    @property
    def is_http(self) -> bool:
        """Whether the client's vendor class begins with HTTPClient."""
        return self.vendor_class.startswith(b"HTTPClient")


def _texts(value: bytes) -> tuple[bytes, ...]:
    found, at = [], 0
    while at + 2 <= len(value):
        size = int.from_bytes(value[at : at + 2], "big")
        found.append(value[at + 2 : at + 2 + size])
        at += 2 + size
    return tuple(found)
