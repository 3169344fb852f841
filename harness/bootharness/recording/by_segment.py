"""A field of the setup header that a loader wrote at its offset, by another segment."""

from collections.abc import Iterable, Iterator

from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.recording.filled import Filled
from bootharness.recording.footsteps import Step
from bootharness.recording.operands import addressed

__all__ = ["by_segment"]

_VECTORS_END = 0x500


def by_segment(
    steps: list[Step], fields: Iterable[tuple[Field, int, int]]
) -> Iterator[tuple[int, Field]]:
    """Yield the segment register, and at which step, by which a field was written last to where no
    loader has anything; ``fields`` as they are searched for."""
    for field, _, end in fields:
        start = field.where[0]
        if field.offset is None or not isinstance(start, int):
            continue
        for at in range(min(end, len(steps)) - 1, -1, -1):
            segment = _written_by(steps[at], field.offset)
            if segment is None or (linear := steps[at].cpu.bases[segment] + field.offset) == start:
                continue
            if linear < _VECTORS_END or linear not in Filled(steps[:at]):
                what = f"{segment.upper()}, by which {field.what} was written"
                wanted = start - field.offset >> 4
                yield at, Field(what, register_bytes(segment), None, wanted)
            break


def _written_by(step: Step, offset: int) -> str | None:
    """Return the segment by which an instruction writes at an offset, None for another one."""
    linear = {base + offset for base in step.cpu.bases.values()}
    if not any(each.into[:1] == (at,) for each in step.effects for at in linear):
        return None
    segment, at = addressed(step.code, step.cpu) or ("", 0)
    base = step.cpu.bases.get(segment)
    return segment if base is not None and at == base + offset else None
