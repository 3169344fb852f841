"""Registers that are saved all at once and taken back at another width (SDM Vol. 2, PUSHA)."""

from itertools import pairwise

from bootharness.recording.control import Astray, size_of
from bootharness.recording.footsteps import Step

__all__ = ["unbalanced"]

_PUSHA, _POPA = 0x60, 0x61
_OPERAND_SIZE = b"\x66"
_REGISTERS = 8


def unbalanced(steps: list[Step]) -> Astray | None:
    """Return the first PUSHA or POPA with 16 bits whose counterpart, by where the stack is, has 32:
    a loader that needs the upper halves in one place needs them in the other."""
    saved: dict[int, tuple[int, Step]] = {}
    for before, step in pairwise(steps):
        opcode, top = step.code.lstrip(_OPERAND_SIZE)[0], _top(step)
        if opcode == _PUSHA:
            saved[top - _REGISTERS * _size(step)] = _size(step), _cut(before, step) or step
        elif opcode == _POPA and top in saved:
            size, by = saved.pop(top)
            if size < _size(step) and by.code.lstrip(_OPERAND_SIZE)[0] != _PUSHA:
                return Astray(by, "goes into the middle of an instruction, behind its prefix")
            if size < _size(step):
                return Astray(by, "saves 16 bits of each register, and 32 are taken back")
            if size > _size(step):
                return Astray(step, "takes back 16 bits of each register, of which 32 were saved")
    return None


def _cut(before: Step, step: Step) -> Step | None:
    """Return the step before an instruction that went behind its prefix, None without one."""
    sequel = before.cpu.linear + size_of(before.code) == step.cpu.linear
    return before if step.behind == _OPERAND_SIZE and not sequel else None


def _top(step: Step) -> int:
    return step.cpu.bases["ss"] + step.cpu.register("sp")


def _size(step: Step) -> int:
    return 4 if step.code.startswith(_OPERAND_SIZE) else 2
