"""A unified kernel image: a stub with a kernel, an initrd and a command line as its sections
(UAPI.5; PE/COFF specification, "Section Table")."""

import struct
from collections.abc import Mapping

from bootharness.errors import FormatError

__all__ = ["unified"]

_POINTER_AT = 0x3C
_SECTIONS_AT, _OPTIONAL_BYTES_AT, _OPTIONAL_AT = 6, 20, 24
_SECTION_ALIGNMENT_AT, _FILE_ALIGNMENT_AT = _OPTIONAL_AT + 32, _OPTIONAL_AT + 36
_IMAGE_BYTES_AT = _OPTIONAL_AT + 56
_SECTION = struct.Struct("<8sIIIIIIHHI")
_INITIALISED_READABLE = 0x40000040
_PAGE = 4096
_MOST_BYTES = 0xFFFFFFFF


def unified(stub: bytes, sections: Mapping[str, bytes]) -> bytes:
    """Return a stub with further sections behind its own.

    Raises FormatError for what is no such program, or has no room for so many in its headers.
    """
    image = bytearray(stub)
    try:
        pe = _number(image, _POINTER_AT)
        if image[pe : pe + 4] != b"PE\0\0":
            raise FormatError("not a UEFI program (PE)")
        (count,) = struct.unpack_from("<H", image, pe + _SECTIONS_AT)
        (optional,) = struct.unpack_from("<H", image, pe + _OPTIONAL_BYTES_AT)
        page = max(_number(image, pe + _SECTION_ALIGNMENT_AT), _PAGE)
        block = _number(image, pe + _FILE_ALIGNMENT_AT)
        table = pe + _OPTIONAL_AT + optional
        own = [_SECTION.unpack_from(image, table + _SECTION.size * each) for each in range(count)]
    except struct.error as error:
        raise FormatError("a UEFI program (PE) that ends in its headers") from error
    if not own or not block:
        raise FormatError("a UEFI program (PE) without sections")
    room = min(raw for _, _, _, _, raw, *_ in own if raw)
    if table + _SECTION.size * (count + len(sections)) > room:
        raise FormatError(f"a stub with room for fewer sections than {count + len(sections)}")
    added = sum(map(len, sections.values()))
    if len(image) + added + (page + block) * len(sections) > _MOST_BYTES:
        raise FormatError(f"a stub with {added:,} bytes more: a PE program is of less than 4 GiB")
    end = _up(max(address + size for _, size, address, *_ in own), page)
    for name, content in sections.items():
        image += bytes(-len(image) % block)
        raw = len(image)
        image += content + bytes(-len(content) % block)
        _SECTION.pack_into(image, table + _SECTION.size * count, name.encode(), len(content), end,
                           len(image) - raw, raw, 0, 0, 0, 0, _INITIALISED_READABLE)  # fmt: skip
        count, end = count + 1, _up(end + len(content), page)
    struct.pack_into("<H", image, pe + _SECTIONS_AT, count)
    struct.pack_into("<I", image, pe + _IMAGE_BYTES_AT, end)
    return bytes(image)


def _number(image: bytearray, at: int) -> int:
    (number,) = struct.unpack_from("<I", image, at)
    return int(number)


def _up(size: int, unit: int) -> int:
    return -(-size // unit) * unit
