"""A kernel, or a part of it, that was read to another place than where the loader looks for it."""

from collections.abc import Iterator
from itertools import pairwise

from bootharness.formats.bzimage import offset_of
from bootharness.formats.loading import MAGIC
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.control import Astray
from bootharness.recording.field import Field
from bootharness.recording.fields_of_reads import borders_of_packet
from bootharness.recording.footsteps import Step
from bootharness.recording.loaded import packets
from bootharness.recording.misplaced import elsewhere
from bootharness.trace.boot_trace import BootTrace

__all__ = ["put_beside", "read_astray"]

_MAGIC = int.from_bytes(MAGIC, "little")
_PACKET_SEGMENT, _PACKET_LBA = range(6, 8), range(8, 12)


def put_beside(steps: list[Step], trace: BootTrace) -> Astray | None:
    """Return the instruction that has put the segment of the kernel's first read, as the loader
    looks for the header later, beside where it belongs in the packet; None without one."""
    start = _looked_for(steps)
    if start is None or start % 16 or trace.disk is None:
        return None
    for at, packet in packets(steps):
        if packet.lba != trace.disk.kernel_lba:
            continue
        if packet.buffer == start:
            return None
        field = _part(steps[at], "the segment of the kernel", _PACKET_SEGMENT, start >> 4)
        return elsewhere(steps[:at], field)
    return None


def read_astray(steps: list[Step], trace: BootTrace) -> Iterator[tuple[int, Field]]:
    """Yield what was wrong about the first read of the kernel's setup, and at which step, behind a
    first sector that lies where the loader looks for the header: the LBA of one that is read
    already, or where to."""
    start, disk = _looked_for(steps), trace.disk
    if start is None or trace.handoff or disk is None or disk.kernel_lba is None:
        return
    size = trace.kernel.real_mode_bytes if trace.kernel else 0
    setup = range(disk.kernel_lba, disk.kernel_lba + size // SECTOR_BYTES)
    reads = [(at, packet) for at, packet in packets(steps) if packet.lba in setup]
    if not reads or reads[0][1].buffer != start:
        return
    for (_, before), (at, packet) in pairwise(reads):
        wanted = start + (packet.lba - disk.kernel_lba) * SECTOR_BYTES
        if packet.buffer == wanted:
            continue
        sectors = (packet.buffer - before.buffer) // SECTOR_BYTES
        if packet.lba == before.lba and before.sectors and sectors:
            after = before.lba + before.sectors
            yield at, _part(steps[at], "the LBA of the setup", _PACKET_LBA, after, before.lba)
        elif not sectors or before.sectors == 1:
            yield at, _part(steps[at], "the segment of the setup", _PACKET_SEGMENT, wanted >> 4)
        return  # of how much was read, rounded up, nobody knows who made it wrong


def _part(step: Step, what: str, part: range, wanted: int, right: int | None = None) -> Field:
    packet = step.cpu.bases["ds"] + step.cpu.register("si")
    where = tuple(packet + at for at in part)
    known = frozenset() if right is None else frozenset((right,))
    return Field(what, where, None, wanted, known, borders=borders_of_packet(packet))


def _looked_for(steps: list[Step]) -> int | None:
    """Return where a kernel begins whose magic a loader compares."""
    for step in steps:
        for effect in step.effects:
            first = effect.source[0] if effect.source else None
            if effect.kind == "compare" and effect.number == _MAGIC and isinstance(first, int):
                return first - offset_of("header")
    return None
