"""The sections of a UEFI program (PE/COFF specification, "File Headers", "Section Table").

A unified kernel image is such a program with the kernel in its section ``.linux`` (UAPI.5).
"""

import struct
from typing import BinaryIO

from msgspec import Struct

from bootharness.errors import FormatError

__all__ = ["PeSection", "pe_sections"]

_POINTER_AT = 0x3C
_COFF = struct.Struct("<4sHHIIIHH")
"""signature, machine, sections, time, symbols, number of symbols, optional header, flags"""
_SECTION = struct.Struct("<8sIIII16x")
"""name, virtual size, virtual address, raw size, raw offset"""
_MOST_SECTIONS = 96


class PeSection(Struct, frozen=True):
    """Where a section lies in the file, and what of it is meant, in bytes."""

    name: str
    offset: int
    size: int


def pe_sections(file: BinaryIO) -> tuple[PeSection, ...]:
    """Return the sections of a UEFI program. Raises FormatError where there are none."""
    try:
        file.seek(_POINTER_AT)
        at = int.from_bytes(file.read(4), "little")
        file.seek(at)
        signature, _, number, _, _, _, optional, _ = _COFF.unpack(file.read(_COFF.size))
        if signature != b"PE\0\0":
            raise FormatError("not a UEFI program (PE)")
        file.seek(at + _COFF.size + optional)
        table = [
            _SECTION.unpack(file.read(_SECTION.size)) for _ in range(min(number, _MOST_SECTIONS))
        ]
    except struct.error as error:
        raise FormatError("a UEFI program (PE) that ends in its headers") from error
    return tuple(
        PeSection(name.rstrip(b"\0").decode("ascii", "replace"), offset, min(virtual, raw) or raw)
        for name, virtual, _, raw, offset in table
    )
