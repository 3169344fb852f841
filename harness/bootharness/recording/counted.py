"""The count of what is left to load, where it is no more what is left: a loader reads on too far by
it, or stops too early."""

from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

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
_COMMON = (1, 16, 512)
_ABOUT = 0.1
"""A count of bytes takes away a little less than the sectors that it was read as."""
_REGISTER_BYTES = 4
_PATH = 12
"""So many instructions behind its comparison a loader has left the loop, or reads again."""


class _Point(Struct, frozen=True):
    """A comparison of a count: at which step, where it is, what it was, and how many bytes were
    left."""

    at: int
    where: tuple[Byte, ...]
    value: int
    left: int


def counted_wrongly(
    steps: list[Step], trace: BootTrace, known: frozenset[int]
) -> Iterator[tuple[int, Field]]:
    """Yield at which step the count of what is left is wrong for the first time: what a loader
    compared last before a read, or behind the last one. ``known`` is where the kernel's header says
    how long it is.

    What is counted shows in what one read takes away, or in what it is at first. Where these two do
    not agree nobody knows which of them is wrong.
    """
    points = list(_points(steps, trace))
    unit = _unit(points)
    if not unit:
        return
    before: int | None = None
    for point in points:
        wanted = -(-point.left // unit)
        if point.value != wanted:
            total = trace.kernel.payload_bytes if trace.kernel else 0
            what = f"the count of what is left of {total:,} bytes"
            right = frozenset() if before is None else frozenset((before,))
            yield point.at, Field(what, point.where, None, wanted, right, known=known,
                                  from_header=True)  # fmt: skip
            return
        before = point.value


def _points(steps: list[Step], trace: BootTrace) -> Iterator[_Point]:
    reads = left_at_reads(steps, trace)
    last: _Point | None = None
    places: set[int] = set()
    for at, left in sorted(reads.items()):
        compared = _compared(steps, at)
        if compared is None:
            return
        last = _Point(*compared, left)
        places.add(steps[last.at].cpu.linear)
        yield last
    if last is None:
        return
    end = max(reads)
    left = max(reads[end] - dict(packets(steps))[end].sectors * SECTOR_BYTES, 0)
    for at in range(end + 1, len(steps) - 1):
        if not jumps(steps[at + 1]):
            continue
        for effect in steps[at].effects:
            found = _whole(steps[at], effect) if effect.kind == "compare" else None
            # once it was right, at whatever place, its register may count something else
            ends = found and (steps[at].cpu.linear in places or found[1] == left == 0)
            if found and ends and found[0] == last.where:
                yield _Point(at, *found, left)
                return


def _unit(points: list[_Point]) -> int:
    """Return what a count counts, in bytes; 0 where nobody knows."""
    if not points:
        return 0
    first, taken = points[0], 0
    whole = next((each for each in _UNITS if first.value == -(-first.left // each)), 0)
    for one, other in pairwise(points):
        if one.value > other.value:
            ratio = (one.left - other.left) / (one.value - other.value)
            taken = next((each for each in _UNITS if abs(ratio / each - 1) < _ABOUT), 0)
            break
    if whole and taken and whole != taken:
        return 0 if whole in _COMMON else taken
    return whole or taken


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
