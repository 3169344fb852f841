"""What a loader has read of the kernel, by its steps."""

from collections.abc import Iterator

from bootharness.formats.bioscall import DiskAddressPacket
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.footsteps import PACKET_BYTES, Step
from bootharness.trace.boot_trace import BootTrace

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
    for _, packet in packets(steps):
        if trace.disk and packet.lba == trace.disk.kernel_lba:
            yield packet.buffer


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
