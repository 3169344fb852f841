"""Where a wrong value came from: back from instruction to instruction to the one that made it so.

A value is followed through copies and sums for as long as it was wrong already. Where what went
into an instruction was right, or was no value at all but a number in its own code, it is that
instruction that is guilty.
"""

from msgspec import Struct
from msgspec.structs import replace

from bootharness.recording.effects import Byte, Effect
from bootharness.recording.fields import Field
from bootharness.recording.footsteps import Step

__all__ = ["Found", "origin"]

_MOST = 64
_NARROWEST = 2
_NEAR_BYTES = 8


class Found(Struct, frozen=True):
    """The instructions that a value went through, from the last to the first, and the guilty one,
    None where no instruction is; ``why`` says what follows of that."""

    through: tuple[Step, ...]
    guilty: Step | None
    why: str
    branch: Step | None = None
    """A conditional jump right before the guilty one, which was not taken: it may be that."""


class _Tracked(Struct, frozen=True):
    """A value on its way back: its bytes, what should be in them, and what was."""

    where: tuple[Byte, ...]
    wanted: tuple[int | None, ...]
    found: tuple[int | None, ...]

    @property
    def wrong(self) -> set[Byte]:
        """The bytes that are not as they should be; all where nobody knows."""
        known = {
            byte
            for byte, wanted, found in zip(self.where, self.wanted, self.found, strict=True)
            if wanted is not None and wanted != found
        }
        return known or set(self.where)

    def was_right(self, step: Step, effect: Effect) -> bool:
        """Return whether all that is known to be wrong was right before an instruction."""
        wrong = self.wrong & set(effect.into)
        wanted = dict(zip(self.where, self.wanted, strict=True))
        return all(
            wanted[byte] is not None and step.value((byte,)) == wanted[byte] for byte in wrong
        )

    def number(self, where: tuple[Byte, ...]) -> tuple[int, int]:
        """Return what the low bytes should be, as a number, and its mask."""
        wanted = dict(zip(self.where, self.wanted, strict=True))
        number, bits = 0, 0
        for byte in where:
            one = wanted.get(byte)
            if one is None:
                break
            number, bits = number | one << bits, bits + 8
        return number, (1 << bits) - 1


def _tracked(where: tuple[Byte, ...], wanted: int | None, found: int | None) -> _Tracked:
    return _Tracked(where, _parts(wanted, len(where)), _parts(found, len(where)))


def _parts(number: int | None, size: int) -> tuple[int | None, ...]:
    return tuple(None if number is None else number >> 8 * at & 0xFF for at in range(size))


def origin(steps: list[Step], field: Field, found: int | None) -> Found:
    """Return what made a field as it was found behind the last of a loader's steps."""
    seen = _origin(steps, field, found)
    before = [step for step in steps if seen.guilty and step.position == seen.guilty.position - 1]
    return (
        replace(seen, branch=before[0])
        if (before and before[0].conditional and seen.why.startswith("brings"))
        else seen
    )


def _origin(steps: list[Step], field: Field, found: int | None) -> Found:
    tracked, at = _tracked(field.where, field.wanted, found), len(steps)
    through: list[Step] = []
    for _ in range(_MOST):
        before = _writer(steps, at, tracked)
        if before is None:
            return _nobody(steps, field, tracked, through)
        at, effect = before
        step = steps[at]
        if effect and not tracked.wrong & set(effect.into):
            if _held(step, effect) in field.right:
                return Found(
                    (*through, step), step, "works on the lower half alone: a carry is lost"
                )
            continue
        if effect is None:
            return _by_the_bios(through, field)
        through.append(step)
        made = effect.kind != "copy" or field.untouched  # else it may have been right by chance
        if made and tracked.was_right(step, effect):
            return Found(tuple(through), step, "before it all was right")
        if effect.kind == "constant":
            return Found(tuple(through), step, f"brings {effect.number:#x}")
        if effect.kind == "other":
            return Found(tuple(through), None, "what that is made of is not followed")
        verdict = (_copied if effect.kind == "copy" else _changed)(step, effect, tracked, field)
        if verdict is None:
            return Found(tuple(through), None, "an instruction wrote that and more at once")
        if isinstance(verdict, str):
            return Found(tuple(through), step, verdict)
        tracked = verdict
    return Found(tuple(through), None, "it goes on for long")


def _writer(steps: list[Step], end: int, tracked: _Tracked) -> tuple[int, Effect | None] | None:
    """Return the last step that wrote one of the wrong bytes, or changed the register that has
    them, and how; without how for a BIOS call."""
    wrong, whole = tracked.wrong, set(tracked.where)
    linear = [byte for byte in wrong if isinstance(byte, int)]
    for at in range(end - 1, -1, -1):
        step = steps[at]
        for effect in step.effects:
            carries = effect.kind == "change" and isinstance(effect.into[0], tuple)
            if (whole if carries else wrong) & set(effect.into):
                return at, effect
        if any(byte in step.wrote for byte in linear):
            return at, None
        if step.number is not None and at + 1 < len(steps):
            after = steps[at + 1]
            named = [byte for byte in wrong if not isinstance(byte, int)]
            if any(step.value((byte,)) != after.value((byte,)) for byte in named):
                return at, None
    return None


