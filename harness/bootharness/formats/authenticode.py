"""How a UEFI program is signed (Microsoft "Windows Authenticode Portable Executable Signature
Format"; PE/COFF specification, "The Attribute Certificate Table")."""

import hashlib
import struct
from collections.abc import Iterator

from bootharness.errors import FormatError

__all__ = ["authenticode_hash", "bytes_with_signatures", "signatures_in"]

_POINTER_AT = 0x3C
_OPTIONAL_AT, _CHECKSUM_AT = 24, 64
_DIRECTORY_AT = {0x10B: 96, 0x20B: 112}
_CERTIFICATES = 4
_CERTIFICATE = struct.Struct("<IHH")
_PKCS7 = 2
_ALIGNMENT = 8
_MOST = 16


def authenticode_hash(program: bytes) -> bytes:
    """Return the SHA-256 of what of a program is signed. Raises FormatError for what is none."""
    checksum, entry, at, size = _places(program)
    end = at if at and size else len(program)
    digest = hashlib.sha256(program[:checksum])
    digest.update(program[checksum + 4 : entry])
    digest.update(program[entry + 8 : end])
    digest.update(program[end + size :] if at and size else b"")
    digest.update(bytes(-len(program) % _ALIGNMENT))
    return digest.digest()


def signatures_in(program: bytes) -> Iterator[bytes]:
    """Yield the signatures of a program, in PKCS #7. Raises FormatError for what is none."""
    _, _, at, size = _places(program)
    end = min(at + size, len(program))
    for _ in range(_MOST):
        if not at or at + _CERTIFICATE.size > end:
            return
        length, _, kind = _CERTIFICATE.unpack_from(program, at)
        if length <= _CERTIFICATE.size:
            return
        if kind == _PKCS7:
            yield _der(program[at + _CERTIFICATE.size : min(at + length, end)])
        at += -(-length // _ALIGNMENT) * _ALIGNMENT


def _der(padded: bytes) -> bytes:
    """Return what is written in DER, without what fills it up."""
    size, at = int.from_bytes(padded[1:2], "little"), 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(padded[2:at], "big")
    return padded[: at + size]


def bytes_with_signatures(head: bytes) -> int:
    """Return where the signatures of a program end that begins like this, 0 where it has none.
    Raises FormatError for what is none."""
    _, _, at, size = _places(head)
    return at + size if at else 0


def _places(program: bytes) -> tuple[int, int, int, int]:
    """Return where the checksum is, where it is said where the signatures are, and where and how
    large these are."""
    try:
        (pe,) = struct.unpack_from("<I", program, _POINTER_AT)
        optional = pe + _OPTIONAL_AT
        (kind,) = struct.unpack_from("<H", program, optional)
        if program[pe : pe + 4] != b"PE\0\0" or kind not in _DIRECTORY_AT:
            raise FormatError("not a UEFI program (PE)")
        entry = optional + _DIRECTORY_AT[kind] + 8 * _CERTIFICATES
        at, size = struct.unpack_from("<II", program, entry)
    except struct.error as error:
        raise FormatError("a UEFI program (PE) that ends in its headers") from error
    return optional + _CHECKSUM_AT, entry, at, size
