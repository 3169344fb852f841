"""DHCP messages: RFC 2131, options of RFC 2132, long ones of RFC 3396, PXE's of RFC 4578."""

import struct
from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field

from bootharness.errors import FormatError
from bootharness.formats.pxe_menu import PxeMenu

__all__ = [
    "ACK",
    "DISCOVER",
    "INFORM",
    "NAK",
    "OFFER",
    "REQUEST",
    "DhcpMessage",
    "DhcpOption",
    "sub_options",
]

DISCOVER, OFFER, REQUEST, ACK, NAK, INFORM = 1, 2, 3, 5, 6, 8

_HEADER = struct.Struct(">BBBBIHH4s4s4s4s16s64s128s")
_COOKIE = b"\x63\x82\x53\x63"
_MINIMUM_BYTES = 300
"""Some clients take no shorter message, for BOOTP had none."""
_NO_IP = bytes(4)
_REPLY = 2
# RFC 4578: its type and a GUID; a longer one that is sent back may not fit a frame
_MACHINE_ID_BYTES = 17


class DhcpOption:
    """The numbers of the options that a boot uses."""

    PAD = 0
    SUBNET_MASK = 1
    ROUTER = 3
    NAME_SERVER = 6
    ROOT_PATH = 17
    REQUESTED_IP = 50
    LEASE_TIME = 51
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER_ID = 54
    VENDOR_CLASS = 60
    VENDOR_OPTIONS = 43
    SERVER_NAME = 66
    BOOT_FILE = 67
    USER_CLASS = 77
    ARCHITECTURE = 93
    MACHINE_ID = 97
    IPXE = 175
    END = 255


class DhcpMessage(Struct, frozen=True):
    """A message; ``options`` by number, those that came in parts put together."""

    operation: int
    xid: int
    mac: bytes
    flags: int = 0
    secs: int = 0
    client_ip: bytes = _NO_IP
    your_ip: bytes = _NO_IP
    next_server: bytes = _NO_IP
    relay: bytes = _NO_IP
    server_name: bytes = b""
    file: bytes = b""
    options: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse a message. Raises FormatError, with the offset, when it is none."""
        if len(data) < _HEADER.size + 4:
            raise FormatError(f"a DHCP message of {len(data)} bytes")
        operation, hardware, mac_size, _, xid, secs, flags, client, your, server, relay, mac, \
            name, file = _HEADER.unpack_from(data)  # fmt: skip
        if data[_HEADER.size : _HEADER.size + 4] != _COOKIE:
            raise FormatError("a BOOTP message without DHCP's magic cookie")
        if (hardware, mac_size) != (1, 6):
            raise FormatError(f"a DHCP message of hardware type {hardware}, not Ethernet")
        options: dict[int, bytes] = {}
        _parse_options(data[_HEADER.size + 4 :], options)
        overload = options.get(DhcpOption.OVERLOAD, b"\0")[-1:]
        if overload in (b"\1", b"\3"):
            _parse_options(file, options)
            file = b""
        if overload in (b"\2", b"\3"):
            _parse_options(name, options)
            name = b""
        return cls(
            operation, xid, mac[:6], flags, secs, client, your, server, relay,
            name.partition(b"\0")[0], file.partition(b"\0")[0], options,
        )  # fmt: skip

    def build(self) -> bytes:
        """Return the message as bytes. Raises FormatError when a field is too long for it."""
        if len(self.file) > 127 or len(self.server_name) > 63:
            raise FormatError(f"a boot file name of {len(self.file)} bytes; 127 fit")
        header = _HEADER.pack(
            self.operation, 1, 6, 0, self.xid, self.secs, self.flags, self.client_ip,
            self.your_ip, self.next_server, self.relay, self.mac, self.server_name, self.file,
        )  # fmt: skip
        body = bytearray(header + _COOKIE)
        for number, value in self.options.items():
            for at in range(0, max(len(value), 1), 255):
                part = value[at : at + 255]
                body += bytes((number, len(part))) + part
        body.append(DhcpOption.END)
        return bytes(body.ljust(_MINIMUM_BYTES, b"\0"))

    def reply(
        self,
        options: Mapping[int, bytes],
        *,
        your_ip: bytes = _NO_IP,
        next_server: bytes = _NO_IP,
        file: bytes = b"",
    ) -> "DhcpMessage":
        """Return a server's answer to this message, with those options that are not empty: RFC
        2131, 4.3.1."""
        return DhcpMessage(
            operation=_REPLY,
            xid=self.xid,
            mac=self.mac,
            flags=self.flags,
            client_ip=self.client_ip,
            your_ip=your_ip,
            next_server=next_server,
            relay=self.relay,
            file=file,
            options={number: value for number, value in options.items() if value},
        )

    @property
    def machine_id(self) -> bytes:
        """The client machine's identifier, which an answer repeats, empty where it has none: RFC
        4578, 2.3."""
        return self.options.get(DhcpOption.MACHINE_ID, b"")[:_MACHINE_ID_BYTES]

    @property
    def kind(self) -> int:
        """The message type, 0 for plain BOOTP."""
        value = self.options.get(DhcpOption.MESSAGE_TYPE, b"\0")
        return value[0] if len(value) == 1 else 0

    @property
    def architecture(self) -> int | None:
        """The client's architecture, None where it does not say."""
        value = self.options.get(DhcpOption.ARCHITECTURE, b"")
        return int.from_bytes(value[:2], "big") if len(value) >= 2 else None

    @property
    def user_classes(self) -> tuple[bytes, ...]:
        """The client's user classes: several with a length in front of each, RFC 3004, or one
        without, as iPXE sends it."""
        value = self.options.get(DhcpOption.USER_CLASS, b"")
        found, at = [], 0
        while at < len(value):
            found.append(value[at + 1 : at + 1 + value[at]])
            at += 1 + value[at]
        return tuple(found) if at == len(value) else (value,)

    @property
    def vendor_class(self) -> bytes:
        """The client's vendor class."""
        return self.options.get(DhcpOption.VENDOR_CLASS, b"")

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
        """Whether the client boots over HTTP: a UEFI whose vendor class begins with HTTPClient."""
        return self.vendor_class.startswith(b"HTTPClient")

    @property
    def pxe_menu(self) -> PxeMenu | None:
        """The menu of boot servers that a PXE client shows, None where it has none. Raises
        FormatError when its options are none."""
        parts: dict[int, bytes] = {}
        if self.is_pxe:
            _parse_options(self.options.get(DhcpOption.VENDOR_OPTIONS, b""), parts)
        return PxeMenu.parse(parts)

    @property
    def boot_file(self) -> str:
        """The boot file's name, from the header or option 67."""
        name = self.file or self.options.get(DhcpOption.BOOT_FILE, b"").rstrip(b"\0")
        return name.decode("utf-8", "backslashreplace")


def sub_options(values: Mapping[int, bytes]) -> bytes:
    """Return the value of an option that holds others, by their numbers."""
    parts = (bytes((number, len(value))) + value for number, value in values.items())
    return b"".join(parts) + bytes((DhcpOption.END,))


def _parse_options(data: bytes, options: dict[int, bytes]) -> None:
    at = 0
    while at < len(data):
        number = data[at]
        if number == DhcpOption.END:
            return
        if number == DhcpOption.PAD:
            at += 1
            continue
        if at + 1 >= len(data) or at + 2 + data[at + 1] > len(data):
            raise FormatError(f"DHCP option {number} at offset {at} goes past the end")
        size = data[at + 1]
        options[number] = options.get(number, b"") + data[at + 2 : at + 2 + size]
        at += 2 + size
