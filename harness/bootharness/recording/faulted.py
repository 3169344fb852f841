"""Who is guilty of a triple fault: who took the interrupt vectors away, or a descriptor table from
where there is none (Intel SDM, Vol. 3A, 6.15)."""

from bootharness.recording.control import size_of
from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.recording.filled import Filled
from bootharness.recording.footsteps import Step
from bootharness.recording.found import Answer
from bootharness.recording.operands import addressed
from bootharness.recording.origin import origin
from bootharness.trace.boot_trace import BootTrace

__all__ = ["faulted"]

_SYSTEM = b"\x0f\x01"
_LGDT, _LIDT = 2, 3
_SELECTOR_LOW = 7
_LOAD = (0x8E, 0xC0)
"""MOV to a segment register from another one."""
_SEGMENTS = ("es", "cs", "ss", "ds", "fs", "gs", "", "")
_REGISTERS = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")
_TO_CONTROL_REGISTER = b"\x0f\x22"


def faulted(steps: list[Step], _: BootTrace) -> Answer | None:
    """Return what a loader did that its last instruction could not be executed."""
    known = Filled(steps)
    tables = [at for at, each in enumerate(steps) if _table(each)]
    for at in reversed(tables):
        segment, start = addressed(steps[at].code, steps[at].cpu) or ("", 0)
        if segment and start not in known:
            return _followed(steps, at, segment)
    if tables and (seen := _selected(steps, tables[-1])):
        return seen
    vectors = [at for at in tables if _table(steps[at]) == _LIDT]
    if vectors and not any(each.code[:2] == _TO_CONTROL_REGISTER for each in steps[vectors[-1] :]):
        return Answer.of_way(steps[vectors[-1]], "takes the interrupt vectors of real mode away")
    return None


def _selected(steps: list[Step], table: int) -> Answer | None:
    """Return where a selector came from that is of no descriptor in the last table. The load that
    faulted has not been executed: it stands behind the last that was."""
    last = steps[-1]
    start = (addressed(steps[table].code, steps[table].cpu) or ("", 0))[1]
    limit = steps[table].value((start, start + 1))
    code = last.ahead[size_of(last.code) :][:2]
    if limit is None or _table(steps[table]) != _LGDT or len(code) < len(_LOAD):
        return None
    if code[0] != _LOAD[0] or code[1] < _LOAD[1]:
        return None
    where = register_bytes(_REGISTERS[code[1] & 7])
    made = [each.number for each in last.effects if each.kind == "constant" and each.into == where]
    selector = made[0] if made else last.value(where)
    if selector is None or selector | _SELECTOR_LOW <= limit:
        return None
    name = _SEGMENTS[code[1] >> 3 & 7].upper()
    field = Field(f"the selector that {name} was to be set to", where, None)
    return Answer(origin(steps, field, selector), field, selector)


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
