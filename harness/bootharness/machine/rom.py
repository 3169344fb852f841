"""The recorder as a file that QEMU can load."""

from pathlib import Path

from bootharness.host.assembler import assemble_flat, shipped

__all__ = ["write_rom"]


def write_rom(folder: Path) -> Path:
    """Write the option ROM, its bytes summing up to 0 as the BIOS wants, and return its path."""
    rom = bytearray(assemble_flat(shipped("mbr/recorder.asm")))
    rom[-1] = -sum(rom) & 0xFF
    path = folder / "recorder.rom"
    path.write_bytes(rom)
    return path
