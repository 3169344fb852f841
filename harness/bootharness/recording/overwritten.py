"""Code of the loader's that it has itself copied something over."""

from bootharness.recording.control import Astray
from bootharness.recording.footsteps import Step

__all__ = ["overwritten", "took_half"]

_ADDRESS_SIZE, _OPERAND_SIZE, _PREFIXES = 0x67, 0x66, 4
_WORD = 1 << 16


def overwritten(steps: list[Step]) -> int | None:
    """Return which step, a repeated string instruction, has written over what had been executed
    by then; None without one."""
    executed: set[int] = set()
    for at, step in enumerate(steps):
        copies = step.number is None and len(step.wrote)
        if copies and any(each in step.wrote for each in executed):
            return at
        executed.add(step.cpu.linear)
    return None


def took_half(step: Step) -> Astray | None:
    """Return a repeated string instruction that goes by DI, where EDI has more."""
    wide = _ADDRESS_SIZE in step.code[:_PREFIXES]
    if wide or step.cpu.values.get("edi", 0) < _WORD:
        return None
    return Astray(step, "goes by DI, and EDI has more: it writes over the loader")
