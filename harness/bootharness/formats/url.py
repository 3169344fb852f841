"""URLs as anybody may send them: RFC 3986, appendix B, which takes every text."""

import re
from typing import NamedTuple

__all__ = ["Url"]

_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*))?([^?#]*)")
_PORT = re.compile(r":\d*$")


class Url(NamedTuple):
    """The parts of a URL, the first two empty where it is only a path."""

    scheme: str
    """In small letters."""
    host: str
    """A name or an address, of IPv6 without brackets."""
    path: str
    """As it is written: nothing is unquoted."""

    @classmethod
    def of(cls, text: str) -> "Url":
        """Take a text apart."""
        found = _PARTS.match(text)
        assert found  # it may be empty
        scheme, authority, path = found.groups("")
        host = _PORT.sub("", authority.rpartition("@")[2])
        return cls(scheme.lower(), host.strip("[]"), path)
