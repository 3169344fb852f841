"""A loader's code as far as it can be followed: its instructions, and which labels are code."""

from bootharness.report.disassembly import Instruction, decode
from bootharness.routes.loader import ORIGIN

__all__ = ["code_labels", "followed"]

_ENDS = ("jmp", "ljmp", "ret", "retf", "iret", "hlt")
_LONGEST = 15
_BITS = 16


def followed(binary: bytes) -> dict[int, Instruction]:
    """Return the instructions that the first one leads to, by linear address.

    Code that only an indirect jump leads to is not found.
    """
    found: dict[int, Instruction] = {}
    ahead = [ORIGIN]
    while ahead:
        at = ahead.pop()
        if at in found or not ORIGIN <= at < ORIGIN + len(binary):
            continue
        code = binary[at - ORIGIN :][:_LONGEST]
        for instruction in (*decode(code, at, _BITS),)[:1]:
            found[at] = instruction
            if instruction.target is not None:
                ahead.append(instruction.target)
            if instruction.text.split()[0] not in _ENDS:
                ahead.append(at + len(instruction.code))
    return found


def code_labels(binary: bytes, symbols: dict[str, int]) -> list[int]:
    """Return the linear addresses of the labels at which an instruction begins, in order."""
    return sorted(set(followed(binary)) & set(symbols.values()))
