"""Whether a loader came to where it ends because it had asked something: then that is no fault of
its own, unless the answer was that all is well."""

from msgspec import Struct

from bootharness.recording.footsteps import Step

__all__ = ["Choice", "choice"]

_DISK, _SYSTEM, _SCREEN, _KEYS = 0x13, 0x15, 0x10, 0x16
_TELETYPE = 0x0E
_ON_CARRY = (2, 3)
_CARRY = 1
_BETWEEN = 4
"""So many instructions that leave the flags alone may stand between a call and its jump."""


class Choice(Struct, frozen=True):
    """Whether text was ``said`` before, whether something was ``asked``, and the jump that went
    there ``wrongly``: a call of the BIOS had not failed, and it is said that one had."""

    said: bool
    asked: bool
    wrongly: Step | None


def choice(steps: list[Step], end: int) -> Choice:
    """Return what has brought a loader to one of its steps, behind the last call of its that may
    fail."""
    calls = (_DISK, _SYSTEM)
    begin = next((at for at in range(end - 1, -1, -1) if steps[at].number in calls), 0)
    text = [at for at in range(begin, end) if _writes_text(steps[at])]
    jumps = [at for at in range(begin, text[0] if text else end) if steps[at].conditional]
    last = jumps[-1] if jumps else None
    wrongly = steps[last] if last is not None and text and _nothing_failed(steps, last) else None
    asked = last is not None and not _passed(steps, last)
    return Choice(bool(text), asked, wrongly)


def _writes_text(step: Step) -> bool:
    return step.number == _SCREEN and step.cpu.register("ax") >> 8 == _TELETYPE


def _behind_call(steps: list[Step], jump: int) -> bool:
    """Whether a jump goes by the carry flag that a BIOS call has returned."""
    if (steps[jump].condition or 0) >> 1 != _ON_CARRY[0] >> 1:
        return False
    for at in range(jump - 1, max(jump - 1 - _BETWEEN, -1), -1):
        if steps[at].number in (_DISK, _SYSTEM):
            return True
        if any(each.kind not in ("copy", "constant") for each in steps[at].effects):
            return False
    return False


def _nothing_failed(steps: list[Step], jump: int) -> bool:
    carry = steps[jump].cpu.values.get("efl", 0) & _CARRY
    return _behind_call(steps, jump) and not carry


def _passed(steps: list[Step], jump: int) -> bool:
    """Whether a jump was that of a call that might have failed, and has not: JC, not taken."""
    return _nothing_failed(steps, jump) and steps[jump].condition == _ON_CARRY[0]