def _copied(step: Step, effect: Effect, tracked: _Tracked, field: Field) -> _Tracked | str | None:
    """Return what was copied, why the copy is guilty, or None for one across several values."""
    value = step.value(effect.source)
    size = len(effect.source)
    if field.wanted is not None and size >= _NARROWEST and value is not None:
        low = field.wanted & ((1 << 8 * size) - 1)
        if low and value == low:
            return f"has the right value, {value:#x}, and puts it wrongly"
    first = effect.into[0]
    if isinstance(first, int) and first != tracked.where[0] and not set(effect.into) <= set(
        tracked.where
    ):  # fmt: skip
        return None
    wanted = dict(zip(tracked.where, tracked.wanted, strict=True))
    pairs = [
        (source, wanted.get(into)) for into, source in zip(effect.into, effect.source, strict=False)
    ]
    if not tracked.wrong & set(effect.into[:size]):
        return "fills up with zeros"
    return _Tracked(effect.source, tuple(want for _, want in pairs), _parts(value, size))


def _changed(step: Step, effect: Effect, tracked: _Tracked, field: Field) -> _Tracked | str:
    old = step.value(effect.into)
    source = step.value(effect.source) if effect.source else effect.number
    number, mask = tracked.number(effect.into)
    if old is None or source is None:
        return "makes it of what was there"
    if not mask:
        return _tracked(effect.into, None, old)
    if effect.operator not in "+-":
        if not effect.source and any(old == right for right in field.right):
            return "changes what was right"
        return _tracked(effect.into, _undone(effect.operator, number, source), old)
    right = any(old == each & ((1 << 8 * len(effect.into)) - 1) for each in field.right)
    if right:
        wanted = (number - old if effect.operator == "+" else old - number) & mask
        if not effect.source or wanted == source & mask:
            return f"makes {number:#x} of it no more" if effect.source else (
                f"brings {source:#x} to what was right"
            )  # fmt: skip
        return _tracked(effect.source, wanted, source)
    wanted = (number - source if effect.operator == "+" else number + source) & mask
    return _tracked(effect.into, wanted, old)


def _undone(operator: str, number: int, by: int) -> int | None:
    """Return what a value must have been for a change to give a number, None where it may be
    many."""
    if operator == "<":
        return number >> by
    if operator == "^":
        return number ^ by
    return None


def _by_the_bios(through: list[Step], field: Field) -> Found:
    """Return what is to be said where a BIOS call wrote what is wrong, or what that is made of."""
    if not through:
        return Found((), None, "a BIOS call put it there")
    taken = through[-1]
    starts = {each.source[0] for each in taken.effects if each.source}
    changed = _first_change(through)
    copied = not any(each.kind == "change" for step in through for each in step.effects)
    if copied or (field.known and not starts & field.known and changed is not taken):
        return Found(tuple(through), taken, "takes it from where a BIOS call put something else")
    if changed is None:
        return Found(tuple(through), None, "it was made of what BIOS calls brought")
    return Found(tuple(through), changed, "works on what a BIOS call brought")


def _first_change(through: list[Step]) -> Step | None:
    """Return the instruction that was the first to make another value of one, by a number of its
    own: of two values nobody knows here which was wrong."""
    for step in reversed(through):
        for effect in step.effects:
            if effect.kind == "change":
                return None if effect.source else step
    return None


def _nobody(steps: list[Step], field: Field, tracked: _Tracked, through: list[Step]) -> Found:
    """Return what is to be said where no instruction wrote any of the wrong bytes."""
    if changed := _first_change(through):
        return Found(tuple(through), changed, "works on what was there from the beginning")
    for step in reversed(steps):
        for effect in step.effects:
            if effect.kind == "copy" and _meant_for(step, effect, field):
                return Found((step,), step, "has the right value, and puts it elsewhere")
    if through and not any(each.kind == "change" for step in through for each in step.effects):
        return Found(tuple(through), through[-1], "takes it from where no instruction put it")
    summed = "it is the sum of several values, and nobody knows here which of them was wrong"
    never = "no instruction of the loader ever wrote it"
    return Found(tuple(through), None, summed if through else never)


def _meant_for(step: Step, effect: Effect, field: Field) -> bool:
    """Whether an instruction stores the right value beside the field, or only the half of it."""
    if field.wanted is None or not isinstance(effect.into[0], int):
        return False
    start = field.where[0]
    near = isinstance(start, int) and abs(effect.into[0] - start) <= _NEAR_BYTES * 4
    size = len(effect.source)
    low = field.wanted & ((1 << 8 * size) - 1)
    there = effect.into[0] == start
    whole = _whole(effect.source, step)
    if not near or size < _NARROWEST:
        return False
    if there:
        return size < len(field.where) and whole == field.wanted
    return bool(low) and step.value(effect.source) == low


def _whole(source: tuple[Byte, ...], step: Step) -> int | None:
    """Return the whole register of which a source is a part."""
    first = source[0]
    return None if isinstance(first, int) else step.cpu.values.get(first[0])


def _held(step: Step, effect: Effect) -> int:
    """Return what the whole register held of which an instruction changes a part."""
    first = effect.into[0]
    return -1 if isinstance(first, int) else step.cpu.values.get(first[0], -1)
