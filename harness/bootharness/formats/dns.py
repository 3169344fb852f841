"""DNS questions about one name, and answers to them: RFC 1035."""

import struct
from typing import NamedTuple, Self

from bootharness.errors import FormatError

__all__ = ["DnsQuestion"]

_HEADER = struct.Struct(">HHHHHH")
_RESPONSE = 0x8000
_OPCODE = 0x7800
# an answer of the name's own server, which asks others too if it is asked to
_ANSWERED = 0x8480
_NO_SUCH_NAME = 3
_WISHES = 0x0100
_BYTES = {1: 4, 28: 16}
"""How long an address is, by the kind that is asked for: A and AAAA."""
_INTERNET = 1
_LABEL_BYTES = 63
_NAME_BYTES = 255
_LEASE_S = 3600
# the name that stands behind the header
_SAME_NAME = b"\xc0\x0c"


class DnsQuestion(NamedTuple):
    """Which address a name has; ``asked`` is the question as it came, behind the header."""

    number: int
    flags: int
    name: str
    kind: int
    asked: bytes

    @classmethod
    def parse(cls, message: bytes) -> Self | None:
        """Return the question of a message, None where it has none or more than one.

        Raises FormatError for a name that is none.
        """
        if len(message) < _HEADER.size:
            raise FormatError(f"a DNS message of {len(message)} bytes")
        number, flags, questions, *_ = _HEADER.unpack_from(message)
        if flags & (_RESPONSE | _OPCODE) or questions != 1:
            return None
        labels, at = [], _HEADER.size
        while at < len(message) and (size := message[at]):
            if size > _LABEL_BYTES or at - _HEADER.size > _NAME_BYTES:
                raise FormatError(f"a DNS name that is too long, at offset {at}")
            labels.append(message[at + 1 : at + 1 + size].decode("ascii", "backslashreplace"))
            at += 1 + size
        end = at + 5
        if end > len(message):
            raise FormatError("a DNS question that goes past the end")
        kind, group = struct.unpack_from(">HH", message, at + 1)
        if group != _INTERNET:
            return None
        return cls(number, flags, ".".join(labels), kind, message[_HEADER.size : end])

    def answer(self, *addresses: bytes) -> bytes:
        """Return the message that the name has these addresses, of IPv4 and of IPv6."""
        wanted = _BYTES.get(self.kind)
        fits = [each for each in addresses if len(each) == wanted]
        records = b"".join(
            _SAME_NAME + struct.pack(">HHIH", self.kind, _INTERNET, _LEASE_S, len(each)) + each
            for each in fits
        )
        return self._header(_ANSWERED, len(fits)) + self.asked + records

    def unknown(self) -> bytes:
        """Return the message that there is no such name."""
        return self._header(_ANSWERED | _NO_SUCH_NAME, 0) + self.asked

    def _header(self, flags: int, answers: int) -> bytes:
        return _HEADER.pack(self.number, flags | self.flags & _WISHES, 1, answers, 0, 0)
