"""The value that a cause says was wrong: where it lay, what it should have been, and what it had
rightly been before."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from bootharness.formats.bzimage import offset_of
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.effects import Byte, register_bytes
from bootharness.recording.questions import not_set
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import DiskRead, disk_reads

__all__ = ["FOLLOWED", "Field", "field_of"]

_DESTINATION, _SOURCE = 0x18, 0x10
_BASE = (2, 3, 4, 7)
_ACCESS, _LIMIT = (5,), (0, 1)
_DATA = 0x93
_PACKET_SECTORS, _PACKET_SEGMENT, _PACKET_LBA = range(2, 4), range(6, 8), range(8, 12)
_SIZES = {"type_of_loader": 1, "loadflags": 1, "heap_end_ptr": 2}
_READ_BY_LOADERS = ("setup_sects", "syssize")
_ENTRY_OFFSET = 0x200


class Field(Struct, frozen=True):
    """A value in memory or in registers at a BIOS call or, for None, at the handoff.

    ``right`` are values that it had before and that were right; ``since`` is the call from which on
    it is enough to look, None for the loader's first instruction.
    """

    what: str
    where: tuple[Byte, ...]
    call: int | None
    wanted: int | None = None
    right: frozenset[int] = frozenset()
    since: int | None = None
    known: frozenset[int] = frozenset()
    """Addresses at which a field of the setup header lies, which a loader rightly reads."""
    untouched: bool = False
    """Whether no loader has to write there at all."""


def field_of(trace: BootTrace, cause: str) -> Field | None:
    """Return the value that a cause of a recorded boot is about, by that boot's own trace."""
    asked = FOLLOWED.get(cause)
    return next(asked(trace), None) if asked else None


def _tables(trace: BootTrace) -> list[tuple[int, int]]:
    """Return the number of each call with a block-move table, and where that lies."""
    return [
        (index, call.registers_in.es * 16 + (call.registers_in.esi & 0xFFFF))
        for index, call in enumerate(trace.bios_calls)
        if call.table
    ]


def _destination(trace: BootTrace) -> Iterator[Field]:
    tables, starts = _tables(trace), trace.starts
    right: list[int] = []
    wanted = starts[0]
    for move in trace.block_moves:
        call, table = tables[move.index]
        if move.destination not in (*starts, wanted):
            since = tables[move.index - 2][0] if move.index > 1 else None
            what = f"the destination of block move {move.index}"
            where = tuple(table + _DESTINATION + at for at in _BASE)
            yield Field(what, where, call, wanted, frozenset(right[-1:]), since)
            return
        right.append(move.destination)
        wanted = move.end


def _descriptor(trace: BootTrace) -> Iterator[Field]:
    tables = _tables(trace)
    for move in trace.block_moves:
        call, table = tables[move.index]
        for name, at, found in (
            ("source", _SOURCE, move.table.source),
            ("destination", _DESTINATION, move.table.destination),
        ):
            what = f"of the {name} descriptor of block move {move.index}"
            if found.access & 0xF2 != _DATA & 0xF2:
                where = tuple(table + at + byte for byte in _ACCESS)
                yield Field(f"the access byte {what}", where, call, _DATA)
            elif move.bytes and found.effective_limit < move.bytes - 1:
                where = tuple(table + at + byte for byte in _LIMIT)
                yield Field(f"the limit {what}", where, call)
        if move.bytes > 1 << 16:
            yield Field(f"the length of block move {move.index}", register_bytes("cx"), call)


def _clobbering(trace: BootTrace) -> Iterator[Field]:
    """Where the read or the move was to put what it put over something else."""
    for index, placed, read in _placed(trace):
        caller = trace.bios_calls[index].registers_in
        over_loader = placed.start <= caller.cs * 16 + caller.ip < placed.stop
        if not placed or not (over_loader or placed.start < 0x500 or 0xA0000 in placed):
            continue
        if read is None:
            yield from _destination(trace)
        elif read.call.packet:
            packet = caller.ds * 16 + (caller.esi & 0xFFFF)
            where = tuple(packet + at for at in _PACKET_SEGMENT)
            yield Field(f"the segment of the read in call {index}", where, index)
        else:
            yield Field(f"the segment of the read in call {index}", register_bytes("es"), index)


