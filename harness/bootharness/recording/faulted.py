"""Who is guilty of a triple fault: who went to where there is no code, who took the interrupt
vectors away, or a descriptor table from where there is none (Intel SDM, Vol. 3A, 6.15)."""

from collections.abc import Iterable

from bootharness.recording.control import goes_to
from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.found import Answer
from bootharness.recording.operands import addressed
from bootharness.recording.origin import origin
from bootharness.trace.boot_trace import BootTrace

__all__ = ["faulted"]

_SYSTEM = b"\x0f\x01"
_LGDT, _LIDT = 2, 3
_VECTORS_END, _BOOT_SECTOR, _ROM_FROM = 0x500, range(0x7C00, 0x7E00), 0xA0000
_FAR_JUMP, _TO_CONTROL_REGISTER = 0xEA, b"\x0f\x22"


def faulted(steps: list[Step], _: BootTrace) -> Answer | None:
    """Return what a loader did that its last instruction could not be executed."""
    known = _Known(steps)
    stray = next((at for at, each in enumerate(steps) if each.cpu.linear not in known), None)
    if stray:
        return _went_there(steps[stray - 1])
    tables = [at for at, each in enumerate(steps) if _table(each)]
    for at in reversed(tables):
        segment, start = addressed(steps[at].code, steps[at].cpu) or ("", 0)
        if segment and start not in known:
            return _followed(steps, at, segment)
    vectors = [at for at in tables if _table(steps[at]) == _LIDT]
    if vectors and not any(each.code[:2] == _TO_CONTROL_REGISTER for each in steps[vectors[-1] :]):
        return Answer.of_way(steps[vectors[-1]], "takes the interrupt vectors of real mode away")
    return None


class _Known:
    """The memory that somebody has put something into."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._read: list[range] = []
        self._written: set[int] = set()
        for step in steps:
            if len(step.wrote):
                self._read.append(step.wrote)
            for effect in step.effects:
                self._written.update(byte for byte in effect.into if isinstance(byte, int))

    def __contains__(self, linear: object) -> bool:
        assert isinstance(linear, int)
        if linear < _VECTORS_END or linear >= _ROM_FROM or linear in _BOOT_SECTOR:
            return True
        return linear in self._written or any(linear in each for each in self._read)


def _went_there(step: Step) -> Answer | None:
    """Of a return nobody knows whether it is the guilty one, or what it was to return to."""
    if goes_to(step) is None and step.code[0] != _FAR_JUMP:
        return None
    return Answer.of_way(step, "goes to where nobody has put any code")


def _followed(steps: list[Step], at: int, segment: str) -> Answer:
    where = register_bytes(segment)
    field = Field(f"{segment.upper()} behind a descriptor table", where, None)
    value = steps[at].value(where) or 0
    return Answer(origin(steps[:at], field, value), field, value)


def _table(step: Step) -> int | None:
    """Return which descriptor table register an instruction loads, by its number in the opcode."""
    code = step.code.lstrip(b"\x66\x67\x2e\x36\x3e\x26\x64\x65")
    number = code[2] >> 3 & 7 if code[:2] == _SYSTEM else None
    return number if number in (_LGDT, _LIDT) else None
