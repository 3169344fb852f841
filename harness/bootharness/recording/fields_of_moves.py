"""What may be wrong about a block move: where it goes to, from where, how much, its descriptors."""

from collections.abc import Iterator

from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.recording.fields_of_reads import borders_of_packet, placed
from bootharness.routes.loader import ORIGIN
from bootharness.trace.block_moves import BlockMove
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import DiskRead

__all__ = ["clobbering", "descriptor", "destination", "mapped"]

_DESTINATION, _SOURCE, _TABLE_BYTES = 0x18, 0x10, 48
_BASE = (2, 3, 4, 7)
_ACCESS, _LIMIT = (5,), (0, 1)
_PARTS = (0, 2, 4, 5, 6, 7)
_MOST_WORDS = 0x8000
_DATA, _WHOLE_LIMIT = 0x93, 0xFFFF
_CODE, _FRAME_BYTES = range(ORIGIN, ORIGIN + SECTOR_BYTES), 6
"""Where the BIOS puts a boot sector, and what an INT pushes."""
_RESERVED = range(0xA0000, 0x100000)
"""The screen's memory, the option ROMs' and the BIOS's."""
_PACKET_SEGMENT, _PACKET_SECTORS = range(6, 8), range(2, 4)


def _tables(trace: BootTrace) -> list[tuple[int, int]]:
    """Return the number of each call with a block-move table, and where that lies."""
    return [
        (index, call.registers_in.es * 16 + (call.registers_in.esi & 0xFFFF))
        for index, call in enumerate(trace.bios_calls)
        if call.table
    ]


def _borders(table: int) -> frozenset[int]:
    return frozenset(
        {table + at + part for at in range(0, _TABLE_BYTES, 8) for part in _PARTS}
        | {table + _TABLE_BYTES}
    )


def destination(trace: BootTrace) -> Iterator[Field]:
    """Yield the first destination that neither begins anything nor goes on with what was moved."""
    tables, starts = _tables(trace), trace.starts
    if not starts:
        return  # nothing is known that was to be placed
    right: list[int] = []
    wanted = starts[0]
    of_initrd = _first_of_initrd(trace)
    for move in trace.block_moves:
        call, table = tables[move.index]
        wanted = starts[-1] if call == of_initrd else wanted
        begins = move.destination in starts and move.destination not in right
        if move.destination != wanted and not begins:
            if short := _too_short(trace, tables, move):
                yield short
                return
            since = tables[move.index - 2][0] if move.index > 1 else None
            yield _to(move.index, table, call, wanted, right[-1:], since)
            return
        right.append(move.destination)
        wanted = move.end


def _first_of_initrd(trace: BootTrace) -> int | None:
    """Return the number of the block move behind the read of the initrd's beginning."""
    begins = trace.disk.initrd_lba if trace.disk else None
    began = False
    for index, _, read in placed(trace) if begins is not None else ():
        if read is None and began:
            return index
        began = read is not None and read.lba == begins
    return None


