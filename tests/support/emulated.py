"""Boot sectors of a few instructions, run in the predictor's machine."""

import subprocess
from pathlib import Path

from capstone import CS_ARCH_X86, CS_MODE_16, Cs

from bootharness.kernels.content import Piece, PieceMap
from bootharness.predictor.footsteps import Footsteps
from bootharness.predictor.pc import Pc
from bootharness.predictor.quirks import Quirks
from bootharness.predictor.sectors import Sectors
from bootharness.trace.bioses import BIOSES

__all__ = ["ORIGIN", "SECTORS", "assembled", "machine", "steps"]

ORIGIN, SECTORS = 0x7C00, 4096


def assembled(folder: Path, code: str) -> bytes:
    """Return a boot sector of this code, with its signature."""
    source, binary = folder / "sector.asm", folder / "sector.bin"
    source.write_text(f"cpu 586\nbits 16\norg 0x7c00\n{code}\n")
    subprocess.run(["nasm", "-f", "bin", "-o", binary, source], check=True)
    return binary.read_bytes().ljust(510, b"\0") + b"\x55\xaa"


def machine(
    folder: Path,
    code: str,
    *,
    disk: bytes = b"",
    bios: str = "seabios",
    memory_bytes: int = 64 << 20,
    quirks: Quirks = Quirks(),  # noqa: B008 - frozen
) -> Pc:
    """Return a machine about to boot this code from a disk that goes on with these bytes."""
    content = PieceMap()
    content.put(0, Piece.of((assembled(folder, code) + disk).ljust(SECTORS * 512, b"\0")))
    return Pc(Sectors(content, SECTORS, quirks.errors), memory_bytes, BIOSES[bios], quirks)


def steps(folder: Path, lines: str) -> Footsteps:
    """Return the steps through instructions in a row, set apart by semicolons."""
    parts = lines.split(";")
    code = assembled(folder, "\n".join(parts))
    found = list(Cs(CS_ARCH_X86, CS_MODE_16).disasm(code, ORIGIN, len(parts)))
    of = {each.address: bytes(each.bytes) for each in found}
    return Footsteps(tuple(of), of, frozenset(of), None, None)
