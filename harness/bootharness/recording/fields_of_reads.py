"""What may be wrong about a read from the disk: from where, how much, where to."""

from collections.abc import Iterator
from itertools import pairwise

from bootharness.formats.bzimage import offset_of
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.routes.loader import ORIGIN
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import DiskRead, disk_reads, is_read

__all__ = [
    "borders_of_packet",
    "buffer",
    "direction",
    "drive",
    "placed",
    "sectors",
    "setup",
    "setup_too_long",
    "too_many",
]

_PACKET_SECTORS, _PACKET_SEGMENT, _PACKET_LBA = range(2, 4), range(6, 8), range(8, 12)
_PACKET_PARTS = (0, 1, 2, 4, 6, 8, 10, 12, 14, 16)
_MOST_SECTORS = 127
"""EDD, INT 13h AH=42h: the most that every BIOS reads at once."""
_DIRECTION = 0x400
_READ_BY_LOADERS = ("setup_sects", "syssize")


def borders_of_packet(packet: int) -> frozenset[int]:
    """Return where the parts of a disk address packet begin, and where it ends."""
    return frozenset(packet + at for at in _PACKET_PARTS)


def _packet(read: DiskRead) -> int:
    return read.call.registers_in.ds * 16 + (read.call.registers_in.esi & 0xFFFF)


def _part(
    read: DiskRead, call: int, what: str, part: range, wanted: int | None, right: list[int],
    known: frozenset[int] = frozenset(),
) -> Field:  # fmt: skip
    packet = _packet(read)
    where = tuple(packet + at for at in part)
    return Field(f"{what} of the read in call {call}", where, call, wanted, frozenset(right),
                 known=known, borders=borders_of_packet(packet))  # fmt: skip


def placed(trace: BootTrace) -> Iterator[tuple[int, range, DiskRead | None]]:
    """Yield the number of each read and of each block move, and what memory that was to fill."""
    reads = {id(read.call): read for read in disk_reads(trace.loader_calls, trace.disk)}
    for index, call in enumerate(trace.bios_calls):
        if read := reads.get(id(call)):
            yield index, range(read.buffer, read.buffer + read.bytes), read
        elif call.table and not call.from_bios:
            start = call.table.destination.base
            yield index, range(start, start + (call.registers_in.ecx & 0xFFFF) * 2), None


def sectors(trace: BootTrace) -> Iterator[Field]:
    """Yield the first number of sectors that no BIOS reads, and the first LBA that neither begins
    anything on the disk nor goes on with the read before."""
    yield from too_many(trace)
    disk = trace.disk
    if disk is None or disk.kernel_lba is None:
        return
    numbers = {id(call): index for index, call in enumerate(trace.bios_calls)}
    begins = {disk.kernel_lba, disk.cmdline_lba, disk.initrd_lba, 0}
    right: list[int] = []
    wanted = disk.kernel_lba
    for read in disk_reads(trace.loader_calls, disk):
        call = numbers[id(read.call)]
        stray = read.lba not in begins and read.lba != wanted
        if stray and read.call.packet:
            yield _part(read, call, "the LBA", _PACKET_LBA, wanted, right[-1:])
            return
        if read.lba is not None and read.lba >= disk.kernel_lba:
            right.append(read.lba)
            wanted = read.span.stop


def too_many(trace: BootTrace) -> Iterator[Field]:
    """Yield the first number of sectors that no BIOS reads at once."""
    numbers = {id(call): index for index, call in enumerate(trace.bios_calls)}
    for read in disk_reads(trace.loader_calls, trace.disk):
        if read.call.packet and read.sectors > _MOST_SECTORS:
            where = tuple(_packet(read) + at for at in _PACKET_SECTORS)
            call = numbers[id(read.call)]
            what = f"the number of sectors of the read in call {call}"
            borders = borders_of_packet(_packet(read))
            yield Field(what, where, call, borders=borders, most=_MOST_SECTORS)
            return


def drive(trace: BootTrace) -> Iterator[Field]:
    """Yield the drive of the first read from another than the last boot sector came from: the
    BIOS's, or one that a boot manager goes on to."""
    booted = [call.registers_in.edx & 0xFF for call in trace.bios_calls if call.from_bios
              and is_read(call)]  # fmt: skip
    for index, _, read in placed(trace):
        if read and (read.lba, read.buffer) == (0, ORIGIN):
            booted.append(read.drive)
        elif read and booted and read.drive != booted[-1]:
            yield Field(f"the drive of the read in call {index}", (("edx", 0),), index, booted[-1])
            return