def _placed(trace: BootTrace) -> Iterator[tuple[int, range, DiskRead | None]]:
    reads = {id(read.call): read for read in disk_reads(trace.loader_calls, trace.disk)}
    for index, call in enumerate(trace.bios_calls):
        if read := reads.get(id(call)):
            yield index, range(read.buffer, read.buffer + read.bytes), read
        elif call.table and not call.from_bios:
            start = call.table.destination.base
            yield index, range(start, start + (call.registers_in.ecx & 0xFFFF) * 2), None


def _sectors(trace: BootTrace) -> Iterator[Field]:
    """The first LBA that neither begins anything on the disk nor goes on with the read before."""
    disk = trace.disk
    if disk is None or disk.kernel_lba is None:
        return
    numbers = {id(call): index for index, call in enumerate(trace.bios_calls)}
    begins = {disk.kernel_lba, disk.cmdline_lba, disk.initrd_lba, 0}
    right: list[int] = []
    wanted = disk.kernel_lba
    for read in disk_reads(trace.loader_calls, disk):
        caller = read.call.registers_in
        stray = read.lba not in begins and read.lba != wanted
        if stray and read.call.packet:
            packet = caller.ds * 16 + (caller.esi & 0xFFFF)
            where = tuple(packet + at for at in _PACKET_LBA)
            call = numbers[id(read.call)]
            yield Field(f"the LBA of the read in call {call}", where, call, wanted,
                        frozenset(right[-1:]))  # fmt: skip
            return
        if read.lba is not None and read.lba >= disk.kernel_lba:
            right.append(read.lba)
            wanted = read.span.stop


def _setup(trace: BootTrace) -> Iterator[Field]:
    """Where the first wrong sector was read to, how many were, or else the byte itself."""
    handoff, disk = trace.handoff, trace.disk
    proof = handoff.real_mode if handoff else None
    start = handoff.real_mode_address if handoff else None
    if disk and disk.kernel_lba is not None and start is not None and trace.kernel:
        yield from _setup_reads(trace, disk.kernel_lba, start, trace.kernel.real_mode_bytes)
    if proof and proof.first_difference is not None:
        at = proof.address + proof.first_difference
        yield Field("the first wrong byte of the real-mode kernel", (at,), None, proof.expected,
                    untouched=True)  # fmt: skip


def _setup_reads(trace: BootTrace, lba: int, start: int, size: int) -> Iterator[Field]:
    numbers = {id(call): index for index, call in enumerate(trace.bios_calls)}
    header = frozenset(start + offset_of(name) for name in _READ_BY_LOADERS)
    end, last = lba + size // SECTOR_BYTES, None
    moved = {move.source for move in trace.block_moves}
    for read in disk_reads(trace.loader_calls, trace.disk):
        if read.lba is None or not lba <= read.lba < end or not read.call.packet:
            continue
        if read.buffer in moved:
            break  # taken for the protected-mode kernel: the reads before were too few
        packet = read.call.registers_in.ds * 16 + (read.call.registers_in.esi & 0xFFFF)
        last = read, packet
        wanted = start + (read.lba - lba) * SECTOR_BYTES
        if read.buffer != wanted:
            where = tuple(packet + at for at in _PACKET_SEGMENT)
            call = numbers[id(read.call)]
            yield Field(f"the segment of the read in call {call}", where, call, wanted >> 4)
    if last and (last[0].lba or 0) + last[0].sectors < end:
        read, packet = last
        where = tuple(packet + at for at in _PACKET_SECTORS)
        call = numbers[id(read.call)]
        yield Field(f"the number of sectors of the read in call {call}", where, call,
                    end - (read.lba or 0), known=header)  # fmt: skip