def _too_short(trace: BootTrace, tables: list[tuple[int, int]], move: BlockMove) -> Field | None:
    """Return the length of the move before, where all that was read before it was to be moved: the
    destination goes on behind that."""
    before = trace.block_moves[move.index - 1] if move.index else None
    if before is None:
        return None
    call = tables[before.index][0]
    length = move.destination - before.destination
    if _read_to(trace, before.source, call) != length or length == before.bytes:
        return None
    what = f"the length of block move {before.index}"
    return Field(what, register_bytes("cx"), call, length // 2, frozenset((length,)))


def _read_to(trace: BootTrace, buffer: int, call: int) -> int:
    """Return how many bytes lie behind each other from a buffer on, by the reads before a call: the
    last ones to there."""
    end = buffer
    for index, there, read in placed(trace):
        if index >= call:
            break
        if (read and there.start == buffer) or (read and there.start == end):
            end = there.stop
    return end - buffer


def _to(
    index: int, table: int, call: int, wanted: int, right: list[int], since: int | None = None
) -> Field:
    what = f"the destination of block move {index}"
    where = tuple(table + _DESTINATION + at for at in _BASE)
    return Field(what, where, call, wanted, frozenset(right), since, borders=_borders(table))


def mapped(trace: BootTrace) -> Iterator[Field]:
    """Yield the first destination at which not what was read for it is put, and the number of
    sectors of a read of which more is moved than it was to bring."""
    disk, kernel = trace.disk, trace.kernel
    if disk is None or kernel is None or disk.kernel_lba is None or not trace.starts:
        return
    payload = disk.kernel_lba + kernel.real_mode_bytes // SECTOR_BYTES
    tables = {call: (index, table) for index, (call, table) in enumerate(_tables(trace))}
    moves = list(trace.block_moves)
    before: tuple[int, DiskRead] | None = None
    right: list[int] = []
    for call, _, read in placed(trace):
        if read:
            before = call, read
            continue
        index, table = tables[call]
        move = moves[index]
        if before is None or before[1].buffer != move.source or before[1].lba is None:
            continue
        number, last = before
        wanted = trace.starts[0] + ((last.lba or 0) - payload) * SECTOR_BYTES
        left = trace.starts[0] + kernel.payload_bytes - wanted
        inside = 0 < left <= kernel.payload_bytes
        if inside and move.destination != wanted:
            yield _to(index, table, call, wanted, right[-1:])
            return
        if inside and move.bytes > last.bytes + SECTOR_BYTES - 1 and last.bytes:
            yield Field(f"the length of block move {index}", register_bytes("cx"), call,
                        last.bytes // 2)  # fmt: skip
        elif inside and move.bytes > last.bytes and last.call.packet:
            packet = last.call.registers_in.ds * 16 + (last.call.registers_in.esi & 0xFFFF)
            where = tuple(packet + at for at in _PACKET_SECTORS)
            yield Field(f"the number of sectors of the read in call {number}", where, number,
                        -(-min(move.bytes, left) // SECTOR_BYTES),
                        borders=borders_of_packet(packet))  # fmt: skip
        right.append(move.destination)


def descriptor(trace: BootTrace) -> Iterator[Field]:
    """Yield access bytes and limits that do not do, and lengths that no block move has."""
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
                yield Field(f"the access byte {what}", where, call, _DATA, borders=_borders(table))
            elif move.bytes and found.effective_limit < min(move.bytes - 1, _WHOLE_LIMIT):
                where = tuple(table + at + byte for byte in _LIMIT)
                yield Field(f"the limit {what}", where, call, borders=_borders(table))
        if move.bytes > _WHOLE_LIMIT + 1:
            yield from mapped(trace)
            yield Field(f"the length of block move {move.index}", register_bytes("cx"), call,
                        most=_MOST_WORDS)  # fmt: skip


def clobbering(trace: BootTrace) -> Iterator[Field]:
    """Yield where the read or the move was to put what it put over something else, and the stack
    that lies in the loader."""
    for index, there, read in placed(trace):
        caller = trace.bios_calls[index].registers_in
        over_loader = there.start <= caller.cs * 16 + caller.ip < there.stop
        over_bios = there.start < _RESERVED.stop and there.stop > _RESERVED.start
        if not there or not (over_loader or over_bios or there.start < 0x500):
            continue
        if read is None:
            yield from destination(trace)
        elif read.call.packet:
            packet = caller.ds * 16 + (caller.esi & 0xFFFF)
            where = tuple(packet + at for at in _PACKET_SEGMENT)
            yield Field(f"the segment of the read in call {index}", where, index,
                        borders=borders_of_packet(packet))  # fmt: skip
        else:
            yield Field(f"the segment of the read in call {index}", register_bytes("es"), index)
    yield from _stack(trace)


def _stack(trace: BootTrace) -> Iterator[Field]:
    """Yield the stack pointer of the first call that was made with the stack in the code."""
    for index, call in enumerate(trace.bios_calls):
        registers = call.registers_in
        top = (registers.ss or 0) * 16 + (registers.esp & 0xFFFF)
        inside = _CODE.start < top - _FRAME_BYTES < _CODE.stop
        if not call.from_bios and inside and registers.cs * 16 + registers.ip in _CODE:
            yield Field(f"SP in call {index}", register_bytes("sp"), index)
            return
