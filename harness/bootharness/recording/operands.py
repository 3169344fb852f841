"""Where an instruction writes, by its operands and the registers."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from msgspec import Struct

from bootharness.formats.bioscall import Registers

__all__ = [
    "Cpu", "address_of", "addressed", "decoder", "may_have_written", "own_address", "writes",
]  # fmt: skip

_LONGEST = 15
_STRING = ("stos", "movs", "ins", "xadd", "xchg")
_STACK = ("push", "call", "lcall", "int", "enter", "into")
_STACK_BYTES = 64
"""More than an instruction pushes."""
_TABLES = re.compile(r"^([C-GS]S) =([0-9a-f]+) ([0-9a-f]+)", re.MULTILINE)
_VALUES = re.compile(
    r"\b([ER]?[A-D]X|[ER][SDI][IP]|[ER]BP|[ER]IP|[ER]FL|R\d+|CR0|EFER) ?=([0-9a-f]+)"
)


_NARROW = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip")
_WIDE = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", *(f"r{n}" for n in range(8, 16)),
         "eip")  # fmt: skip
_WIDE_BYTES = 500
_SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")
"""In the order of a stub's packet (QEMU, gdb-xml/i386-32bit.xml and i386-64bit.xml)."""


class Cpu(Struct, frozen=True):
    """The registers as QEMU's monitor writes them: values by their 32-bit names or R8 to R15, and
    the bases of the segments."""

    values: dict[str, int]
    bases: dict[str, int]
    bits: int

    @classmethod
    def parse(cls, dump: str) -> "Cpu":
        """Parse ``info registers``."""
        values = {name.lower(): int(value, 16) for name, value in _VALUES.findall(dump)}
        wide = {f"e{name[1:]}" if name[1:].isalpha() and name[0] == "r" else name: value
                for name, value in values.items()}  # fmt: skip
        bases = {name.lower(): int(base, 16) for name, _, base in _TABLES.findall(dump)}
        width = re.search(r"^CS =.* CS(16|32|64)", dump, re.MULTILINE)
        protected = wide.get("cr0", 0) & 1
        return cls(wide, bases, int(width[1]) if protected and width else 16)

    @classmethod
    def real(cls, packet: bytes) -> "Cpu":
        """Return the registers of a CPU in real mode, as a GDB stub sends them."""
        wide = len(packet) >= _WIDE_BYTES
        names, size = (_WIDE, 8) if wide else (_NARROW, 4)
        words = [packet[at * size :][:size] for at in range(len(names))]
        values = {name: int.from_bytes(word, "little") & 0xFFFFFFFF
                  for name, word in zip(names, words, strict=True)}  # fmt: skip
        rest = packet[len(names) * size :]
        each = [int.from_bytes(rest[at : at + 4], "little") for at in range(0, 28, 4)]
        values["efl"], segments = each[0], dict(zip(_SEGMENTS, each[1:], strict=True))
        return cls(values, {name: value * 16 for name, value in segments.items()}, 16)

    def with_registers(self, of: Registers) -> "Cpu":
        """Return these with the general and the segment registers of another moment."""
        values = {name: getattr(of, name) for name in _NARROW[:-1]}
        bases = {
            name: getattr(of, name) * 16 for name in _SEGMENTS if getattr(of, name) is not None
        }
        return Cpu(self.values | values, self.bases | bases, self.bits)

    @property
    def linear(self) -> int:
        """The address of the next instruction."""
        return self.bases.get("cs", 0) + self.values.get("eip", 0)

    def register(self, name: str) -> int:
        """Return a register by the name of any of its parts that an address is made of."""
        if name in ("eiz", "riz"):
            return 0
        whole = {16: f"e{name}", 32: name, 64: f"e{name[1:]}"}
        if name[0] == "r" and name[1:].isalpha():
            return self.values.get(whole[64], 0)
        if name[0] == "e":
            return self.values.get(name, 0) & 0xFFFFFFFF
        if name in self.values:
            return self.values[name]
        return self.values.get(whole[16], 0) & 0xFFFF


