"""The sections of a UEFI program (PE/COFF specification, "File Headers", "Section Table").

A unified kernel image is such a program with the kernel in its section ``.linux`` (UAPI.5).
"""

import struct
from io import BytesIO
from itertools import pairwise
from typing import BinaryIO

from msgspec import Struct

from bootharness.errors import FormatError

__all__ = ["PeSection", "flaw_of", "machine_of", "pe_sections", "subsystem_of"]

_POINTER_AT = 0x3C
_COFF = struct.Struct("<4sHHIIIHH")
"""signature, machine, sections, time, symbols, number of symbols, optional header, flags"""
_SECTION = struct.Struct("<8sIIII16x")
"""name, virtual size, virtual address, raw size, raw offset"""
_MOST_SECTIONS = 96
_MZ, _PE = b"MZ", b"PE\0\0"
_SUBSYSTEM_AT = 24 + 68
_SUBSYSTEMS = {10: "application", 11: "driver", 12: "driver of the runtime services", 13: "ROM"}
_MACHINES = {
    0x14C: "i386", 0x8664: "x64", 0xAA64: "arm64", 0x1C0: "arm", 0x1C2: "arm", 0x200: "ia64",
    0x5032: "riscv32", 0x5064: "riscv64", 0x6264: "loongarch64", 0xEBC: "ebc",
}  # fmt: skip


class PeSection(Struct, frozen=True):
    """Where a section lies in the file, and what of it is meant, in bytes."""

    name: str
    offset: int
    size: int


def machine_of(program: bytes) -> str:
    """Return what machine a UEFI program is for, as ``x64``; empty for what is none."""
    at = int.from_bytes(program[_POINTER_AT : _POINTER_AT + 4], "little")
    if not program.startswith(_MZ) or program[at : at + 4] != _PE:
        return ""
    machine = int.from_bytes(program[at + 4 : at + 6], "little")
    return _MACHINES.get(machine, f"machine {machine:#06x}")


def subsystem_of(program: bytes) -> str:
    """Return what kind of UEFI program it is, as ``application``; empty for what is none."""
    at = int.from_bytes(program[_POINTER_AT : _POINTER_AT + 4], "little")
    if not machine_of(program):
        return ""
    kind = int.from_bytes(program[at + _SUBSYSTEM_AT : at + _SUBSYSTEM_AT + 2], "little")
    return _SUBSYSTEMS.get(kind, f"program of subsystem {kind}, not of UEFI's")


def flaw_of(program: bytes) -> str:
    """Return what is wrong with where a UEFI program's sections lie, empty where nothing is."""
    try:
        sections = _table(BytesIO(program))
    except FormatError:
        return "it ends in its headers"
    placed = sorted((address, address + size, _name(name)) for name, size, address, *_ in sections)
    for (_, ends, one), (begins, _, other) in pairwise(placed):
        if begins < ends:
            return f"its sections {one} and {other} lie on each other in memory"
    for name, _, _, raw, offset in sections:
        if raw and offset + raw > len(program):
            return (
                f"its section {_name(name)} ends at {offset + raw:,} bytes, its file has "
                f"{len(program):,}"
            )
    return ""


def _name(name: bytes) -> str:
    return name.rstrip(b"\0").decode("ascii", "replace")


def pe_sections(file: BinaryIO) -> tuple[PeSection, ...]:
    """Return the sections of a UEFI program. Raises FormatError where there are none."""
    return tuple(
        PeSection(_name(name), offset, min(virtual, raw) or raw)
        for name, virtual, _, raw, offset in _table(file)
    )


def _table(file: BinaryIO) -> list[tuple[bytes, int, int, int, int]]:
    try:
        file.seek(_POINTER_AT)
        at = int.from_bytes(file.read(4), "little")
        file.seek(at)
        signature, _, number, _, _, _, optional, _ = _COFF.unpack(file.read(_COFF.size))
        if signature != b"PE\0\0":
            raise FormatError("not a UEFI program (PE)")
        file.seek(at + _COFF.size + optional)
        return [
            _SECTION.unpack(file.read(_SECTION.size)) for _ in range(min(number, _MOST_SECTIONS))
        ]
    except struct.error as error:
        raise FormatError("a UEFI program (PE) that ends in its headers") from error
