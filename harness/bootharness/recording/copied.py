"""What a loader copies above 1 MiB itself, in unreal mode: to where, and how much."""

from collections.abc import Iterator

from bootharness.formats.bioscall import DiskAddressPacket
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.loaded import packets
from bootharness.trace.boot_trace import BootTrace

__all__ = ["copied_wrongly"]

_HIGH = 0x100000
_ADDRESS_SIZE, _OPERAND_SIZE = 0x67, 0x66
_PREFIXES, _WIDEST = 4, 4


def copied_wrongly(steps: list[Step], trace: BootTrace) -> Iterator[tuple[int, Field]]:
    """Yield at which step the first copy of what was read last goes elsewhere than it belongs, or
    is shorter than that."""
    disk, kernel = trace.disk, trace.kernel
    if disk is None or kernel is None or disk.kernel_lba is None or not trace.starts:
        return
    payload = disk.kernel_lba + kernel.real_mode_bytes // SECTOR_BYTES
    reads = dict(packets(steps))
    read: DiskAddressPacket | None = None
    before: int | None = None
    for at, step in enumerate(steps):
        read = reads.get(at, read)
        if read is None or not len(step.copied) or step.wrote.start < _HIGH or read.lba < payload:
            continue
        if step.copied.start != read.segment * 16 + read.offset:
            continue
        done = (read.lba - payload) * SECTOR_BYTES
        left = min(read.sectors * SECTOR_BYTES, kernel.payload_bytes - done)
        if step.wrote.start != trace.starts[0] + done and left > 0:
            yield at, _to(step, trace.starts[0] + done, before)
            return
        if len(step.copied) < left:
            counted = step.cpu.register("ecx" if _has(step, _ADDRESS_SIZE) else "cx")
            # where double words were counted it is the width that is wrong
            if _WIDEST * counted not in range(left, left + _WIDEST):
                yield at, _count(step, left, read.sectors)
            return
        before = step.cpu.register("edi")


def _to(step: Step, wanted: int, before: int | None) -> Field:
    right = frozenset() if before is None else frozenset((before,))
    where = register_bytes("edi" if _has(step, _ADDRESS_SIZE) else "di")
    base = step.cpu.bases["es"]
    return Field("the destination of what is copied", where, None, wanted - base, right)


def _count(step: Step, left: int, sectors: int) -> Field:
    where = register_bytes("ecx" if _has(step, _ADDRESS_SIZE) else "cx")
    size = len(step.copied) // max(step.cpu.register("ecx"), 1) or 1
    what = "the count of what is copied"
    return Field(what, where, None, -(-left // size), frozenset((sectors,)))


def _has(step: Step, prefix: int) -> bool:
    return prefix in step.code[:_PREFIXES]
