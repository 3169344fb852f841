"""The ROM of a PCI card: images one behind the other, each for a device. PCI Firmware 3.0, 5.1."""

import struct
from typing import NamedTuple

__all__ = ["PciRom", "pci_roms"]

_SIGNATURE = b"\x55\xaa"
_POINTER_AT = 0x18
_DATA = struct.Struct("<4sHHHHB3sHHBB")
_DATA_SIGNATURE = b"PCIR"
_LAST = 0x80
_BLOCK_BYTES = 512
_MOST_IMAGES = 16
_CODES = {0: "BIOS", 3: "UEFI"}


class PciRom(NamedTuple):
    """An image: for which vendor's device, and of which kind its code is: 0 BIOS, 3 UEFI."""

    vendor: int
    device: int
    code: int

    def __str__(self) -> str:
        kind = _CODES.get(self.code, f"other ({self.code})")
        return f"{kind} code for {self.vendor:04x}:{self.device:04x}"


def pci_roms(data: bytes) -> list[PciRom]:
    """Return the images of a ROM, none where it is no ROM."""
    found: list[PciRom] = []
    at = 0
    while data[at : at + 2] == _SIGNATURE and len(found) < _MOST_IMAGES:
        where = at + int.from_bytes(data[at + _POINTER_AT : at + _POINTER_AT + 2], "little")
        if len(data) < where + _DATA.size:
            break
        signature, vendor, device, _, _, _, _, blocks, _, code, last = _DATA.unpack_from(
            data, where
        )
        if signature != _DATA_SIGNATURE:
            break
        found.append(PciRom(vendor, device, code))
        if last & _LAST or not blocks:
            break
        at += blocks * _BLOCK_BYTES
    return found
