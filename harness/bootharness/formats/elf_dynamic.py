"""What a program needs to be loaded: its interpreter and its libraries (gABI, chapter 5)."""

import struct
from collections.abc import Iterator

from msgspec import Struct

from bootharness.errors import FormatError

__all__ = ["Dynamic", "dynamic_of", "is_elf"]

_MAGIC = b"\x7fELF"
_WIDTHS = {1: 32, 2: 64}
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 15, 29
_SEGMENTS = 256
_ENTRIES = 4096
_NAME_BYTES = 4096


class Dynamic(Struct, frozen=True):
    """``machine`` is e_machine, ``bits`` 32 or 64; ``paths`` are where it wants its libraries from,
    before all others."""

    machine: int
    bits: int
    interpreter: str
    needed: tuple[str, ...]
    paths: tuple[str, ...]


class _Segment(Struct, frozen=True):
    kind: int
    offset: int
    address: int
    size: int


def is_elf(data: bytes) -> bool:
    """Return whether it is an ELF file by how it begins."""
    return data.startswith(_MAGIC)


def dynamic_of(data: bytes) -> Dynamic:
    """Return what a program or a library needs. Raises FormatError for what is no such file, or is
    damaged."""
    if not is_elf(data):
        raise FormatError("not an ELF file")
    bits, order = _WIDTHS.get(data[4] if len(data) > 5 else 0), data[5:6]
    if bits is None or order != b"\1":
        raise FormatError("an ELF file of no PC")
    try:
        return _read(data, bits)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise FormatError("a damaged ELF file") from error


def _read(data: bytes, bits: int) -> Dynamic:
    (machine,) = struct.unpack_from("<H", data, 18)
    segments = list(_segments(data, bits))
    interpreter = ""
    needed: list[str] = []
    paths: list[str] = []
    for each in segments:
        if each.kind == _PT_INTERP:
            interpreter = _text(data, each.offset)
        elif each.kind == _PT_DYNAMIC:
            tags = list(_tags(data, each, bits))
            table = [value for tag, value in tags if tag == _DT_STRTAB]
            if not table:
                continue
            strings = _offset_of(table[0], segments)
            for tag, value in tags:
                if tag == _DT_NEEDED:
                    needed.append(_text(data, strings + value))
                elif tag in (_DT_RPATH, _DT_RUNPATH):
                    paths += _text(data, strings + value).split(":")
    return Dynamic(machine, bits, interpreter, tuple(needed), tuple(paths))


def _segments(data: bytes, bits: int) -> Iterator[_Segment]:
    if bits == 64:
        (at,) = struct.unpack_from("<Q", data, 32)
        size, number = struct.unpack_from("<HH", data, 54)
    else:
        (at,) = struct.unpack_from("<I", data, 28)
        size, number = struct.unpack_from("<HH", data, 42)
    for index in range(min(number, _SEGMENTS)):
        entry = at + index * size
        if bits == 64:
            kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, entry)
        else:
            kind, offset, address, _, length = struct.unpack_from("<IIIII", data, entry)
        yield _Segment(kind, offset, address, length)


def _tags(data: bytes, segment: _Segment, bits: int) -> Iterator[tuple[int, int]]:
    entry = struct.Struct("<qQ" if bits == 64 else "<iI")
    for index in range(min(segment.size // entry.size, _ENTRIES)):
        tag, value = entry.unpack_from(data, segment.offset + index * entry.size)
        if tag == _DT_NULL:
            return
        yield tag, value


def _offset_of(address: int, segments: list[_Segment]) -> int:
    for each in segments:
        if each.kind == _PT_LOAD and each.address <= address < each.address + each.size:
            return each.offset + address - each.address
    raise ValueError("an address in no segment")


def _text(data: bytes, at: int) -> str:
    end = data.index(b"\0", at, at + _NAME_BYTES)
    return data[at:end].decode("utf-8", "surrogateescape")
