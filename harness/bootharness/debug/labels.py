"""A loader's code as far as it can be followed: its instructions, and which labels are code."""

from dataclasses import dataclass

import capstone

from bootharness.routes.loader import ORIGIN

__all__ = ["Instruction", "code_labels", "followed"]

_ENDS = ("jmp", "ljmp", "ret", "retf", "iret", "hlt")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its size in bytes and what it is."""

    size: int
    text: str


def followed(binary: bytes) -> dict[int, Instruction]:
    """Return the instructions that the first one leads to, by linear address.

    Code that only an indirect jump leads to is not found.
    """
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_16)
    found: dict[int, Instruction] = {}
    ahead = [ORIGIN]
    while ahead:
        at = ahead.pop()
        if at in found or not ORIGIN <= at < ORIGIN + len(binary):
            continue
        for _, size, name, operands in decoder.disasm_lite(binary[at - ORIGIN :], at, 1):
            found[at] = Instruction(size, f"{name} {operands}".rstrip())
            if name.startswith(("j", "call", "loop")) and operands.startswith("0x"):
                ahead.append(int(operands, 16))
            if name not in _ENDS:
                ahead.append(at + size)
    return found


def code_labels(binary: bytes, symbols: dict[str, int]) -> list[int]:
    """Return the linear addresses of the labels at which an instruction begins, in order."""
    return sorted(set(followed(binary)) & set(symbols.values()))
