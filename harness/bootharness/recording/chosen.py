"""Whether a loader came to where it ends because it had asked something: then that is no fault of
its own, unless the answer was that all is well."""

from msgspec import Struct

from bootharness.recording.control import jumps
from bootharness.recording.footsteps import Step

__all__ = ["Choice", "choice"]

_DISK, _SYSTEM, _SCREEN, _KEYS = 0x13, 0x15, 0x10, 0x16
_TELETYPE = 0x0E
_ON_CARRY = (2, 3)
_JUMPS = (0xEB, 0xE9)
_CARRY = 1
_RETURNS = (0xC3, 0xC2, 0xCB, 0xCA)
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
    conditional = [at for at in range(begin, text[0] if text else end) if steps[at].conditional]
    last = conditional[-1] if conditional else None
    wrongly = _wrongly(steps, begin, last, text[0]) if text else None
    asked = last is not None and not _passed(steps, last)
    return Choice(bool(text), asked, wrongly)


def _wrongly(steps: list[Step], begin: int, last: int | None, text: int) -> Step | None:
    """Return the jump to what is said, where nothing was asked before it, or nothing had failed.

    A part that has returned behind its call took it for one that has not failed: who went to the
    text is outside of it.
    """
    if last is not None and not _nothing_failed(steps, last):
        return None
    path = range(begin if last is None else last, text)
    back = next((at for at in path if steps[at].code[0] in _RETURNS), None)
    if last is not None and back is None and steps[last].condition != _ON_CARRY[0]:
        return steps[last]
    path = path if back is None else range(back, text)
    return next((steps[at] for at in path if jumps(steps[at]) and _plain(steps[at])), None)


def _plain(step: Step) -> bool:
    """Whether a jump is neither on a condition nor a call."""
    return not step.conditional and step.code[0] in _JUMPS


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
