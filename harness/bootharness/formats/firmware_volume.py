"""The flash of a UEFI as EDK2 builds it: firmware volumes, and what is in them (Platform
Initialization specification 1.8, volume 3)."""

import lzma
import struct
import uuid

from msgspec import Struct

from bootharness.errors import FormatError

__all__ = ["FirmwareBuild", "firmware_build", "is_variables"]

_HEADER = struct.Struct("<16x16sQ4s")
"""zeros, what kind of a volume it is, its size, signature"""
_SIGNATURE = b"_FVH"
_VARIABLES = uuid.UUID("fff12b8d-7696-4c8b-a985-2747075b4f50").bytes_le
_COMPRESSED = uuid.UUID("ee4e5898-3914-4259-9d6e-dc7bd79403cf").bytes_le
"""What begins a section that is unpacked by LZMA; the offset of its data comes behind."""
_SMM_CORE = uuid.UUID("e94f54cd-81eb-47ed-aec3-856f5dc157a9").bytes_le
_SECURE_BOOT_SETUP = uuid.UUID("f0e6a44f-7195-41c3-ac64-54f202cd0a21").bytes_le
_DRIVER_OF_32_BITS, _DRIVER_OF_64_BITS = b"PE\0\0\x4c\x01", b"PE\0\0\x64\x86"
_SECTION_HEAD = 4
_LEAST_BYTES, _MOST_BYTES = 1 << 18, 1 << 26
_MOST_UNPACKED = 1 << 26


class FirmwareBuild(Struct, frozen=True):
    """The build of a UEFI: its ``code``, the ``variables`` that came in the same file, if they did,
    and how many bytes those have to have. ``smm`` says whether it keeps its memory from the system
    in system management mode, ``secure_boot`` whether it can do Secure Boot, ``narrow`` whether
    all its drivers are for a CPU of 32 bits: it runs no others."""

    code: bytes
    variables: bytes | None
    variables_bytes: int
    smm: bool
    secure_boot: bool
    narrow: bool = False


def is_variables(content: bytes) -> bool:
    """Return whether a flash begins with the variables of a UEFI."""
    first = _volume(content, 0)
    return first is not None and first[0] == _VARIABLES


def firmware_build(content: bytes) -> FirmwareBuild:
    """Return what a file has of a UEFI. Raises FormatError for what has no code of one."""
    if not _LEAST_BYTES <= len(content) <= _MOST_BYTES:
        raise FormatError("no firmware of a UEFI: it has another size")
    first = _volume(content, 0)
    if first is None:
        cut = content[_HEADER.size - len(_SIGNATURE) :].startswith(_SIGNATURE)
        why = "it ends in a firmware volume" if cut else "it does not begin with a firmware volume"
        raise FormatError(f"no firmware of a UEFI: {why}")
    kind, size = first
    variables = None
    if kind == _VARIABLES:
        if len(content) - size < _LEAST_BYTES or _volume(content, size) is None:
            raise FormatError("the variables of a UEFI, without its code")
        variables, content = content[:size], content[size:]
    inside = _unpacked(content)
    # together they fill a flash, whose size is a power of 2
    flash = 1 << (len(content) - 1).bit_length()
    return FirmwareBuild(
        content,
        variables,
        len(variables) if variables else flash - len(content),
        _SMM_CORE in inside,
        _SECURE_BOOT_SETUP in inside,
        _DRIVER_OF_32_BITS in inside and _DRIVER_OF_64_BITS not in inside,
    )


def _volume(content: bytes, at: int) -> tuple[bytes, int] | None:
    """Return the kind and the size of the volume that begins there, None where none does."""
    if at + _HEADER.size > len(content):
        return None
    kind, size, signature = _HEADER.unpack_from(content, at)
    return (kind, size) if signature == _SIGNATURE and size <= len(content) - at else None


def _unpacked(code: bytes) -> bytes:
    """Return the drivers in the code of a firmware. Raises FormatError where they are not packed
    as EDK2 packs them."""
    at = code.find(_COMPRESSED)
    head = code[at + len(_COMPRESSED) :][:2]
    if at < _SECTION_HEAD or len(head) < 2:
        raise FormatError("no firmware of a UEFI that is built as EDK2 builds OVMF")
    begin = at - _SECTION_HEAD + int.from_bytes(head, "little")
    try:
        unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE)
        return unpacker.decompress(code[begin:], _MOST_UNPACKED)
    except lzma.LZMAError as error:
        raise FormatError("a damaged firmware of a UEFI: it cannot be unpacked") from error
