"""Instructions that have the right value and lose it: put elsewhere, or only a part of it."""

from bootharness.recording.control import Astray
from bootharness.recording.effects import Byte, Effect
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.operands import addressed
from bootharness.recording.tracked import Tracked, applied, wide

__all__ = ["across", "elsewhere", "narrow"]

_NEAR_BYTES = 32
_NARROWEST = 2
_OVERRIDES, _PREFIXES = (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65), 3


def across(step: Step, effect: Effect, field: Field) -> bool:
    """Return whether an instruction writes across the border of two fields of a structure; one that
    is repeated fills all of it."""
    first, last, borders = effect.into[0], effect.into[-1], field.borders
    if step.repeats or not borders or not isinstance(first, int) or not isinstance(last, int):
        return False
    if last < min(borders) or first >= max(borders):
        return False
    if effect.kind == "change" and set(effect.into) & set(field.where):
        return first not in field.where  # of what is copied two parts may be at once
    return first not in borders or last + 1 not in borders


def narrow(steps: list[Step], end: int, tracked: Tracked, *, first: bool) -> Astray | None:
    """Return the last instruction that wrote a part of a value, if on all of it it would have made
    it right; or if it left out the upper part that nobody else wrote."""
    found = _last_part(steps, end, tracked)
    if found is None:
        return None
    at, effect = found
    step, size = steps[at], len(tracked.where)
    whole = _on_all(step, effect, tracked)
    if whole is None:
        return None
    if tracked.goal is not None:
        return Astray(step, _SAID[effect.kind]) if tracked.is_right(whole) else None
    left = set(tracked.where[len(effect.into) :])
    if not first or effect.kind != "copy" or size == len(effect.into):
        return None
    others = any(left & set(each.into) for one in steps[:end] for each in one.effects)
    upper = whole >> 8 * len(effect.into)
    return Astray(step, f"puts only a part of {whole:#x} there") if upper and not others else None


_SAID = {
    "copy": "copies only a part of what is right",
    "change": "works on the lower half alone: a carry is lost",
}


def _last_part(steps: list[Step], end: int, tracked: Tracked) -> tuple[int, Effect] | None:
    """Return the last step that wrote any of the bytes, if those were the lower ones alone."""
    whole = set(tracked.where)
    linear = [byte for byte in tracked.where if isinstance(byte, int)]
    for at in range(end - 1, -1, -1):
        step = steps[at]
        for effect in step.effects:
            part = set(effect.into)
            if part & whole:
                lower = effect.into == tracked.where[: len(effect.into)] and part < whole
                return (at, effect) if lower and effect.kind in _SAID else None
        if any(byte in step.wrote for byte in linear):
            return None
    return None


def _on_all(step: Step, effect: Effect, tracked: Tracked) -> int | None:
    size = len(tracked.where)
    source = wide(step, effect.source, size) if effect.source else effect.number
    if effect.kind == "copy":
        return source
    old = step.value(tracked.where)
    if old is None or source is None:
        return None
    return applied(effect.operator, old, source, size)


def elsewhere(steps: list[Step], field: Field) -> Astray | None:
    """Return the last instruction that puts the right value beside a field, or across the borders
    of its structure, or into another segment."""
    if seen := _by_another_segment(steps, field):
        return seen
    for step in reversed(steps):
        for effect in step.effects:
            if effect.kind in ("copy", "constant") and (
                _meant_for(step, effect, field) or _meant_for_rest(step, effect, field)
            ):
                return Astray(step, "has the right value, and puts it elsewhere")
            if effect.kind in ("copy", "constant", "change") and across(step, effect, field):
                return Astray(step, "writes across the border of two fields")
    return None


def _by_another_segment(steps: list[Step], field: Field) -> Astray | None:
    """Return the last instruction that writes to a field's offset in another segment, which it
    names itself."""
    for step in reversed(steps):
        if field.offset is None or not set(_OVERRIDES) & set(step.code[:_PREFIXES]):
            continue
        at = addressed(step.code, step.cpu)
        if at is None or at[1] - step.cpu.bases.get(at[0], 0) != field.offset:
            continue
        if any(each.into and each.into[0] == at[1] != field.where[0] for each in step.effects):
            return Astray(step, f"writes to that by {at[0].upper()}, and it does not lie there")
    return None


def _meant_for(step: Step, effect: Effect, field: Field) -> bool:
    """Whether an instruction stores the right value beside the field, or only the half of it."""
    start, into = field.where[0], effect.into
    if not field.wanted or not isinstance(into[0], int) or not isinstance(start, int):
        return False
    if abs(into[0] - start) > _NEAR_BYTES:
        return False
    value = step.value(effect.source) if effect.kind == "copy" else effect.number
    size = len(effect.source) if effect.kind == "copy" else len(into)
    if into[0] == start:
        return _NARROWEST <= size < len(field.where) and _whole(effect.source, step) == field.wanted
    low = field.wanted & ((1 << 8 * size) - 1)
    return size >= min(_NARROWEST, len(field.where)) and bool(low) and value == low


def _meant_for_rest(step: Step, effect: Effect, field: Field) -> bool:
    """Whether an instruction stores what is right for the last byte of a field, which lies apart
    from the others, into another part of the structure."""
    last, into = field.where[-1], effect.into
    if field.wanted is None or len(into) != 1 or not field.borders or len(field.where) < _NARROWEST:
        return False
    (byte,) = into
    before = field.where[-2]
    if not (isinstance(last, int) and isinstance(before, int) and isinstance(byte, int)):
        return False
    if last == before + 1 or byte in field.where or not _inside(byte, field):
        return False
    value = step.value(effect.source) if effect.kind == "copy" else effect.number
    return bool(value) and value == field.wanted >> 8 * (len(field.where) - 1)


def _inside(byte: int, field: Field) -> bool:
    return min(field.borders) <= byte < max(field.borders)


def _whole(source: tuple[Byte, ...], step: Step) -> int | None:
    """Return the whole register of which a source is a part."""
    if not source or isinstance(source[0], int):
        return None
    return step.cpu.values.get(source[0][0])
