"""Where a loader went another way than it should have: a jump into the middle of an instruction, a
call of nothing, a condition that was decided wrongly."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

from msgspec import Struct

from bootharness.recording.effects import Effect, effects
from bootharness.recording.footsteps import Step
from bootharness.recording.operands import decoder

__all__ = [
    "Astray", "astray", "decided_by", "goes_to", "jump_over", "jumps", "passed_over", "size_of",
]  # fmt: skip

_BITS = 16
_WITH_NUMBER = (0x3C, 0x3D, 0xA8, 0xA9, *range(0xB0, 0xC0))
"""CMP, TEST and MOV of a register with a number, which may be code that is passed over so."""
_MASK = 0xFFFFFFFF
_BACK = 8
"""A jump that passes over an instruction stands so few before it."""


class Astray(Struct, frozen=True):
    """An instruction that the loader went wrong at, and how."""

    step: Step
    why: str


class _Code(Struct, frozen=True):
    """An instruction: its name, its length, and where it jumps to from its own address."""

    name: str
    size: int
    jump: int | None


@lru_cache(maxsize=4096)
def _decoded(code: bytes) -> _Code:
    import capstone

    each: Any = next(decoder(_BITS).disasm(code, 0, 1), None)
    if each is None:
        return _Code("", 1, None)
    relative = any(group in (capstone.CS_GRP_BRANCH_RELATIVE,) for group in each.groups)
    jump = each.operands[0].imm if relative and each.operands else None
    if jump is not None and jump >= 0x8000:
        jump = (jump & 0xFFFF) - (1 << 16 if jump & 0x8000 else 0)
    return _Code(each.mnemonic, each.size, jump)


def astray(steps: list[Step]) -> Astray | None:
    """Return the first jump that cannot have been meant, None without one.

    Code that is executed at two alignments is told by where it went more often; a jump over an
    opcode that ends where the instruction ends that it is part of is a known way to save bytes.
    """
    often = Counter(step.cpu.linear for step in steps)
    inside = dict(_insides((step.cpu.linear, step.code) for step in steps))
    for step, after in pairwise(steps):
        code = _decoded(step.code)
        if code.jump is None:
            continue
        behind, went = step.cpu.linear + code.size, after.cpu.linear
        if code.name == "call" and went == behind and _decoded(after.code).name != "pop":
            return Astray(step, "calls what stands right behind it: nothing is called")
        if step.conditional and code.jump == code.size:
            return Astray(step, "goes on to the same instruction either way")
        if went == behind:
            continue
        swept = dict(_insides(_swept(step, behind, went))) if step.conditional else {}
        whole = swept.get(went) or inside.get(went)
        if whole and (went in swept or often[went] < often[whole[0]]) and not _saved(after, whole):
            return Astray(step, f"goes into the middle of the instruction at {whole[0]:#x}")
    return None


def _insides(code: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Yield every address within an instruction, with where that begins, and its bytes."""
    for start, raw in code:
        size = _decoded(raw).size
        for at in range(start + 1, start + size):
            yield at, (start, raw[:size])


