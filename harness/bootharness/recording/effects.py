"""What an instruction makes of what: into which bytes it writes, and from where they come.

A byte is a linear address, or a register's name with the number of the byte in it.
"""

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from bootharness.recording.operands import Cpu, address_of, decoder

__all__ = ["Byte", "Effect", "effects", "register_bytes"]

Byte = int | tuple[str, int]
_COPIES = ("mov", "movzx", "movabs")
_CHANGES = {
    "add": "+", "sub": "-", "inc": "+", "dec": "-", "shl": "<", "sal": "<", "shr": ">", "or": "|",
    "and": "&", "xor": "^",
}  # fmt: skip
_OTHER_CHANGES = ("adc", "sbb", "sar", "rol", "ror", "rcl", "rcr", "neg", "not", "imul")
_PUSHED = ("edi", "esi", "ebp", "esp", "ebx", "edx", "ecx", "eax")
_FLAGS = {"cli": ("if", 0), "sti": ("if", 1), "cld": ("df", 0), "std": ("df", 1)}
_COMPARES = ("cmp", "test")
_JUMPS = ("jmp", "ljmp", "retf", "iret")
_POINTERS = {"lods": ("si",), "stos": ("di",), "movs": ("si", "di")}
_REPEATED, _DIRECTION = (0xF2, 0xF3), 0x400
_SEGMENTS = ("cs", "ds", "es", "fs", "gs", "ss")


class Effect(Struct, frozen=True):
    """Bytes that an instruction writes, low to high, and what is in them then.

    ``copy`` is of ``source``, which may be shorter: zeros follow; ``constant`` is ``number``;
    ``change`` works on what was in the bytes, by ``operator``, with ``source`` or else with
    ``number``; ``compare`` sets the flags by ``source`` and ``against`` or else ``number``;
    ``other`` is made of what nobody follows.
    """

    into: tuple[Byte, ...]
    kind: Literal["copy", "constant", "change", "compare", "other"]
    source: tuple[Byte, ...] = ()
    number: int = 0
    operator: str = ""
    against: tuple[Byte, ...] = ()


def register_bytes(name: str) -> tuple[Byte, ...]:
    """Return the bytes of a register, or of the part of one that has a name."""
    if name in _SEGMENTS:
        return tuple((name, at) for at in range(2))
    if len(name) == 2 and name[1] in "lh":
        return ((f"e{name[0]}x", int(name[1] == "h")),)
    whole = f"e{name[-2:]}"
    return tuple((whole, at) for at in range(4 if name[0] in "er" and len(name) == 3 else 2))


def effects(code: bytes, cpu: Cpu) -> Iterator[Effect]:
    """Yield what the instruction at the beginning of some code is about to write."""
    for each in decoder(cpu.bits).disasm(code, cpu.values.get("eip", 0), 1):
        yield from _effects(each, cpu)


def _effects(instruction: Any, cpu: Cpu) -> Iterator[Effect]:
    name = instruction.mnemonic.split()[-1]
    operands = [_bytes(instruction, each, cpu) for each in instruction.operands]
    if name in ("pushaw", "pushal"):
        yield from _all(cpu, 4 if name == "pushal" else 2, push=True)
    elif name in ("popaw", "popal"):
        yield from _all(cpu, 4 if name == "popal" else 2, push=False)
    elif name in _FLAGS:
        flag, number = _FLAGS[name]
        yield Effect(((flag, 0),), "constant", (), number)
    elif name in _JUMPS:
        yield Effect((("ip", 0), ("ip", 1)), "constant", (), operands[-1][1] if operands else 0)
    else:
        yield from _moved(name, instruction, operands, cpu)