def _buffer(trace: BootTrace) -> Iterator[Field]:
    """The segment of a read of which the next block move takes nothing."""
    tables, moves = _tables(trace), iter(trace.block_moves)
    before: tuple[int, DiskRead] | None = None
    if trace.kernel is None or trace.disk is None or trace.disk.kernel_lba is None:
        return
    payload = trace.disk.kernel_lba + trace.kernel.real_mode_bytes // SECTOR_BYTES
    numbers = {call for call, _ in tables}
    for index, _, read in _placed(trace):
        if read:
            before = index, read
        elif index in numbers and (move := next(moves, None)) and before:
            call, last = before
            if (last.lba or 0) < payload:
                continue
            if move.source != last.buffer and last.call.packet:
                caller = last.call.registers_in
                packet = caller.ds * 16 + (caller.esi & 0xFFFF)
                where = tuple(packet + at for at in _PACKET_SEGMENT)
                yield Field(f"the segment of the read in call {call}", where, call,
                            move.source >> 4)  # fmt: skip


def _header(trace: BootTrace) -> Iterator[Field]:
    handoff = trace.handoff
    if handoff is None or handoff.header is None or handoff.real_mode_address is None:
        return
    for name in not_set(handoff.header, trace):
        at = handoff.real_mode_address + offset_of(name)
        where = tuple(range(at, at + _SIZES.get(name, 4)))
        yield Field(f"{name} in the setup header", where, None)


def _command_line(trace: BootTrace) -> Iterator[Field]:
    """The pointer, where the command line was read to another place; or that place."""
    handoff, disk = trace.handoff, trace.disk
    if handoff is None or handoff.header is None or handoff.real_mode_address is None or not disk:
        return
    pointer = handoff.header.cmd_line_ptr
    numbers = {id(call): index for index, call in enumerate(trace.bios_calls)}
    for read in disk_reads(trace.loader_calls, disk):
        if read.lba is None or read.lba != disk.cmdline_lba or read.buffer == pointer:
            continue
        if read.buffer & 0xFFF:
            packet = read.call.registers_in.ds * 16 + (read.call.registers_in.esi & 0xFFFF)
            where = tuple(packet + at for at in _PACKET_SEGMENT)
            yield Field("the segment that the command line was read to", where,
                        numbers[id(read.call)])  # fmt: skip
        at = handoff.real_mode_address + offset_of("cmd_line_ptr")
        yield Field("cmd_line_ptr in the setup header", tuple(range(at, at + 4)), None, read.buffer)


def _entry(trace: BootTrace) -> Iterator[Field]:
    """The register that the kernel must not be entered with."""
    handoff = trace.handoff
    if handoff is None or handoff.header is None or handoff.real_mode_address is None:
        return
    registers, header = handoff.registers, handoff.header
    segment = handoff.real_mode_address // 16
    if registers.cs != segment + _ENTRY_OFFSET // 16 or registers.ip:
        yield Field("CS:IP at the handoff", (("ip", 0), ("ip", 1)), None)
    if registers.interrupts:
        yield Field("the interrupt flag at the handoff", (("if", 0),), None)
    for name in ("ds", "es", "fs", "gs", "ss"):
        if getattr(registers, name) not in (None, segment):
            yield Field(f"{name.upper()} at the handoff", register_bytes(name), None, segment)
    top = (header.heap_end_ptr or 0) + _ENTRY_OFFSET
    if header.heap_end_ptr is not None and top < header.real_mode_bytes:
        at = handoff.real_mode_address + offset_of("heap_end_ptr")
        yield Field("heap_end_ptr in the setup header", (at, at + 1), None)
    yield Field("SP at the handoff", register_bytes("sp"), None)


FOLLOWED: dict[str, Callable[[BootTrace], Iterator[Field]]] = {
    "destination-wrapped": _destination,
    "destination-misplaced": _destination,
    "descriptor-invalid": _descriptor,
    "memory-clobbered": _clobbering,
    "wrong-sectors": _sectors,
    "setup-corrupt": _setup,
    "payload-corrupt": _buffer,
    "header-not-set": _header,
    "cmdline-wrong": _command_line,
    "handoff-state": _entry,
}
"""Causes of which a value is followed back to the instruction that made it wrong."""
