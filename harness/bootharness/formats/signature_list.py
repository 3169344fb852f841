"""Certificates as a UEFI's variables have them: lists of signatures, UEFI 2.10, 32.4.1."""

import re
import struct
import uuid
from base64 import b64decode
from collections.abc import Iterator

from bootharness.errors import FormatError

__all__ = ["SHA256", "X509", "signature_lists", "signatures_listed"]

X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
SHA256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le
_OWNER = uuid.UUID("b00748a5-0000-4000-8000-000000000001").bytes_le
_HEADER = struct.Struct("<16sIII")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


def signature_lists(pem: str) -> bytes:
    """Return the certificates in a text, one list for each."""
    lists = b""
    for found in _PEM.findall(pem):
        signature = _OWNER + b64decode(found)
        size = _HEADER.size + len(signature)
        lists += _HEADER.pack(X509, size, 0, len(signature)) + signature
    return lists


def signatures_listed(lists: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind of each signature in lists, and its value. Raises FormatError for what is no
    list."""
    at = 0
    while at + _HEADER.size <= len(lists):
        kind, size, header, each = _HEADER.unpack_from(lists, at)
        begin, end = at + _HEADER.size + header, at + size
        if end > len(lists) or begin > end or each <= len(_OWNER):
            raise FormatError("a damaged list of signatures")
        for start in range(begin, end - each + 1, each):
            yield kind, lists[start + len(_OWNER) : start + each]
        at = end
