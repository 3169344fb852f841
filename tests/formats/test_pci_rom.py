"""The ROMs of cards: which device each is for."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bootharness.formats.pci_rom import PciRom, pci_roms


def test_rom_with_code_for_two_firmwares() -> None:
    data = Path("/usr/lib/ipxe/qemu/efi-virtio.rom").read_bytes()
    assert [(each.vendor, each.code) for each in pci_roms(data)] == [(0x1AF4, 0), (0x1AF4, 3)]


def test_rom_is_written_as_people_know_cards() -> None:
    assert str(PciRom(0x8086, 0x100E, 0)) == "BIOS code for 8086:100e"


@given(st.binary(max_size=2000))
def test_what_is_no_rom_does_no_harm(data: bytes) -> None:
    for each in (data, b"\x55\xaa" + data):
        assert len(pci_roms(each)) <= 16
