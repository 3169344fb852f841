"""When a certificate is valid: RFC 5280, as DER has it."""

from datetime import UTC, datetime

from bootharness.errors import FormatError

__all__ = ["validity"]

_SEQUENCE, _VERSION, _UTC_TIME, _TIME = 0x30, 0xA0, 0x17, 0x18
# serial number, algorithm, issuer
_BEFORE_VALIDITY = 3
# of a year in two digits
_THIS_CENTURY_UNTIL = 50


def validity(der: bytes) -> tuple[datetime, datetime]:
    """Return from when until when a certificate is valid. Raises FormatError for what is none."""
    try:
        _, certificate, _ = _element(der)
        _, signed, _ = _element(certificate)
        if signed[:1] == bytes([_VERSION]):
            signed = _element(signed)[2]
        for _ in range(_BEFORE_VALIDITY):
            signed = _element(signed)[2]
        kind, dates, _ = _element(signed)
        if kind != _SEQUENCE:
            raise FormatError("a certificate without dates")
        first, begins, rest = _element(dates)
        last, ends, _ = _element(rest)
        return _moment(first, begins), _moment(last, ends)
    except (IndexError, ValueError) as error:
        raise FormatError("no certificate in DER") from error


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return an element's kind and content, and what comes behind it."""
    size, at = data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    if at + size > len(data):
        raise ValueError("an element that goes past the end")
    return data[0], data[at : at + size], data[at + size :]


def _moment(kind: int, text: bytes) -> datetime:
    said = text.decode("ascii")
    if kind == _UTC_TIME:
        said = ("20" if int(said[:2]) < _THIS_CENTURY_UNTIL else "19") + said
    elif kind != _TIME:
        raise ValueError("an element that is no time")
    return datetime.strptime(said, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
