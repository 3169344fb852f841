"""Where a value is used first that nobody has put into a register."""

from collections.abc import Iterator, Mapping
from typing import Any

import capstone
from capstone import x86_const as x86

from bootharness.predictor.footsteps import Footsteps

__all__ = ["Decoder", "first_use"]

_DIRECTION = 0x400
_SEGMENTS = ("cs", "ds", "es", "fs", "gs", "ss")
# the register that each is a part of, and which of its bits
_PARTS = {
    name: (whole, mask)
    for letter in "abcd"
    for whole in [f"e{letter}x"]
    for name, mask in (
        (whole, 0xFFFF_FFFF), (f"{letter}x", 0xFFFF), (f"{letter}l", 0xFF), (f"{letter}h", 0xFF00)
    )
} | {
    name: (f"e{short}", mask)
    for short in ("si", "di", "bp", "sp")
    for name, mask in ((f"e{short}", 0xFFFF_FFFF), (short, 0xFFFF))
} | {name: (name, 0xFFFF) for name in _SEGMENTS}  # fmt: skip
_RESTORED = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp")
_ON_STACK = ("bp", "ebp", "sp", "esp")
_CLEARING = ("xor", "sub")
_STRINGS = ("movs", "stos", "lods", "cmps", "scas", "ins", "outs")
_SAVING = ("push",)
_STACKED = ("push", "pop", "call", "ret", "int", "iret", "leave", "enter", "lcall")
_SETTING_DF = ("cld", "std", "popf")


class Decoder:
    """What capstone says of an instruction: its text, and what it reads and writes."""

    def __init__(self) -> None:
        self._engines = {}
        for bits, mode in ((16, capstone.CS_MODE_16), (32, capstone.CS_MODE_32)):
            self._engines[bits] = capstone.Cs(capstone.CS_ARCH_X86, mode)
            self._engines[bits].detail = True
        self._known: dict[tuple[int, bytes], capstone.CsInsn | None] = {}

    def at(self, steps: Footsteps, address: int) -> capstone.CsInsn | None:
        """Return the instruction at an address, None where it is none."""
        code = steps.code.get(address, b"")
        key = address, code
        if key not in self._known:
            self._known[key] = self._decoded(code, address, real=address in steps.real)
        return self._known[key]

    def text(self, steps: Footsteps, address: int) -> str:
        """Return an instruction as text, empty where it is none."""
        found = self.at(steps, address)
        return f"{found.mnemonic} {found.op_str}".strip() if found else ""

    def _decoded(self, code: bytes, address: int, *, real: bool) -> capstone.CsInsn | None:
        for bits in (16, 32) if real else (32, 16):  # a 16-bit segment in protected mode
            for found in self._engines[bits].disasm(code, address, 1):
                if found.size == len(code):
                    return found
        return None


def first_use(
    steps: Footsteps,
    suspects: Mapping[str, int],
    decoder: Decoder,
    *,
    behind: Mapping[int, Mapping[str, int]] | None = None,
) -> int | None:
    """Return the address of the first instruction that depends on a register's bits before any
    has set them.

    ``suspects`` are registers at entry with the bits that nobody has set, ``behind`` those that an
    instruction, by its address, leaves so. What only saves a register on the stack uses nothing.
    """
    unset = dict(suspects)
    saved: list[dict[str, int]] = []
    for address in steps.addresses:
        found = decoder.at(steps, address)
        if found is not None and (saved or any(unset.values())):
            if any(unset.get(name, 0) & mask for name, mask in _read(found)):
                return address
            before = dict(unset)
            for name, mask in _written(found):
                unset[name] = unset.get(name, 0) & ~mask
            _follow_stack(found, before, unset, saved)
        for name, mask in (behind or {}).get(address, {}).items():
            unset[name] = unset.get(name, 0) | mask
    return None


def _follow_stack(
    found: capstone.CsInsn, before: Mapping[str, int], unset: dict[str, int],
    saved: list[dict[str, int]],
) -> None:  # fmt: skip
    """Keep in mind what is saved on the stack, and restore it with what was not set in it."""
    name = found.mnemonic
    parts = [
        part
        for each in found.operands
        if each.type == x86.X86_OP_REG and (part := _PARTS.get(found.reg_name(each.reg)))
    ]
    if name.startswith("pusha"):
        saved.append({each: before.get(each, 0) for each in _RESTORED})
    elif name.startswith(("push", "call")):
        saved.append({each: before.get(each, 0) & mask for each, mask in parts})
    elif name.startswith("popa"):
        unset.update(saved.pop() if saved else {})
    elif name.startswith(("pop", "ret")):
        below = saved.pop() if saved else {}
        for each, mask in parts:
            left = sum({*below.values()}) & mask
            unset[each] = unset.get(each, 0) & ~mask | left


def _read(found: capstone.CsInsn) -> Iterator[tuple[str, int]]:
    name = found.mnemonic.split()[-1]
    if name.startswith(_STRINGS):
        yield "flags", _DIRECTION
    if name.startswith(_STACKED):
        yield "esp", 0xFFFF
        yield "ss", 0xFFFF
    operands = found.operands
    for each in operands:
        if each.type == x86.X86_OP_MEM and name != "lea":
            yield _segment(found, each.mem), 0xFFFF
    same = len({each.reg for each in operands if each.type == x86.X86_OP_REG}) == 1
    if name in _CLEARING and len(operands) == 2 and same and operands[0].type == operands[1].type:
        return
    saved = name.startswith(_SAVING)
    for number in [] if saved else found.regs_access()[0]:
        part = _PARTS.get(found.reg_name(number))
        if part and part[0] not in ("esp", *_SEGMENTS):
            yield part
    for each in operands:  # a segment register that is copied
        if each.type == x86.X86_OP_REG and each.access & capstone.CS_AC_READ:
            part = _PARTS.get(found.reg_name(each.reg))
            if part and part[0] in _SEGMENTS and not saved:
                yield part
    if name in ("jmp", "call") and operands and operands[0].type != x86.X86_OP_IMM:
        yield "cs", 0xFFFF  # to an offset in it


def _written(found: capstone.CsInsn) -> Iterator[tuple[str, int]]:
    if found.mnemonic.startswith(_SETTING_DF):
        yield "flags", _DIRECTION
    stacked = found.mnemonic.startswith(_STACKED)
    for number in found.regs_access()[1]:
        part = _PARTS.get(found.reg_name(number))
        if part and not (stacked and part[0] == "esp"):
            yield part


def _segment(found: capstone.CsInsn, memory: Any) -> str:
    if memory.segment:
        return str(found.reg_name(memory.segment))
    return "ss" if memory.base and found.reg_name(memory.base) in _ON_STACK else "ds"
