"""The recorder as a file that QEMU can load."""

import re
from pathlib import Path

from bootharness.host.assembler import assemble_flat, shipped

__all__ = ["return_addresses", "sender", "uefi_sender", "write_rom", "write_uefi_rom"]

_CALL_BYTES = 3
# `send` is: push word 'C'; call send_record
_SEND_UEFI = b"\x9c\x56\xfa\xfc"
"""pushfq; push rsi; cli; cld: how `send_record` begins in the ROM for a UEFI."""
_PUSH = re.compile(rb"\x68[CRHI]\0\xe8|\x6a[CRHI]\xe8", re.DOTALL)


def write_rom(folder: Path, *, armed: bool = True) -> tuple[Path, frozenset[int]]:
    """Write the option ROM, its bytes summing up to 0 as the BIOS wants; it sets breakpoints at
    the kernel's entry only where it is ``armed``.

    Returns its path and what `return_addresses` says of it.
    """
    defines = {} if armed else {"UNARMED": 1}
    rom = bytearray(assemble_flat(shipped("mbr/recorder.asm"), **defines))
    rom[-1] = -sum(rom) & 0xFF
    path = folder / "recorder.rom"
    path.write_bytes(rom)
    return path, return_addresses(bytes(rom))


def write_uefi_rom(folder: Path) -> Path:
    """Write the option ROM with the recorder for a UEFI, and return its path."""
    path = folder / "recorder.rom"
    path.write_bytes(assemble_flat(shipped("mbr/uefi_recorder.asm")))
    return path


def return_addresses(rom: bytes) -> frozenset[int]:
    """Return the addresses, in the ROM's segment, that its calls of ``send_record`` come back to.

    One of them is in each of its records: so it tells its own from what others write.
    """
    return frozenset(found.end() + _CALL_BYTES - 1 for found in _PUSH.finditer(rom))


def sender(rom: bytes) -> int | None:
    """Return the address, in the ROM's segment, of its ``send_record``, through which each record
    goes; None of another ROM."""
    found = _PUSH.search(rom)
    if found is None:
        return None
    return (
        found.end()
        + _CALL_BYTES
        - 1
        + int.from_bytes(rom[found.end() :][:2], "little", signed=True)
        & 0xFFFF
    )


def uefi_sender(rom: bytes) -> int | None:
    """Return the offset, in the ROM for a UEFI, of its ``send_record``, through which each record
    goes; None of another ROM."""
    at = rom.find(_SEND_UEFI)
    return at if at >= 0 else None