@cache
def decoder(bits: int) -> Any:
    """Return what decodes code of so many bits, with its operands."""
    import capstone  # slow to import, and most boots do without

    mode = {16: capstone.CS_MODE_16, 32: capstone.CS_MODE_32, 64: capstone.CS_MODE_64}[bits]
    made = capstone.Cs(capstone.CS_ARCH_X86, mode)
    made.detail = True
    return made


def writes(code: bytes, cpu: Cpu) -> Iterator[range]:
    """Yield the linear addresses that the instruction at the beginning of some code is about to
    write to; of one that pushes, or that goes through a gate, all that may be."""
    for instruction in decoder(cpu.bits).disasm(code, cpu.values.get("eip", 0), 1):
        yield from _writes(instruction, cpu)


def _writes(instruction: Any, cpu: Cpu, spare: int = 0) -> Iterator[range]:
    import capstone

    name = instruction.mnemonic.split()[-1]
    if name.startswith(_STACK):
        top = cpu.bases.get("ss", 0) + (cpu.values.get("esp", 0) & _mask(cpu.bits))
        yield range(top - _STACK_BYTES, top + spare)
    for operand in instruction.operands:
        if operand.type == capstone.x86.X86_OP_MEM and operand.access & capstone.CS_AC_WRITE:
            start = address_of(instruction, operand.mem, cpu)
            more = spare if name.startswith(_STRING) else 0
            yield range(start - more, start + operand.size + more)


def _mask(bits: int) -> int:
    return (1 << bits) - 1


def address_of(instruction: Any, operand: Any, cpu: Cpu) -> int:
    """Return the linear address that an operand in memory has."""
    base, index = (
        instruction.reg_name(each) if each else "" for each in (operand.base, operand.index)
    )
    offset = operand.disp
    offset += cpu.register(base) if base else 0
    offset += cpu.register(index) * operand.scale if index else 0
    segment = _segment(instruction, operand)
    return int(cpu.bases.get(segment, 0)) + int(offset & _mask(8 * instruction.addr_size))


def _segment(instruction: Any, operand: Any) -> str:
    if operand.segment:
        return str(instruction.reg_name(operand.segment))
    base = instruction.reg_name(operand.base) if operand.base else ""
    return "ss" if base and base[-2:] in ("bp", "sp") else "ds"


def addressed(code: bytes, cpu: Cpu) -> tuple[str, int] | None:
    """Return the segment and the linear address of what an instruction works on in memory, None
    for one that does not."""
    import capstone

    for instruction in decoder(cpu.bits).disasm(code, cpu.values.get("eip", 0), 1):
        for operand in instruction.operands:
            if operand.type == capstone.x86.X86_OP_MEM:
                return _segment(instruction, operand.mem), address_of(instruction, operand.mem, cpu)
    return None


@lru_cache(maxsize=1024)
def own_address(code: bytes, bits: int) -> int | None:
    """Return the address of what an instruction works on, where that is in its own code: without
    the segment."""
    import capstone

    found = (
        int(operand.mem.disp)
        for instruction in decoder(bits).disasm(code, 0, 1)
        for operand in instruction.operands
        if operand.type == capstone.x86.X86_OP_MEM and not (operand.mem.base or operand.mem.index)
    )
    return next(found, None)


def may_have_written(linear: int, before: bytes, after: bytes, cpu: Cpu) -> bool:
    """Return whether the last instruction may have written to an address, by the code ``before``
    and ``after`` the one that is next.

    x86 code cannot be read backwards: it may be any that ends here, or one that repeats itself.
    """
    at = cpu.values.get("eip", 0)
    top = cpu.bases.get("ss", 0) + (cpu.values.get("esp", 0) & _mask(cpu.bits))
    if top <= linear < top + _STACK_BYTES // 4:
        return True
    found = _just_executed(before, after, at, cpu.bits)
    return any(linear in span for each in found for span in _writes(each, cpu, spare=8))


@lru_cache(maxsize=1024)
def _just_executed(before: bytes, after: bytes, at: int, bits: int) -> tuple[Any, ...]:
    """Return the instructions that may have been executed last."""
    decodes = decoder(bits)
    found = [
        each
        for size in range(1, min(_LONGEST, len(before)) + 1)
        for each in decodes.disasm(before[-size:], at - size, 1)
        if each.size == size
    ]
    return (*found, *decodes.disasm(after, at, 1))
