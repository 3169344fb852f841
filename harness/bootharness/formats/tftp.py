"""TFTP packets: RFC 1350, options of RFC 2347 to 2349 (blksize, tsize) and 7440 (windowsize)."""

import struct
from collections.abc import Mapping
from typing import Self

from msgspec import Struct

from bootharness.errors import FormatError

__all__ = [
    "ACK",
    "DATA",
    "ERROR",
    "OACK",
    "READ",
    "WRITE",
    "TftpError",
    "TftpRequest",
    "build_ack",
    "build_data",
    "build_error",
    "build_oack",
    "opcode",
    "parse_ack",
]

READ, WRITE, DATA, ACK, ERROR, OACK = 1, 2, 3, 4, 5, 6

_HEAD = struct.Struct(">HH")
_PRINTABLE_LIMIT = 200


class TftpRequest(Struct, frozen=True):
    """A read request; ``options`` by name in lower case, their values as sent."""

    file: str
    mode: str
    options: dict[str, str]

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Parse a read request. Raises FormatError, saying what is wrong, when it is none."""
        if opcode(payload) != READ:
            raise FormatError("not a TFTP read request")
        if not payload.endswith(b"\0"):
            raise FormatError("a TFTP request whose last string does not end")
        parts = [part.decode("utf-8", "backslashreplace") for part in payload[2:-1].split(b"\0")]
        if len(parts) < 2 or not parts[0]:
            raise FormatError("a TFTP request without a file name")
        if parts[1].lower() not in ("octet", "netascii"):
            raise FormatError(f"a TFTP request in mode {parts[1][:_PRINTABLE_LIMIT]!r}")
        names = [name.lower() for name in parts[2::2]]
        return cls(parts[0], parts[1].lower(), dict(zip(names, parts[3::2], strict=False)))

    def number(self, option: str) -> int | None:
        """Return an option's value, None where it is missing or no number."""
        value = self.options.get(option, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None


class TftpError(Struct, frozen=True):
    """An error that one side reports; the transfer is over."""

    code: int
    text: str

    NOT_FOUND = 1
    REFUSED = 2
    ILLEGAL = 4
    UNKNOWN_TRANSFER = 5
    BAD_OPTIONS = 8

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Parse an error; one that is cut short has no text."""
        text = payload[4:].partition(b"\0")[0][:_PRINTABLE_LIMIT]
        return cls(int.from_bytes(payload[2:4], "big"), text.decode("utf-8", "backslashreplace"))


def opcode(payload: bytes) -> int:
    """Return what kind of packet it is, 0 for one that is too short to say."""
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 0


def parse_ack(payload: bytes) -> int | None:
    """Return the block that is acknowledged, None when it is no acknowledgement."""
    if len(payload) < 4 or payload[:2] != b"\0\x04":
        return None
    return payload[2] << 8 | payload[3]


def build_ack(block: int) -> bytes:
    """Return the acknowledgement of a block; its number wraps."""
    return _HEAD.pack(ACK, block & 0xFFFF)


def build_data(block: int, data: bytes | memoryview) -> bytes:
    """Return one block; its number wraps."""
    return _HEAD.pack(DATA, block & 0xFFFF) + data


def build_oack(options: Mapping[str, int]) -> bytes:
    """Return the answer that accepts options."""
    words = (f"{name}\0{value}\0" for name, value in options.items())
    return OACK.to_bytes(2, "big") + "".join(words).encode()


def build_error(code: int, text: str) -> bytes:
    """Return an error."""
    return _HEAD.pack(ERROR, code) + text.encode() + b"\0"
