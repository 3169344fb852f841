"""Where a wrong value came from: back from instruction to instruction to the one that made it so.

A value is followed through copies and sums for as long as it was wrong already. Where what went
into an instruction was right, or was no value at all but a number in its own code, it is that
instruction that is guilty.
"""

from msgspec.structs import replace

from bootharness.recording.control import Astray, decided_by, jump_over, passed_over
from bootharness.recording.effects import Byte, Effect, register_bytes
from bootharness.recording.ends import (
    by_the_bios,
    for_a_case,
    left_over,
    meant_so,
    nobody,
    shifted_wrongly,
    used_beside,
)
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.found import Found, Passed
from bootharness.recording.misplaced import across, elsewhere, narrow
from bootharness.recording.tracked import Tracked, applied
from bootharness.recording.writers import all_written, writer

__all__ = ["origin"]

_MOST = 64
_NARROWEST = 2
_NO_COINCIDENCE = 0x10000
_REGISTERS = ("eax", "ecx", "edx", "ebx", "ebp", "esi", "edi")


def origin(steps: list[Step], field: Field, found: int | None, asks: Step | None = None) -> Found:
    """Return what made a field as it was found behind the last of a loader's steps, by the one that
    ``asks`` a BIOS call for it."""
    seen = _origin(steps, field, found, asks)
    if seen.guilty and seen.why.startswith("brings"):
        jump = jump_over(steps, steps.index(seen.guilty))
        return replace(seen, branch=None if jump is None else steps[jump])
    return seen


def _origin(steps: list[Step], field: Field, found: int | None, asks: Step | None = None) -> Found:
    tracked, at = Tracked.of(field.where, field.wanted, found, field.most), len(steps)
    way: list[Passed] = []
    for _ in range(_MOST):
        through = [each.step for each in way]
        if seen := narrow(steps, at, tracked, first=not through):
            return Found((*through, seen.step), seen.step, seen.why)
        before = writer(steps, at, tracked)
        if before is None or (not way and not all_written(steps, tracked)):
            return nobody(steps, field, tracked, way)
        used, (at, effect) = at, before
        step = steps[at]
        if not through and (other := _of_another_use(steps, at, field)):
            return other
        if effect and not tracked.wrong & set(effect.into):
            if _held(step, effect) in field.right:
                return Found(
                    (*through, step), step, "works on the lower half alone: a carry is lost"
                )
            continue
        if effect is None:
            return by_the_bios(steps, way, field)
        way.append(Passed(step, effect, tracked))
        through.append(step)
        if seen := _by_what_it_is(steps, at, used, effect, tracked, field):
            return _brought(steps, at, way, field, found, asks, seen)
        if why := _not_followed(way, field):
            return Found(tuple(through), None, why)
        verdict = (_copied if effect.kind == "copy" else _changed)(step, effect, tracked, field)
        if verdict is None:
            if seen := elsewhere(steps[at:], field):
                return Found((seen.step,), seen.step, seen.why)
            return Found(tuple(through), None, "an instruction wrote that and more at once")
        if isinstance(verdict, str):
            return Found(tuple(through), step, verdict)
        tracked = verdict
    return Found(tuple(each.step for each in way), None, "it goes on for long")


def _brought(
    steps: list[Step],
    at: int,
    way: list[Passed],
    field: Field,
    found: int | None,
    asks: Step | None,
    seen: Astray,
) -> Found:
    """Return who is guilty where an instruction shows it: that one, unless what it brings is right
    by itself, and wrong is what was made of it."""
    through = tuple(each.step for each in way)
    if not seen.why.startswith("brings"):
        return Found(through, seen.step, seen.why)
    if shift := shifted_wrongly(steps, at, way):
        old = shift.step.value(shift.effect.into) or 0
        return Found(through, shift.step, f"shifts {old:#x} by too few bits, or too many")
    missing = (
        field.from_header
        or meant_so(way, field, found)
        or left_over(steps, at, way, asks)
        or for_a_case(steps, at, field)
        or used_beside(steps, at, way[-1].effect, field)
    )
    return Found(through, None if missing else seen.step, seen.why)


def _by_what_it_is(
    steps: list[Step], at: int, used: int, effect: Effect, tracked: Tracked, field: Field
) -> Astray | None:
    """Return who is guilty as far as that shows in an instruction itself, or in the way by which
    the loader came to it or from it."""
    step = steps[at]
    if across(step, effect, field) and set(effect.into) & set(field.where):
        return Astray(step, "writes across the border of two fields")
    right = tracked.was_right(step, effect)
    if right and (jump := jump_over(steps, at)) is not None:
        return decided_by(steps, jump)
    if effect.kind in ("constant", "copy") and not field.known & set(effect.source):
        jump = passed_over(steps, at, used, lambda by, other: _makes(by, other, tracked))
        if jump is not None:
            return decided_by(steps, jump)
    if _does_nothing(effect):
        return Astray(step, "does nothing")
    by_chance = field.most is not None or (effect.kind == "copy" and not field.untouched)
    if right and not by_chance:
        return Astray(step, "before it all was right")
    if effect.kind == "constant":
        return Astray(step, f"brings {effect.number:#x}")
    return None


def _makes(step: Step, effect: Effect, tracked: Tracked) -> bool:
    """Return whether an instruction that was not executed would have made it right."""
    if not set(effect.into) & set(tracked.where) or effect.kind not in ("copy", "constant"):
        return False
    value = step.value(effect.source) if effect.kind == "copy" else effect.number
    return value is not None and tracked.is_right(tracked.with_bytes(effect.into, value))


