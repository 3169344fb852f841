"""BIOS calls that a loader has made with another register than it must have: the pointer to a disk
address packet or to a block-move table, or the number of the function.

Told by the call itself: of a packet its size (EDD, INT 13h AH=42h), of a table its descriptors.
"""

from collections.abc import Iterator

from bootharness.formats.gdt import SegmentDescriptor
from bootharness.recording.effects import Byte, register_bytes
from bootharness.recording.field import Field
from bootharness.recording.filled import Filled
from bootharness.recording.footsteps import PACKET_BYTES, TABLE_BYTES, Step

__all__ = ["asked_wrongly"]

_DISK, _SYSTEM, _READ, _MOVE = 0x13, 0x15, 0x42, 0x87
_WRITES = {0x03: 0x02, 0x43: 0x42}
"""The functions that write, and those that read by the same registers."""
_PACKET_SIZES = (16, 24)
_SOURCE, _DESTINATION = 0x10, 0x18
_ACCESS = 5
_DATA = 0x93
_VIDEO, _HIGH = 0xA0000, 0x100000
_OFFSETS = (*range(0x20, 0x200), *range(0x7C00, 0x7E00))
"""By either segment that a BIOS may use for a boot sector, it lies there."""
_PUSHED_BYTES = 40
"""What an INT pushes, and a BIOS that saves all registers."""
_SI: tuple[Byte, ...] = register_bytes("si")
_AH: tuple[Byte, ...] = (("eax", 1),)


def asked_wrongly(steps: list[Step]) -> Iterator[tuple[int, Field]]:
    """Yield what was wrong at which step, an INT: first where a call was asked for wrongly."""
    for at, step in enumerate(steps):
        if _asks(step, _DISK, _READ):
            found = _stack(step, "ds", PACKET_BYTES) or _packet(steps[:at], step)
        elif _asks(step, _SYSTEM, _MOVE):
            found = _stack(step, "es", TABLE_BYTES) or _table(steps[:at], step)
        elif step.number == _DISK and _function(step) in _WRITES and not _has_read(steps[:at]):
            what = "the function of INT 13h, which writes to a disk before any was read"
            found = Field(what, _AH, None, _WRITES[_function(step)])
        elif step.number == _SYSTEM:
            found = _prepared(steps[:at], step)
        else:
            continue
        if found:
            yield at, found
            return


def _asks(step: Step, number: int, function: int) -> bool:
    return step.number == number and _function(step) == function


def _function(step: Step) -> int:
    return step.cpu.register("ax") >> 8


def _has_read(before: list[Step]) -> bool:
    return any(each.number == _DISK and _function(each) in _WRITES.values() for each in before)


def _stack(step: Step, segment: str, size: int) -> Field | None:
    """The stack pointer, where what a call pushes lies over what it is told."""
    start = step.cpu.bases[segment] + step.cpu.register("si")
    top = step.cpu.bases["ss"] + step.cpu.register("sp")
    if start >= top or start + size <= top - _PUSHED_BYTES:
        return None
    return Field("SP, right above what the call is told", register_bytes("sp"), None)


def _packet(before: list[Step], step: Step) -> Field | None:
    start = step.cpu.bases["ds"] + step.cpu.register("si")
    if step.value((start,)) in (None, *_PACKET_SIZES):
        return None
    if not _wrote(before, _SI):
        return Field("the function of INT 13h, whose packet nobody has prepared", _AH, None)
    if _wrote(before, (start,)):
        ends = frozenset((start, start + 1, start + 4, start + PACKET_BYTES))
        return Field("the size of the disk address packet", (start,), None, _PACKET_SIZES[0],
                     borders=ends)  # fmt: skip
    if _served(before, step):
        return None
    nobodys = start >= _VIDEO or start not in Filled(before)
    if nobodys and step.cpu.register("si") in _OFFSETS:
        return Field("DS, by which the disk address packet lies", register_bytes("ds"), None)
    return Field("the pointer to the disk address packet", _SI, None)


def _served(before: list[Step], step: Step) -> bool:
    """Whether a pointer is what it was for another such call: then it is the segment that is wrong,
    or what lies there."""
    function = step.cpu.register("ax") >> 8
    number = step.number or 0
    return step.value(_SI) in {each.value(_SI) for each in before if _asks(each, number, function)}


def _table(before: list[Step], step: Step) -> Field | None:
    """The pointer, where none of the source is as it must be, and nobody wrote that."""
    start = step.cpu.bases["es"] + step.cpu.register("si")
    source = _descriptor(step, start + _SOURCE)
    if source is None or _is_data(source) or source.base in _buffers(before):
        return None
    if _served(before, step):
        return None
    where = tuple(range(start + _SOURCE, start + _DESTINATION))
    if _wrote(before, where):
        return None
    there = step.cpu.bases["ds"] + step.cpu.register("si")
    by_ds = _descriptor(step, there + _SOURCE)
    if there != start and by_ds and _is_data(by_ds):
        return Field(
            "ES, by which the block-move table lies", register_bytes("es"), None, fresh=True
        )
    return Field("the pointer to the block-move table", _SI, None)


def _prepared(before: list[Step], step: Step) -> Field | None:
    """The function, where another one was called with a block-move table."""
    start = step.cpu.bases["es"] + step.cpu.register("si")
    source, destination = (_descriptor(step, start + at) for at in (_SOURCE, _DESTINATION))
    if source is None or destination is None or not _wrote(before, _SI):
        return None
    table = tuple(range(start, start + TABLE_BYTES))
    if not (_is_data(source) and _is_data(destination) and destination.base >= _HIGH):
        return None
    return Field("the function of INT 15h, called with a block-move table", _AH, None, _MOVE) if (
        _wrote(before, table)) else None  # fmt: skip


def _descriptor(step: Step, start: int) -> SegmentDescriptor | None:
    value = step.value(tuple(range(start, start + 8)))
    return None if value is None else SegmentDescriptor.parse(value.to_bytes(8, "little"))


def _is_data(descriptor: SegmentDescriptor) -> bool:
    return descriptor.access & 0xF2 == _DATA & 0xF2


def _buffers(before: list[Step]) -> set[int]:
    return {step.wrote.start for step in before if step.wrote}


def _wrote(before: list[Step], where: tuple[Byte, ...]) -> bool:
    return any(set(where) & set(each.into) for step in before for each in step.effects)
