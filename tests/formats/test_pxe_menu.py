"""Menus of boot servers that DHCP tells of, as a real dnsmasq 2.90 sends them, and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootharness.errors import FormatError
from bootharness.formats.dhcp import DhcpMessage, DhcpOption
from bootharness.formats.pxe_menu import PxeMenu

ENTRIES = b"\x80\x00\x04Boot\x00\x00\x05Local"
SENT = (
    b"\x06\x01\x03\x08\x07\x80\x00\x01\xc0\xa8\x4d\x02\x09\x0f"
    + ENTRIES
    + b"\x0a\x0a\xffPress F8!\xff"
)
"""Option 43 with discovery control, a boot server, a menu and its prompt."""


@pytest.mark.parametrize(
    ("options", "menu"),
    [
        ({6: b"\3", 9: ENTRIES, 10: b"\xffPress"}, PxeMenu(("Boot", "Local"), None)),
        ({9: ENTRIES, 10: b"\x1ePress"}, PxeMenu(("Boot", "Local"), 30)),
        ({9: ENTRIES, 10: b""}, PxeMenu(("Boot", "Local"), 0)),
        ({9: ENTRIES}, PxeMenu(("Boot", "Local"), 0)),
        ({6: b"", 9: b"\0\0\0"}, PxeMenu(("",), 0)),
        ({6: b"\x08", 9: ENTRIES, 10: b"\xff"}, None),
        ({10: b"\xffPress"}, None),
        ({}, None),
    ],
)
def test_a_menu_has_entries_and_a_time(options: dict[int, bytes], menu: PxeMenu | None) -> None:
    assert PxeMenu.parse(options) == menu


@pytest.mark.parametrize("cut", [b"\x80", b"\x80\0", ENTRIES[:-1], ENTRIES + b"\0\0"])
def test_an_entry_that_goes_past_the_end_is_refused(cut: bytes) -> None:
    with pytest.raises(FormatError, match="an entry of a PXE menu of"):
        PxeMenu.parse({9: cut})


@pytest.mark.parametrize(
    ("vendor_class", "menu"),
    [(b"PXEClient", PxeMenu(("Boot", "Local"), None)), (b"", None), (b"ubnt", None)],
)
def test_only_who_answers_as_a_pxe_server_tells_of_one(
    vendor_class: bytes, menu: PxeMenu | None
) -> None:
    options = {DhcpOption.VENDOR_CLASS: vendor_class, DhcpOption.VENDOR_OPTIONS: SENT}
    assert DhcpMessage(2, 7, bytes(6), options=options).pxe_menu == menu


@given(st.binary(max_size=300))
def test_any_bytes_are_taken(data: bytes) -> None:
    options = {DhcpOption.VENDOR_CLASS: b"PXEClient", DhcpOption.VENDOR_OPTIONS: data}
    try:
        menu = DhcpMessage(2, 7, bytes(6), options=options).pxe_menu
    except FormatError as error:
        assert str(error)
    else:
        assert menu is None or menu.entries
