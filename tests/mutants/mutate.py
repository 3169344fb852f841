"""The mutants of a loader: one instruction changed, the rest as it was.

drop        the instruction becomes NOPs
constant    an immediate or an address is one more, one less, 0
condition   a conditional jump has the opposite condition, or is always taken
width       the instruction works on another number of bytes
"""

from collections.abc import Iterator
from pathlib import Path

from capstone import CS_ARCH_X86, CS_MODE_16, Cs, CsInsn
from elftools.dwarf.lineprogram import LineProgram, LineProgramEntry
from elftools.elf.elffile import ELFFile
from msgspec import Struct
from msgspec.structs import replace

from bootharness.routes.loader import ORIGIN, Loader

__all__ = ["Mutant", "mutants"]

_NOP = b"\x90"
_OPERAND_SIZE = 0x66
_SEGMENT_FS = 0x64
_JCXZ, _JMP_SHORT = 0xE3, 0xEB
_SHORT_JUMPS, _NEAR_JUMPS = range(0x70, 0x80), range(0x80, 0x90)
_TWO_BYTES = 0x0F
# opcodes of which bit 0 is the width: byte, or word and double word
_WIDTH_BIT = (
    *range(0x40),
    *range(0x84, 0x8C),
    *range(0xA0, 0xA4),
    0xAC,
    0xC0,
    0xC1,
    0xC6,
    0xC7,
    *range(0xD0, 0xD4),
)


class Mutant(Struct, frozen=True):
    """A loader with one instruction changed, and where that is in its source.

    ``label`` is the label above, ``source`` the line without its comment, ``change`` says
    how it was changed.
    """

    loader: Loader
    address: int
    line: int
    label: str
    source: str
    change: str

    @property
    def name(self) -> str:
        """What is changed and how, in one line."""
        return f"{self.line}: {self.label}: {self.source}: {self.change}"


def mutants(loader: Loader, source: Path, *, end: str) -> Iterator[Mutant]:
    """Yield every mutant of a loader's code, which ends at the label ``end``."""
    code = loader.binary[: loader.symbols[end] - ORIGIN]
    lines = _lines(loader, source)
    for instruction in _disassembler().disasm(code, ORIGIN):
        line = lines[instruction.address]
        seen = {bytes(instruction.bytes)}
        for change, changed in _changes(instruction):
            if changed in seen:
                continue
            seen.add(changed)
            yield Mutant(
                loader=_patched(loader, instruction.address - ORIGIN, changed),
                address=instruction.address,
                line=line[0],
                label=_label(loader, instruction.address),
                source=line[1],
                change=change,
            )


def _changes(instruction: CsInsn) -> Iterator[tuple[str, bytes]]:
    raw = bytes(instruction.bytes)
    yield "dropped", _NOP * len(raw)
    yield from _constants(instruction, raw)
    yield from _conditions(raw)
    yield from _widths(raw)


def _constants(instruction: CsInsn, raw: bytes) -> Iterator[tuple[str, bytes]]:
    for at, size in (
        (instruction.imm_offset, instruction.imm_size),
        (instruction.disp_offset, instruction.disp_size),
    ):
        if not at:
            continue
        value, mask = int.from_bytes(raw[at : at + size], "little"), (1 << 8 * size) - 1
        for other in ((value + 1) & mask, (value - 1) & mask, 0):
            changed = raw[:at] + other.to_bytes(size, "little") + raw[at + size :]
            yield f"0x{value:x} becomes 0x{other:x}", changed


def _conditions(raw: bytes) -> Iterator[tuple[str, bytes]]:
    opcode = raw[0]
    if opcode in _SHORT_JUMPS:
        yield "opposite condition", bytes((opcode ^ 1, raw[1]))
        yield "always taken", bytes((_JMP_SHORT, raw[1]))
    elif opcode == _TWO_BYTES and raw[1] in _NEAR_JUMPS:
        yield "opposite condition", bytes((opcode, raw[1] ^ 1)) + raw[2:]
    elif opcode == _JCXZ:
        yield "always taken", bytes((_JMP_SHORT, raw[1]))


def _widths(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield other widths that keep the length: what follows must stay what it is."""
    prefixes = len(raw) - len(raw.lstrip(bytes((_OPERAND_SIZE, _SEGMENT_FS))))
    opcode = raw[prefixes]
    if opcode in _WIDTH_BIT:
        changed = raw[:prefixes] + bytes((opcode ^ 1,)) + raw[prefixes + 1 :]
        if _is_one(changed):
            yield "another width", changed
    at = raw.find(_OPERAND_SIZE, 0, prefixes)
    if at >= 0:
        narrow = raw[:at] + raw[at + 1 :]
        if _is_one(narrow):
            yield "16 bits instead of 32", _NOP + narrow


def _is_one(code: bytes) -> bool:
    """Whether bytes are one instruction, no less and no more."""
    decoded = list(_disassembler().disasm(code, ORIGIN))
    return len(decoded) == 1 and decoded[0].size == len(code)


def _disassembler() -> Cs:
    disassembler = Cs(CS_ARCH_X86, CS_MODE_16)
    disassembler.detail = True
    return disassembler


def _patched(loader: Loader, at: int, code: bytes) -> Loader:
    binary = loader.binary[:at] + code + loader.binary[at + len(code) :]
    return replace(loader, name="mutant", binary=binary)


def _label(loader: Loader, address: int) -> str:
    below = [(linear, name) for name, linear in loader.symbols.items() if linear <= address]
    return max(below)[1]


def _lines(loader: Loader, source: Path) -> dict[int, tuple[int, str]]:
    """Return the line in the source of each instruction's address, by DWARF."""
    assert loader.elf
    text = source.read_text().splitlines()
    with loader.elf.open("rb") as file:
        dwarf = ELFFile(file).get_dwarf_info()
        return {
            entry.state.address: (entry.state.line, _plain(text[entry.state.line - 1]))
            for unit in dwarf.iter_CUs()
            for entry in _entries(dwarf.line_program_for_CU(unit))
            if entry.state and not entry.state.end_sequence
        }


def _entries(program: LineProgram | None) -> list[LineProgramEntry]:
    return program.get_entries() if program else []


def _plain(line: str) -> str:
    code = line.partition(";")[0]
    label, colon, rest = code.partition(":")
    if colon and label.strip().lstrip(".").isidentifier():
        code = rest
    return " ".join(code.split())
