"""What may be wrong when the kernel is entered: its header, its command line, the registers."""

from collections.abc import Iterator

from bootharness.formats.bzimage import header_fields, offset_of
from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.recording.unset import not_set
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.handoff import Handoff
from bootharness.trace.reads import disk_reads

__all__ = ["command_line", "entry", "header"]

_SIZES = {"type_of_loader": 1, "loadflags": 1, "heap_end_ptr": 2}
_ENTRY_OFFSET = 0x200
_WORD = 2


def header(trace: BootTrace) -> Iterator[Field]:
    """Yield the fields of the setup header that a loader has to write."""
    handoff = trace.handoff
    if handoff is None or handoff.header is None or handoff.real_mode_address is None:
        return
    borders = _borders(handoff.real_mode_address)
    for name in not_set(handoff.header, trace):
        at = handoff.real_mode_address + offset_of(name)
        where = tuple(range(at, at + _SIZES.get(name, 4)))
        offset, wanted = offset_of(name), _of_initrd(trace).get(name)
        what = f"{name} in the setup header"
        yield Field(what, where, None, wanted, borders=borders, offset=offset)


def _of_initrd(trace: BootTrace) -> dict[str, int | None]:
    disk = trace.disk
    if disk is None:
        return {}
    return {"ramdisk_image": disk.initrd_address, "ramdisk_size": disk.initrd_bytes}


def _borders(start: int) -> frozenset[int]:
    """Return where fields begin; a store of two words may be one of each."""
    begins = {start + offset for _, offset, _ in header_fields()}
    return frozenset(
        begins | {start + offset + _WORD for _, offset, size in header_fields() if size > _WORD}
    )


def command_line(trace: BootTrace) -> Iterator[Field]:
    """Yield the stack, where that was put over it; the pointer, where the command line was read to
    another place, or that place; how much was read."""
    handoff, disk = trace.handoff, trace.disk
    if handoff is None or handoff.header is None or handoff.real_mode_address is None or not disk:
        return
    pointer, registers = handoff.header.cmd_line_ptr, handoff.registers
    stack = (registers.ss or 0) * 16 + (registers.esp & 0xFFFF)
    numbers = {id(call): index for index, call in enumerate(trace.bios_calls)}
    for read in disk_reads(trace.loader_calls, disk):
        if read.lba is None or read.lba != disk.cmdline_lba or not read.call.packet:
            continue
        packet = read.call.registers_in.ds * 16 + (read.call.registers_in.esi & 0xFFFF)
        number = numbers[id(read.call)]
        if not read.sectors:
            where = tuple(packet + at for at in range(2, 4))
            yield Field("the number of sectors of the command line's read", where, number)
        if read.buffer == pointer:
            if pointer < stack < pointer + read.bytes:
                yield Field("SP at the handoff", register_bytes("sp"), None, fresh=True)
            continue
        if read.buffer & 0xFFF:
            where = tuple(packet + at for at in range(6, 8))
            yield Field("the segment that the command line was read to", where, number)
        at = handoff.real_mode_address + offset_of("cmd_line_ptr")
        yield Field("cmd_line_ptr in the setup header", tuple(range(at, at + 4)), None, read.buffer)


def entry(trace: BootTrace) -> Iterator[Field]:
    """Yield the registers that the kernel must not be entered with."""
    handoff = trace.handoff
    if handoff is None or handoff.header is None or handoff.real_mode_address is None:
        return
    registers = handoff.registers
    segment = handoff.real_mode_address // 16
    if registers.cs != segment + _ENTRY_OFFSET // 16 or registers.ip:
        yield Field("CS:IP at the handoff", (("ip", 0), ("ip", 1)), None)
    if registers.interrupts:
        yield Field("the interrupt flag at the handoff", (("if", 0),), None, fresh=True)
    for name in ("ds", "es", "fs", "gs", "ss"):
        if getattr(registers, name) not in (None, segment):
            where = register_bytes(name)
            yield Field(f"{name.upper()} at the handoff", where, None, segment, fresh=True)
    yield from _stack(handoff)


def _stack(handoff: Handoff) -> Iterator[Field]:
    """The stack and the end of the heap: of the two, the one that is wrong by itself."""
    header, start = handoff.header, handoff.real_mode_address
    if header is None or start is None:
        return
    pointer, end = handoff.registers.esp & 0xFFFF, (header.heap_end_ptr or 0) + _ENTRY_OFFSET
    at = start + offset_of("heap_end_ptr")
    heap = Field("heap_end_ptr in the setup header", (at, at + 1), None, borders=_borders(start))
    if header.heap_end_ptr is not None and end < header.real_mode_bytes:
        yield heap
    elif pointer < header.real_mode_bytes or pointer % _WORD:
        yield Field("SP at the handoff", register_bytes("sp"), None, fresh=True)
    elif end % _WORD and pointer > end:
        yield heap
    elif pointer > end and (header.cmd_line_ptr or 0) in range(start + end, start + pointer):
        yield Field("SP at the handoff", register_bytes("sp"), None, fresh=True)
