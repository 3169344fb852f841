"""What a loader's ELF file tells: its bytes as they lie in memory, and its symbols."""

import re
from pathlib import Path

from msgspec import Struct

from bootharness.errors import UsageError

__all__ = ["LABEL", "Executable", "line_of", "read_elf"]

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


def line_of(path: Path, linear: int) -> tuple[str, int] | None:
    """Return the source file and line that made the code at an address, as the ELF file's DWARF
    has it; None where it does not say."""
    from elftools.common.exceptions import DWARFError, ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            if not elf.has_dwarf_info():
                return None
            dwarf = elf.get_dwarf_info()
            for unit in dwarf.iter_CUs():
                if (program := dwarf.line_program_for_CU(unit)) is None:
                    continue
                before = None
                for state in (entry.state for entry in program.get_entries() if entry.state):
                    if before and before.address <= linear < state.address:
                        name = program["file_entry"][before.file - 1].name
                        return name.decode(errors="replace"), before.line
                    before = None if state.end_sequence else state
    except (OSError, ELFError, DWARFError, LookupError):
        return None
    return None
