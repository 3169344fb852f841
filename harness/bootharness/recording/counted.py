"""The count of what is left to load, where it is no more what is left: a loader reads on too far by
it, or stops too early."""

from collections.abc import Iterator

from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.control import decided_by, jumps
from bootharness.recording.effects import Byte, Effect
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.found import Answer
from bootharness.recording.loaded import left_at_reads, packets
from bootharness.trace.boot_trace import BootTrace

__all__ = ["counted_wrongly", "stopped_early"]

_UNITS = (1, 2, 4, 16, 512)
"""Bytes, words, double words, paragraphs, sectors."""
_REGISTER_BYTES = 4
_PATH = 12
"""So many instructions behind its comparison a loader has left the loop, or reads again."""


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


def stopped_early(steps: list[Step], trace: BootTrace) -> Answer | None:
    """Return the jump by which a loader has left off reading with some of it left, by a count that
    was right."""
    reads, sectors = left_at_reads(steps, trace), dict(packets(steps))
    if not reads:
        return None
    last = max(reads)
    left = reads[last] - sectors[last].sectors * SECTOR_BYTES
    if left <= 0:
        return None
    counts = {-(-left // unit) for unit in _UNITS}
    for at in range(last + 1, len(steps) - 1):
        for effect in steps[at].effects:
            if effect.kind == "compare" and jumps(steps[at + 1]):
                found = _whole(steps[at], effect)
                if found and found[1] in counts:
                    return _left_off(steps, at + 1, left)
    return None


def _left_off(steps: list[Step], at: int, left: int) -> Answer | None:
    why = f"leaves off with {left:,} bytes still to load"
    path = range(at, min(at + _PATH, len(steps) - 1))
    end = next((each for each in path if not _stays(steps[each])), path.stop)
    away = [each for each in range(at, end) if jumps(steps[each])]
    for each in away:
        if not steps[each].conditional:
            return Answer.of_way(steps[each], why)
    if not away:
        return None
    seen = decided_by(steps, away[-1])
    return Answer.of_way(seen.step, f"{seen.why}: it {why}")


def _stays(step: Step) -> bool:
    """Whether an instruction is no call, and no return."""
    return step.number is None and step.code[0] not in (0xC3, 0xC2, 0xCB, 0xE8)


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