def _moved(
    name: str, instruction: Any, operands: list[tuple[tuple[Byte, ...], int]], cpu: Cpu
) -> Iterator[Effect]:
    if name == "push":
        size = 4 if instruction.prefix[2] else 2
        yield _copy(_stack(cpu, size, -size), operands[0])
    elif name == "pop":
        yield _copy(operands[0][0], (_stack(cpu, len(operands[0][0])), 0))
    elif name == "xchg":
        yield _copy(operands[0][0], operands[1])
        yield _copy(operands[1][0], operands[0])
    elif name in _COPIES or name[:4] in ("lods", "stos", "movs"):
        yield _copy(operands[0][0], operands[1])
        if name[:4] in _POINTERS:
            yield from _advanced(name[:4], instruction, cpu)
    elif name == "loop":
        yield Effect(register_bytes("cx"), "change", (), 1, "-")
    elif name in ("xor", "sub") and instruction.operands[0].type == instruction.operands[
        1
    ].type and operands[0] == operands[1]:  # fmt: skip
        yield Effect(operands[0][0], "constant")
    elif name in _CHANGES:
        source, number = operands[1] if len(operands) > 1 else ((), 1)
        yield Effect(operands[0][0], "change", source, number, _CHANGES[name])
    elif name in _COMPARES:
        source, number = operands[1]
        yield Effect((("flags", 0),), "compare", operands[0][0], number, name, source)
    elif name in _OTHER_CHANGES:
        yield Effect(operands[0][0], "other")
    else:
        yield from _unknown(instruction, operands)


def _advanced(name: str, instruction: Any, cpu: Cpu) -> Iterator[Effect]:
    """Yield what a string instruction does to its pointers, and to its count."""
    wide = "e" if instruction.addr_size == 4 else ""
    count = 1
    if instruction.prefix[0] in _REPEATED:
        counter = f"{wide}cx"
        count = cpu.register(counter)
        yield Effect(register_bytes(counter), "constant")
    operator = "-" if cpu.values.get("efl", 0) & _DIRECTION else "+"
    for each in _POINTERS[name]:
        number = count * instruction.operands[0].size
        yield Effect(register_bytes(f"{wide}{each}"), "change", (), number, operator)


def _unknown(instruction: Any, operands: list[tuple[tuple[Byte, ...], int]]) -> Iterator[Effect]:
    import capstone

    for operand, (into, _) in zip(instruction.operands, operands, strict=True):
        if operand.access & capstone.CS_AC_WRITE:
            yield Effect(into, "other")
    for number in instruction.regs_access()[1]:
        register = instruction.reg_name(number)
        if register.endswith(("ax", "bx", "cx", "dx", "si", "di")):
            yield Effect(register_bytes(register), "other")


def _copy(into: tuple[Byte, ...], source: tuple[tuple[Byte, ...], int]) -> Effect:
    return Effect(into, "copy" if source[0] else "constant", source[0], source[1])


def _bytes(instruction: Any, operand: Any, cpu: Cpu) -> tuple[tuple[Byte, ...], int]:
    """Return the bytes of an operand, or else its number."""
    import capstone

    if operand.type == capstone.x86.X86_OP_REG:
        return register_bytes(instruction.reg_name(operand.reg)), 0
    if operand.type == capstone.x86.X86_OP_MEM:
        start = address_of(instruction, operand.mem, cpu)
        return tuple(range(start, start + operand.size)), 0
    return (), operand.imm & ((1 << 8 * max(operand.size, 1)) - 1)


def _stack(cpu: Cpu, size: int, move: int = 0) -> tuple[Byte, ...]:
    top = cpu.bases.get("ss", 0) + ((cpu.values.get("esp", 0) + move) & 0xFFFF)
    return tuple(range(top, top + size))


def _all(cpu: Cpu, size: int, *, push: bool) -> Iterator[Effect]:
    lowest = _stack(cpu, 8 * size, -8 * size if push else 0)
    for number, name in enumerate(_PUSHED):
        there = lowest[number * size : (number + 1) * size]
        here = register_bytes(name)[:size]
        if push:
            yield Effect(there, "copy", here)
        elif name != "esp":
            yield Effect(here, "copy", there)
