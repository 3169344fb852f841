"""Certificates as a UEFI's variables have them: lists of signatures, UEFI 2.10, 32.4.1."""

import re
import struct
import uuid
from base64 import b64decode

__all__ = ["signature_lists"]

_X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
_OWNER = uuid.UUID("b00748a5-0000-4000-8000-000000000001").bytes_le
_HEADER = struct.Struct("<16sIII")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


def signature_lists(pem: str) -> bytes:
    """Return the certificates in a text, one list for each."""
    lists = b""
    for found in _PEM.findall(pem):
        signature = _OWNER + b64decode(found)
        size = _HEADER.size + len(signature)
        lists += _HEADER.pack(_X509, size, 0, len(signature)) + signature
    return lists
