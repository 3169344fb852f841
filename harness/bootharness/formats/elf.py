"""What a loader's ELF file tells: its bytes as they lie in memory, and its symbols."""

import re
from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError

__all__ = ["LABEL", "Executable", "read_elf"]

LABEL = re.compile(r"[A-Za-z_.$?@][\w.$?@#~]*", re.ASCII)
"""What NASM and gas call a label; other symbols are of no use to people."""


class Executable(Struct, frozen=True):
    """A linked program: bytes from ``origin`` on (linear), symbols as linear addresses."""

    origin: int
    binary: bytes
    symbols: dict[str, int]


def read_elf(path: Path) -> Executable:
    """Read a linked ELF file. Raises UsageError when it is not one or has no code."""
    # an import of 0.1 s, needed only when a loader is new
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            sections = sorted(
                (section["sh_addr"], section.data())
                for section in elf.iter_sections("SHT_PROGBITS")
                if section["sh_flags"] & 2 and section["sh_size"]  # SHF_ALLOC
            )
            symbols = {
                symbol.name: symbol["st_value"]
                for table in elf.iter_sections("SHT_SYMTAB")
                for symbol in table.iter_symbols()  # type: ignore[attr-defined]
                if LABEL.fullmatch(symbol.name) and isinstance(symbol["st_shndx"], int)
            }
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ELFError as error:
        raise UsageError(f"{path}: not an ELF file: {error}") from error
    if not sections:
        raise UsageError(f"{path}: the ELF file has no code")
    origin = sections[0][0]
    binary = bytearray()
    for start, data in sections:
        binary += bytes(start - origin - len(binary)) + data
    return Executable(origin, bytes(binary), symbols)
