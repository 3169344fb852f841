"""The count of what is left to load, where it is no more what is left: a loader reads on too far by
it, or stops too early."""

from collections.abc import Iterator

from bootharness.recording.control import jumps
from bootharness.recording.effects import Byte, Effect
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step

__all__ = ["counted_wrongly"]

_UNITS = (1, 2, 4, 16, 512)
"""Bytes, words, double words, paragraphs, sectors."""
_REGISTER_BYTES = 4


def counted_wrongly(
    steps: list[Step], reads: dict[int, int], total: int
) -> Iterator[tuple[int, Field]]:
    """Yield at which step the count of what is left is wrong for the first time: what a loader
    compared last before a read. ``reads`` are INT steps by number, with how many bytes of ``total``
    were left then. Of one that has not been right at first nobody knows what it counts.
    """
    unit, before = 0, 0
    for at, left in sorted(reads.items()):
        compared = _compared(steps, at)
        if compared is None:
            return
        number, where, value = compared
        if not unit:
            unit = next((each for each in _UNITS if left and value == -(-left // each)), 0)
            if not unit:
                return
        elif value != -(-left // unit):
            what = f"the count of what is left of {total:,} bytes"
            yield number, Field(what, where, None, -(-left // unit), frozenset((before,)))
            return
        before = value


def _compared(steps: list[Step], end: int) -> tuple[int, tuple[Byte, ...], int] | None:
    """Return what a loader compared last before a step, whole, to go another way by it."""
    for at in range(end - 1, -1, -1):
        if not jumps(steps[at + 1]):
            continue
        for effect in steps[at].effects:
            if effect.kind == "compare" and (found := _whole(steps[at], effect)):
                return at, *found
    return None


def _whole(step: Step, effect: Effect) -> tuple[tuple[Byte, ...], int] | None:
    first = effect.source[0]
    where: tuple[Byte, ...] = effect.source
    if not isinstance(first, int):
        if first[1] or first[0] not in step.cpu.values:
            return None
        where = tuple((first[0], part) for part in range(_REGISTER_BYTES))
    value = step.value(where)
    return None if value is None else (where, value)
