"""Where the way back ends, and whether somebody is guilty there: at a BIOS call, at what nobody
wrote, at a number that was meant for something else."""

from bootharness.recording.control import jump_over
from bootharness.recording.effects import Effect
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.found import Found, Passed
from bootharness.recording.misplaced import elsewhere
from bootharness.recording.tracked import Tracked, applied
from bootharness.recording.writers import writer

__all__ = [
    "by_the_bios", "for_a_case", "left_over", "meant_so", "nobody",
    "shifted_wrongly", "used_beside",
]  # fmt: skip

_UNITS = (1, 9)
"""By so many bits bytes are shifted to be words, or sectors."""
_MOST_UNITS = 0x8000
"""More words no block move has, and more sectors no read: what is larger is an address."""


def by_the_bios(steps: list[Step], way: list[Passed], field: Field) -> Found:
    """Return what is to be said where a BIOS call wrote what is wrong, or what that is made of."""
    through = tuple(each.step for each in way)
    if not way:
        if seen := elsewhere(steps, field):
            return Found((seen.step,), seen.step, seen.why)
        return Found((), None, "a BIOS call put it there")
    taken = way[-1].step
    starts = {each.source[0] for each in taken.effects if each.source}
    copied = all(each.effect.kind == "copy" for each in way)
    known = bool(starts & field.known)
    other = bool(field.known) and not known and way[-1].effect.kind == "copy"
    if (copied and not known) or other:
        return Found(through, taken, "takes it from where a BIOS call put something else")
    if changed := _wrong_change(steps, way):
        return Found(through, changed, "works on what a BIOS call brought")
    return Found(through, None, "it was made of what BIOS calls brought")


def _wrong_change(steps: list[Step], way: list[Passed]) -> Step | None:
    """Return the instruction that makes another value of one by a number of its own: the only one
    that a value went through, or one that shifts for the first time, and another count would have
    made it right."""
    if not way or _rounded_down(way):
        return None
    for passed in reversed(way):
        step, effect = passed.step, passed.effect
        if effect.kind != "change" or effect.source:
            continue
        if len(way) == 1:
            return step
        old = step.value(effect.into)
        first = next(each for each in steps if each.cpu.linear == step.cpu.linear) is step
        if effect.operator in "<>" and old and first and _by_another_count(passed):
            return step
    return None


def _by_another_count(passed: Passed) -> bool:
    """Return whether a shift by another number of bits would have made a value right."""
    effect, tracked, size = passed.effect, passed.tracked, len(passed.effect.into)
    old = passed.step.value(effect.into) or 0
    made = (applied(effect.operator, old, count, size) for count in range(8 * size))
    return any(tracked.is_right(tracked.with_bytes(effect.into, each)) for each in made)


def shifted_wrongly(steps: list[Step], at: int, way: list[Passed]) -> Passed | None:
    """Return the shift that a number went through, where another count would have made it right,
    and the number served another instruction, too: of the two it is the shift that is wrong."""
    into = set(way[-1].effect.into)
    through = {each.step.position for each in way}
    others = any(
        into & {*each.source, *each.against, *(each.into if each.kind == "change" else ())}
        for step in steps[at + 1 :]
        if step.position not in through
        for each in step.effects
    )
    for passed in way[:-1] if others else ():
        exact = passed.tracked.goal is not None and not passed.effect.source
        if exact and passed.effect.kind == "change" and passed.effect.operator in "<>":
            return passed if _by_another_count(passed) else None
    return None


def _rounded_down(way: list[Passed]) -> bool:
    """Return whether a value that was divided is one too small: then it is to be rounded up, and
    nothing does."""
    first = way[0].tracked
    wanted, found = _number(first.wanted), _number(first.found)
    divided = any(each.effect.operator == ">" for each in way)
    return divided and wanted is not None and found is not None and wanted - found == 1


def _number(parts: tuple[int | None, ...]) -> int | None:
    found = 0
    for at, part in enumerate(parts):
        if part is None:
            return None
        found |= part << 8 * at
    return found


def meant_so(way: list[Passed], field: Field, found: int | None) -> bool:
    """Return whether a number is right by itself, and something is missing that makes another of
    it: a shift to another unit, or what keeps it as it was."""
    number = way[-1].effect.number
    if any(_number(each.tracked.wanted) == number for each in way[:-1] if number):
        return True
    shifted = [found >> unit for unit in _UNITS] if found else []
    return any(
        each == field.wanted or 0 < each <= (field.most or 0)
        for each in shifted
        if each <= _MOST_UNITS
    )


def nobody(steps: list[Step], field: Field, tracked: Tracked, way: list[Passed]) -> Found:
    """Return what is to be said where no instruction wrote any of the wrong bytes."""
    through = [each.step for each in way]
    if changed := _wrong_change(steps, way):
        return Found(tuple(through), changed, "works on what was there from the beginning")
    if seen := elsewhere(steps, field):
        return Found((seen.step,), seen.step, seen.why)
    unset = all(not isinstance(byte, int) and byte[0] != "cs" for byte in tracked.where)
    if through and unset:
        return Found(tuple(through), None, "no instruction has set the register that it comes from")
    if through and not any(each.kind == "change" for step in through for each in step.effects):
        return Found(tuple(through), through[-1], "takes it from where no instruction put it")
    summed = "it is the sum of several values, and nobody knows here which of them was wrong"
    never = "no instruction of the loader ever wrote it"
    return Found(tuple(through), None, summed if through else never)


def used_beside(steps: list[Step], at: int, effect: Effect, field: Field) -> bool:
    """Return whether a number that an instruction brings into a register has been stored into
    another part of the structure first: it was meant for that."""
    if not field.borders:
        return False
    for step in steps[at + 1 :]:
        for each in step.effects:
            first = each.into[0]
            if each.kind != "copy" or each.source != effect.into or not isinstance(first, int):
                continue
            return first not in field.where and min(field.borders) <= first < max(field.borders)
    return False


def left_over(steps: list[Step], at: int, way: list[Passed], asks: Step | None) -> bool:
    """Return whether a number has served another call of the same function before that which
    ``asks``, and nothing has changed it since: what should have come after it is missing."""
    if asks is None or any(each.effect.kind == "change" for each in way):
        return False
    function = asks.number, asks.cpu.register("ax") >> 8
    return any((step.number, step.cpu.register("ax") >> 8) == function for step in steps[at:])


def for_a_case(steps: list[Step], at: int, field: Field) -> bool:
    """Return whether a number is for a case of its own of which nobody knows that it was one: what
    was compared before it is no field of the header, or nobody has read that to there."""
    jump = jump_over(steps, at)
    if jump is None:
        return False
    compared = [each for each in steps[jump - 1].effects if each.kind == "compare"]
    if not compared:
        return True
    loads = writer(steps, jump, Tracked.of(compared[0].source, None, None))
    source = loads[1].source if loads and loads[1] else ()
    there = set(source) & field.known
    return not there or not any(byte in step.wrote for step in steps[:jump] for byte in there)