def direction(trace: BootTrace) -> Iterator[Field]:
    """Yield the direction flag of the first call that was made with it set."""
    for index, call in enumerate(trace.bios_calls):
        if not call.from_bios and call.registers_in.flags & _DIRECTION:
            yield Field(f"the direction flag in call {index}", (("df", 0),), index)
            return


def setup(trace: BootTrace) -> Iterator[Field]:
    """Yield where the first wrong sector was read to, how many were, or else the byte itself."""
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
    end, last = lba + size // SECTOR_BYTES, None
    moved = {move.source for move in trace.block_moves}
    for read in disk_reads(trace.loader_calls, trace.disk):
        if read.lba is None or not lba <= read.lba < end:
            continue
        if read.buffer in moved:
            break  # taken for the protected-mode kernel: the reads before were too few
        before, last = last, read
        wanted = start + (read.lba - lba) * SECTOR_BYTES
        if read.buffer == wanted:
            continue
        call = numbers[id(read.call)]
        if read.call.packet:
            yield _part(read, call, "the segment", _PACKET_SEGMENT, wanted >> 4, [])
        else:
            yield _offset(read, call, wanted, before)
            return
    if last and last.call.packet and last.span.stop < end:
        yield _count(trace, last, start, end)


def _offset(read: DiskRead, call: int, wanted: int, before: DiskRead | None) -> Field:
    """Return BX of a read by cylinder, head and sector."""
    right = frozenset[int]()
    if before and before.call.registers_in.es == read.call.registers_in.es:
        right = frozenset((before.call.registers_in.ebx & 0xFFFF,))
    wanted = (wanted - read.call.registers_in.es * 16) & 0xFFFF
    return Field(f"BX of the read in call {call}", register_bytes("bx"), call, wanted, right)


def _count(trace: BootTrace, read: DiskRead, start: int, end: int) -> Field:
    header = frozenset(start + offset_of(name) for name in _READ_BY_LOADERS)
    call = next(at for at, each in enumerate(trace.bios_calls) if each is read.call)
    wanted = end - (read.lba or 0)
    return _part(read, call, "the number of sectors", _PACKET_SECTORS, wanted, [], header)


def setup_too_long(trace: BootTrace) -> Iterator[Field]:
    """Yield the number of sectors of the read that went from the real-mode kernel on into what is
    to be moved, where that begins behind it."""
    disk, kernel = trace.disk, trace.kernel
    start = trace.handoff.real_mode_address if trace.handoff else None
    if disk is None or disk.kernel_lba is None or kernel is None or start is None:
        return
    end = disk.kernel_lba + kernel.real_mode_bytes // SECTOR_BYTES
    moved = {move.source for move in trace.block_moves}
    reads = [read for read in disk_reads(trace.loader_calls, disk) if read.call.packet]
    for read, after in pairwise(reads):
        if read.lba is None or read.buffer in moved or read.lba < disk.kernel_lba:
            continue
        if read.lba < end < read.span.stop and after.lba == read.span.stop:
            yield _count(trace, read, start, end)


def buffer(trace: BootTrace) -> Iterator[Field]:
    """Yield the segment of a read of which the next block move takes nothing, if of the two it is
    the one that is no place for sectors."""
    before: tuple[int, DiskRead] | None = None
    if trace.kernel is None or trace.disk is None or trace.disk.kernel_lba is None:
        return
    payload = trace.disk.kernel_lba + trace.kernel.real_mode_bytes // SECTOR_BYTES
    moves = iter(trace.block_moves)
    numbers = {index for index, call in enumerate(trace.bios_calls) if call.table}
    for index, _, read in placed(trace):
        if read:
            before = index, read
        elif index in numbers and (move := next(moves, None)) and before:
            call, last = before
            if (last.lba or 0) < payload:
                continue
            odd = last.buffer % SECTOR_BYTES and not move.source % SECTOR_BYTES
            if odd and move.source != last.buffer and last.call.packet:
                yield _part(last, call, "the segment", _PACKET_SEGMENT, move.source >> 4, [])
