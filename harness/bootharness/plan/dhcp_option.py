"""An option of a DHCP answer as people write it: ``N=VALUE``.

66=boot.example.org         text
6=10.0.2.1,10.0.2.7         IPv4 addresses, for options that have no name in that place
175=0xb10101                bytes, in hex; hex:b10101 is the same
66=text:0x12                text, whatever it looks like
60=                         leave the option out
"""

import ipaddress
from collections.abc import Mapping

from bootharness.errors import UsageError

__all__ = ["check_dhcp_option", "check_fit", "dhcp_value", "read_dhcp_option"]

_TEXT, _HEX = "text:", ("0x", "hex:")
_OWN = {0: "a pad", 53: "the message's kind", 54: "the server's address", 255: "the end"}
_NAMES = (12, 15, 17, 40, 60, 64, 66, 67)
"""Options that are text by RFC 2132, though it may look like an address."""
_MOST_BYTES = 255
_MOST_IN_ALL = 1000
"""So that an answer fits a frame."""


def read_dhcp_option(text: str) -> tuple[int, bytes]:
    """Return an option's number and value, empty to leave it out. Raises UsageError."""
    number, equals, value = text.partition("=")
    if not equals or not number.isascii() or not number.isdecimal():
        raise UsageError(f"{text!r}: it is N=VALUE, as 66=boot.example.org or 175=0xb10101")
    return int(number), dhcp_value(int(number), value)


def check_dhcp_option(text: str) -> None:
    """Raise UsageError for what is no option."""
    read_dhcp_option(text)


def check_fit(options: Mapping[int, bytes]) -> None:
    """Raise UsageError for options that do not fit an answer."""
    if (size := sum(map(len, options.values()))) > _MOST_IN_ALL:
        raise UsageError(f"have {size:,} bytes, and {_MOST_IN_ALL:,} fit an answer")


def dhcp_value(number: int, text: str) -> bytes:
    """Return the value of an option. Raises UsageError for one that cannot be."""
    if number in _OWN:
        raise UsageError(f"{number}: it is {_OWN[number]}, which is the server's own")
    if number > _MOST_BYTES:
        raise UsageError(f"{number}: the numbers of DHCP's options end at 254")
    value = _value(number, text)
    if len(value) > _MOST_BYTES:
        raise UsageError(f"{number}: the value has {len(value):,} bytes, and {_MOST_BYTES} fit")
    return value


def _value(number: int, text: str) -> bytes:
    if text.startswith(_TEXT):
        return text.removeprefix(_TEXT).encode()
    prefix = next((each for each in _HEX if text.startswith(each)), None)
    if prefix:
        try:
            return bytes.fromhex(text.removeprefix(prefix).replace(":", " "))
        except ValueError:
            raise UsageError(
                f"{number}: {text!r} is no hex: two digits a byte, or text: before it"
            ) from None
    addresses = _addresses(text) if number not in _NAMES else None
    return text.encode() if addresses is None else addresses


def _addresses(text: str) -> bytes | None:
    try:
        return b"".join(ipaddress.IPv4Address(each.strip()).packed for each in text.split(","))
    except ValueError:
        return None
