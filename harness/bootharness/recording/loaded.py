"""What a loader has read of the kernel, by its steps."""

from collections.abc import Iterator

from bootharness.formats.bioscall import DiskAddressPacket
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.footsteps import PACKET_BYTES, Step
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import disk_reads

__all__ = ["kernels_at", "left_at_reads", "packets"]

_DISK, _READ = 0x13, 0x42


def packets(steps: list[Step]) -> Iterator[tuple[int, DiskAddressPacket]]:
    """Yield which steps are extended reads, with what they ask for."""
    for at, step in enumerate(steps):
        if (step.number, step.cpu.register("ax") >> 8) != (_DISK, _READ):
            continue
        start = step.cpu.bases["ds"] + step.cpu.register("si")
        value = step.value(tuple(range(start, start + PACKET_BYTES)))
        if value is not None:
            yield at, DiskAddressPacket.parse(value.to_bytes(PACKET_BYTES, "little"))


def kernels_at(steps: list[Step], trace: BootTrace) -> Iterator[int]:
    """Yield where the kernel's first sector was read to, each time."""
    filled = {step.wrote.start for step in steps if step.number == _DISK}
    for read in disk_reads(trace.loader_calls, trace.disk):
        if trace.disk and read.lba == trace.disk.kernel_lba and read.buffer in filled:
            yield read.buffer


def left_at_reads(steps: list[Step], trace: BootTrace) -> dict[int, int]:
    """Return at which reads how much was left of the protected-mode kernel."""
    disk, kernel = trace.disk, trace.kernel
    if disk is None or kernel is None or disk.kernel_lba is None:
        return {}
    left: dict[int, int] = {}
    first = disk.kernel_lba + kernel.real_mode_bytes // SECTOR_BYTES
    for at, packet in packets(steps):
        if packet.lba == disk.initrd_lba and left:
            break
        if packet.lba >= first:
            done = (packet.lba - first) * SECTOR_BYTES
            left[at] = max(kernel.payload_bytes - done, 0)
    return left
