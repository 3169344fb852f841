"""A field of the setup header that a loader wrote or read at its offset, by another segment."""

from collections.abc import Iterable, Iterator

from bootharness.formats.bzimage import offset_of
from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.recording.filled import Filled
from bootharness.recording.footsteps import Step
from bootharness.recording.loaded import kernels_at
from bootharness.recording.operands import addressed, own_address
from bootharness.trace.boot_trace import BootTrace

__all__ = ["read_by_segment", "written_by_segment"]

_VECTORS_END = 0x500
_BITS = 16
_READ_BY_LOADERS = tuple(
    offset_of(each) for each in ("setup_sects", "syssize", "header", "version", "loadflags")
)


def written_by_segment(
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
            if _nobodys(linear, steps[:at]):
                what = f"{segment.upper()}, by which {field.what} was written"
                wanted = start - field.offset >> 4
                yield at, Field(what, register_bytes(segment), None, wanted)
            break


def read_by_segment(steps: list[Step], trace: BootTrace) -> Iterator[tuple[int, Field]]:
    """Yield the segment register, and at which step, by which a field of a kernel that was read by
    then was looked for first where nobody has put anything."""
    for at, step in enumerate(steps):
        if own_address(step.code, _BITS) not in _READ_BY_LOADERS:
            continue
        segment, linear = addressed(step.code, step.cpu) or ("", 0)
        if not any(each.source[:1] == (linear,) for each in step.effects):
            continue
        start = next(kernels_at(steps[:at], trace), None)
        if start not in (None, step.cpu.bases.get(segment)) and _nobodys(linear, steps[:at]):
            what = f"{segment.upper()}, by which the kernel's header is read"
            yield at, Field(what, register_bytes(segment), None, (start or 0) >> 4)
        return


def _nobodys(linear: int, before: list[Step]) -> bool:
    return linear < _VECTORS_END or linear not in Filled(before)


def _written_by(step: Step, offset: int) -> str | None:
    """Return the segment by which an instruction writes at an offset, None for another one."""
    linear = {base + offset for base in step.cpu.bases.values()}
    if not any(each.into[:1] == (at,) for each in step.effects for at in linear):
        return None
    segment, at = addressed(step.code, step.cpu) or ("", 0)
    base = step.cpu.bases.get(segment)
    return segment if base is not None and at == base + offset else None