def _swept(step: Step, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the instructions that a jump forwards passes over, as far as its step has them."""
    code = step.ahead
    while start < end:
        raw = code[start - step.cpu.linear :][:15]
        if not raw:
            return
        yield start, raw
        start += _decoded(raw).size


def _saved(after: Step, whole: tuple[int, bytes]) -> bool:
    """Whether an instruction ends with that which it is part of, whose opcode is passed over."""
    start, raw = whole
    cut = raw[: after.cpu.linear - start]
    ends = after.cpu.linear + _decoded(after.code).size == start + len(raw)
    return ends and bool(cut) and cut[-1] in _WITH_NUMBER


def size_of(code: bytes) -> int:
    """Return how many bytes the instruction at the beginning of some code has."""
    return _decoded(code).size


def goes_to(step: Step) -> int | None:
    """Return the linear address that an instruction goes to by its own code, or may go to; None for
    one that goes on, or by what is elsewhere."""
    jump = _decoded(step.code).jump
    return None if jump is None else step.cpu.linear + jump


def jumps(step: Step) -> bool:
    """Return whether an instruction goes elsewhere, or may."""
    return _decoded(step.code).jump is not None


def jump_over(steps: list[Step], at: int) -> int | None:
    """Return the conditional jump right before an instruction which, had it been taken, would have
    gone to what is executed soon behind that anyway."""
    soon = {step.cpu.linear for step in steps[at + 1 : at + 1 + _BACK]}
    for number in range(at - 1, max(at - 1 - _BACK, -1), -1):
        step, after = steps[number], steps[number + 1]
        code = _decoded(step.code)
        if after.cpu.linear != step.cpu.linear + code.size:
            return None
        if step.conditional and code.jump is not None:
            there = step.cpu.linear + code.jump
            return number if there > steps[at].cpu.linear and there in soon else None
    return None


def passed_over(
    steps: list[Step], at: int, end: int, makes: Callable[[Step, Effect], bool]
) -> int | None:
    """Return the jump between two steps that passed over an instruction which ``makes`` right what
    is wrong, by the registers at the jump."""
    for number in range(at, end - 1):
        step, code = steps[number], _decoded(steps[number].code)
        went = steps[number + 1].cpu.linear
        behind = step.cpu.linear + code.size
        if code.jump is None or not behind < went <= behind + _NEAR_JUMP or code.name == "call":
            continue
        for _, raw in _swept(step, behind, went):
            if any(makes(step, effect) for effect in effects(raw, step.cpu)):
                return number
    return None


_NEAR_JUMP = 32


def decided_by(steps: list[Step], jump: int) -> Astray:
    """Return who is guilty of a jump's going the wrong way: the comparison before it where that
    looked at too little of what it compared, else the jump."""
    step = steps[jump]
    if not step.conditional:
        return Astray(step, "jumps, whatever was compared before it")
    for number in range(jump - 1, max(jump - 1 - _BACK, -1), -1):
        for effect in steps[number].effects:
            if effect.kind == "compare":
                if _would_differ(step, steps[number], effect):
                    return Astray(steps[number], "compares the lower part alone")
                return Astray(step, _way(step, steps[jump + 1]))
    return Astray(step, _way(step, steps[jump + 1]))


def _way(step: Step, after: Step) -> str:
    behind = step.cpu.linear + _decoded(step.code).size
    return "is not taken" if after.cpu.linear == behind else "is taken"


def _would_differ(jump: Step, step: Step, effect: Effect) -> bool:
    """Whether a jump would go the other way if all of two registers had been compared."""
    size = len(effect.source)
    first, second = _wide(step, effect.source), _wide(step, effect.against)
    if first is None or size >= 4:
        return False
    other = second if effect.against else effect.number
    narrow = step.value(effect.source), step.value(effect.against) if effect.against else other
    if other is None or narrow[0] is None or narrow[1] is None:
        return False
    low = _goes(jump, effect.operator, narrow[0], narrow[1], 8 * size)
    return low is not None and low != _goes(jump, effect.operator, first, other, 32)


def _wide(step: Step, where: tuple[Any, ...]) -> int | None:
    if not where or isinstance(where[0], int) or where[0][1]:
        return None
    return step.cpu.values.get(where[0][0])


def _goes(jump: Step, name: str, first: int, second: int, bits: int) -> bool | None:
    """Whether a conditional jump is taken behind CMP or TEST (SDM Vol. 1, B.1)."""
    condition = jump.condition
    made = (first & second if name == "test" else first - second) & ((1 << bits) - 1)
    sign = made >> (bits - 1)
    carry = name == "cmp" and first < second
    over = name == "cmp" and ((first ^ second) & (first ^ made)) >> (bits - 1) & 1
    flags = {1: carry, 2: not made, 3: carry or not made, 4: sign, 6: sign != over,
             7: not made or sign != over}  # fmt: skip
    if condition is None or condition >> 1 not in flags:
        return None
    return bool(flags[condition >> 1]) != bool(condition & 1)