def _does_nothing(effect: Effect) -> bool:
    """Return whether a change leaves everything as it was, or nothing of it."""
    if effect.kind != "change" or effect.source:
        return False
    bits = 8 * len(effect.into)
    if effect.operator == "&":
        return effect.number == (1 << bits) - 1
    return not effect.number or (effect.operator in "<>" and effect.number >= bits)


def _of_another_use(steps: list[Step], at: int, field: Field) -> Found | None:
    """Return who is guilty where the last write was meant for something else: for the loader, not
    for the kernel, or for the stack, which was put where something else is."""
    step = steps[at]
    if field.fresh and any(each.number is not None for each in steps[at:]):
        return Found((), None, "the loader has set it for itself, and not for the kernel")
    if not step.pushes or any(_addresses_stack(each) for each in steps[:at]):
        return None
    pointer = Field("SP", register_bytes("sp"), field.call)
    seen = _origin(steps[:at], pointer, step.cpu.register("sp"))
    return Found((step, *seen.through), seen.guilty, f"{seen.why} for the stack")


def _addresses_stack(step: Step) -> bool:
    """Whether an instruction takes SP for an address: what is pushed is meant to be read there."""
    return not step.pushes and any(("esp", 0) in each.source for each in step.effects)


def _copied(step: Step, effect: Effect, tracked: Tracked, field: Field) -> Tracked | str | None:
    """Return what was copied, why the copy is guilty, or None for one across several values."""
    value = step.value(effect.source)
    size = len(effect.source)
    if field.wanted is not None and size >= _NARROWEST and value is not None:
        low = field.wanted & ((1 << 8 * size) - 1)
        if low and value == low:
            return f"has the right value, {value:#x}, and puts it wrongly"
    if other := _has_it(step, effect, field):
        return f"takes that, and {other.upper()} has what is right"
    first = effect.into[0]
    if isinstance(first, int) and first != tracked.where[0] and not set(effect.into) <= set(
        tracked.where
    ):  # fmt: skip
        return None
    if not tracked.wrong & set(effect.into[:size]):
        return "fills up with zeros"
    return tracked.copied(step, effect)


def _not_followed(way: list[Passed], field: Field) -> str:
    """Return why a value is followed no further than to the last instruction of a way."""
    step, effect = way[-1].step, way[-1].effect
    if effect.kind == "other":
        return "what that is made of is not followed"
    changed = any(each.effect.kind == "change" for each in way[:-1])
    had_it = changed and _had_it(step, effect, field)
    return "it was right there, and is made wrong behind that" if had_it else ""


def _had_it(step: Step, effect: Effect, field: Field) -> bool:
    """Return whether an instruction copies all of what is right."""
    right = (field.wanted or 0) >= _NO_COINCIDENCE and len(effect.source) == len(field.where)
    return effect.kind == "copy" and right and step.value(effect.source) == field.wanted


def _has_it(step: Step, effect: Effect, field: Field) -> str | None:
    """Return another register that has all of what is right where one is stored into a field."""
    stored = effect.source and not isinstance(effect.source[0], int)
    if not stored or effect.into != field.where or (field.wanted or 0) < _NO_COINCIDENCE:
        return None
    return next((name for name in _REGISTERS if step.cpu.values.get(name) == field.wanted), None)


def _changed(step: Step, effect: Effect, tracked: Tracked, field: Field) -> Tracked | str:
    size = len(effect.into)
    old = step.value(effect.into)
    source = step.value(effect.source) if effect.source else effect.number
    number, mask = tracked.number(effect.into)
    if old is None or source is None:
        return "makes it of what was there"

    def of_old(value: int) -> int:
        return applied(effect.operator, value, source, size)

    def of_source(value: int) -> int:
        return applied(effect.operator, old, value, size)

    if not mask:
        return tracked.changed(effect.into, None, old, effect, of_old)
    if effect.operator not in "+-":
        if not effect.source and any(old == right for right in field.right):
            return "changes what was right"
        undone = _undone(effect.operator, number, source)
        return tracked.changed(effect.into, undone, old, effect, of_old)
    right = any(old == each & ((1 << 8 * size) - 1) for each in field.right)
    if right:
        wanted = (number - old if effect.operator == "+" else old - number) & mask
        if not effect.source or wanted == source & mask:
            return f"makes {number:#x} of it no more" if effect.source else (
                f"brings {source:#x} to what was right"
            )  # fmt: skip
        if source and wanted == -source & mask:
            does, wants = ("adds", "subtracted") if effect.operator == "+" else (
                "subtracts", "added")  # fmt: skip
            return f"{does} {source:#x}, which was to be {wants}"
        return tracked.changed(effect.source, wanted, source, effect, of_source)
    wanted = (number - source if effect.operator == "+" else number + source) & mask
    return tracked.changed(effect.into, wanted, old, effect, of_old)


def _undone(operator: str, number: int, by: int) -> int | None:
    """Return what a value must have been for a change to give a number, None where it may be
    many."""
    if operator == "<":
        return number >> by
    if operator == "^":
        return number ^ by
    return None


def _held(step: Step, effect: Effect) -> int:
    """Return what the whole register held of which an instruction changes a part."""
    first: Byte = effect.into[0]
    return -1 if isinstance(first, int) else step.cpu.values.get(first[0], -1)
