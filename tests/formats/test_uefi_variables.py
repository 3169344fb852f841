"""A UEFI's variables in its flash."""

import struct
import uuid
from pathlib import Path

import pytest

from bootharness.errors import FormatError
from bootharness.formats.uefi_variables import vlan_variable, with_variable
from tests.support.media import needs

VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")

VENDOR = uuid.UUID("9e23d768-d2f3-4366-9fc3-3a7aba864374")


def empty(size: int = 400) -> bytes:
    """A flash with an empty store of so many bytes."""
    header = bytes(0x30) + struct.pack("<H", 72) + bytes(22)
    kind = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le
    store = kind + struct.pack("<IBB6x", size, 0x5A, 0xFE)
    return (header + store).ljust(72 + size, b"\xff")


def test_variable_goes_behind_those_that_are_there() -> None:
    once = with_variable(empty(), "a", VENDOR, b"xyz")
    twice = with_variable(once, "b", VENDOR, b"0")
    assert once.startswith(twice[:100])
    assert twice[100:102] == b"\xaa\x55"
    assert twice[100 + 60 : 100 + 67] == b"a\0\0\0xyz"
    assert twice[168:170] == b"\xaa\x55"
    assert twice[168 + 60 : 168 + 65] == b"b\0\0\x000"
    assert len(twice) == len(empty())


def test_vlan_is_named_by_the_card() -> None:
    assert vlan_variable("52:54:00:12:aB:01", 260) == ("52540012AB01", VENDOR, b"\x04\x01")


def test_what_ovmf_ships_takes_one() -> None:
    needs(VARIABLES)
    flash = VARIABLES.read_bytes()
    assert len(with_variable(flash, *vlan_variable("52:54:00:12:34:01", 5))) == len(flash)


@pytest.mark.parametrize(
    ("flash", "says"),
    [
        (b"", "too short"),
        (bytes(200), "not a flash"),
        (b"\xff" * 0x10100, "too short|not a flash"),
        (empty(80), "no room for the variable"),
    ],
)
def test_what_takes_none_says_so(flash: bytes, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        with_variable(flash, "name", VENDOR, b"value")
