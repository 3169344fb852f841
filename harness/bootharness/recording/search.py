"""Everything that is looked for in a loader's steps, the plainest first: a way that nobody can have
meant, a call that was asked for wrongly, a value that its boot's cause is about."""

from collections.abc import Iterable, Iterator

from bootharness.formats.bzimage import offset_of
from bootharness.recording.asked import asked_wrongly
from bootharness.recording.by_segment import read_by_segment, written_by_segment
from bootharness.recording.control import astray
from bootharness.recording.copied import copied_wrongly
from bootharness.recording.counted import counted_wrongly
from bootharness.recording.effects import register_bytes
from bootharness.recording.entered import entered_elsewhere
from bootharness.recording.field import Field
from bootharness.recording.filled import left_code
from bootharness.recording.footsteps import Step
from bootharness.recording.found import Answer, Found
from bootharness.recording.loaded import kernels_at
from bootharness.recording.looked_for import put_beside, read_astray
from bootharness.recording.misread import misread
from bootharness.recording.origin import origin
from bootharness.recording.overwritten import overwritten, took_half
from bootharness.recording.read_again import read_again
from bootharness.recording.stacked import stacked_on_code
from bootharness.recording.unbalanced import unbalanced
from bootharness.trace.boot_trace import BootTrace

__all__ = ["searched"]

_DIRECTION = 0x400


def searched(
    steps: list[Step], trace: BootTrace, fields: Iterable[tuple[Field, int, int]]
) -> Answer | None:
    """Return what made a boot go wrong, by a loader's steps from its first on; ``fields`` are those
    of its cause, each with what was in it and how many steps there were by then. None where nothing
    is to be looked for."""
    start = _kernel_at(steps, trace)
    by_way = entered_elsewhere(steps, trace) or put_beside(steps, trace)
    if by_way:
        return Answer.of_way(by_way.step, by_way.why)
    steps = _of_the_loader(steps, trace, start)
    if (at := overwritten(steps)) is not None:
        half = took_half(steps[at])
        if half:
            return Answer.of_way(half.step, half.why)
        field = Field("DI, by which the loader is written over", register_bytes("di"), None)
        value = steps[at].value(field.where) or 0
        return Answer(origin(steps[:at], field, value), field, value)
    left = left_code(steps)
    if left:
        at, by_way = left
        if found := _before_it_left(steps[:at], trace):
            return found
        by_way = astray(steps[:at]) or unbalanced(steps[:at]) or by_way
        return Answer.of_way(by_way.step, by_way.why) if by_way else Answer(
            Found((steps[at - 1],) if at else (), None, "goes to where nobody has put any code")
        )  # fmt: skip
    by_way = (
        astray(steps)
        or (misread(steps, start) if start is not None else None)
        or unbalanced(steps)
        or read_again(steps)
    )
    if by_way:
        return Answer.of_way(by_way.step, by_way.why)
    first: Answer | None = None
    for field, value, end in _values(steps, trace, tuple(fields), start):
        asks = steps[end] if end < len(steps) and steps[end].number is not None else None
        found = Answer(origin(steps[:end], field, value, asks), field, value)
        if found.seen.guilty:
            return found
        first = first or found
    return first


def _before_it_left(steps: list[Step], trace: BootTrace) -> Answer | None:
    """Return what made a loader go on to where nothing is, though it went there rightly: it has
    copied itself backwards, or not found how much of the kernel there is to read."""
    backwards = (
        (at, Field("the direction flag of a copy", (("df", 0),), None))
        for at, step in enumerate(steps)
        if len(step.copied) and step.cpu.values.get("efl", 0) & _DIRECTION
    )
    for looked in (backwards, read_by_segment(steps, trace)):
        for field, value, at in _with_values(steps, looked):
            found = Answer(origin(steps[:at], field, value), field, value)
            if found.seen.guilty:
                return found
    return None


def _values(
    steps: list[Step],
    trace: BootTrace,
    fields: tuple[tuple[Field, int, int], ...],
    start: int | None,
) -> Iterator[tuple[Field, int, int]]:
    """Yield what may be wrong, the plainest first, with what is in it and how many steps there are
    by then."""
    yield from _with_values(steps, asked_wrongly(steps))
    yield from fields
    for looked in (
        read_astray(steps, trace),
        written_by_segment(steps, fields),
        read_by_segment(steps, trace),
        copied_wrongly(steps, trace),
        counted_wrongly(steps, trace, _read_by_loaders(start)),
        stacked_on_code(steps),
    ):
        yield from _with_values(steps, looked)


def _with_values(
    steps: list[Step], looked: Iterator[tuple[int, Field]]
) -> Iterator[tuple[Field, int, int]]:
    for at, field in looked:
        yield field, steps[at].value(field.where) or 0, at


def _of_the_loader(steps: list[Step], trace: BootTrace, start: int | None) -> list[Step]:
    """Return the steps before the kernel's own."""
    if start is None or trace.kernel is None or trace.loads_itself:
        return steps
    kernel = range(start, start + trace.kernel.real_mode_bytes)
    end = len(steps)
    while end and steps[end - 1].cpu.linear in kernel:
        end -= 1
    return steps[:end]


def _read_by_loaders(start: int | None) -> frozenset[int]:
    """Return where a kernel's header says how long its parts are."""
    names = ("setup_sects", "syssize")
    return frozenset() if start is None else frozenset(start + offset_of(each) for each in names)


def _kernel_at(steps: list[Step], trace: BootTrace) -> int | None:
    """Return where the real-mode kernel was read to."""
    if trace.handoff and trace.handoff.real_mode_address is not None:
        return trace.handoff.real_mode_address
    return next(kernels_at(steps, trace), None)
