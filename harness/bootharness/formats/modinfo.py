"""What a kernel module says of itself: .modinfo of its ELF file (include/linux/module.h)."""

import struct

from bootharness.errors import FormatError

__all__ = ["modinfo"]

_NAME = b".modinfo\0"
_MOST_SECTIONS = 1 << 16
_SECTION = {2: struct.Struct("<I20xQQ24x"), 1: struct.Struct("<I12xII16x")}
"""Of a section's header: name, offset and size."""
_HEAD = {2: struct.Struct("<40xQ10xHHH"), 1: struct.Struct("<32xI10xHHH")}
"""Of the file's: where those are, how large, how many, and which has the names."""


def modinfo(data: bytes) -> list[tuple[str, str]]:
    """Return the keys and values, as ``("depends", "dm-mod")``. Raises FormatError for what is no
    module."""
    width = data[4] if data[:4] == b"\x7fELF" and len(data) > 5 else 0
    if width not in _HEAD or data[5] != 1:
        raise FormatError("not a kernel module")
    try:
        at, size, number, named_by = _HEAD[width].unpack_from(data)
        if number > _MOST_SECTIONS or at >= len(data):
            raise FormatError("a damaged module")
        headers = [_SECTION[width].unpack_from(data, at + each * size) for each in range(number)]
        names = headers[named_by][1]
        for name, offset, length in headers:
            if data.startswith(_NAME, names + name):
                said = data[offset : offset + length].decode("utf-8", "replace")
                break
        else:
            raise FormatError("not a kernel module")
    except (struct.error, IndexError) as error:
        raise FormatError("a damaged module") from error
    pairs = (each.partition("=") for each in said.split("\0") if each)
    return [(key, value) for key, _, value in pairs]
