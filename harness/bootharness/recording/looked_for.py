"""A kernel that was read to another place than where the loader looks for it."""

from bootharness.formats.bzimage import offset_of
from bootharness.formats.loading import MAGIC
from bootharness.recording.control import Astray
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.recording.loaded import packets
from bootharness.recording.misplaced import elsewhere
from bootharness.trace.boot_trace import BootTrace

__all__ = ["put_beside"]

_MAGIC = int.from_bytes(MAGIC, "little")
_PACKET_SEGMENT = range(6, 8)


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
        where = steps[at].cpu.bases["ds"] + steps[at].cpu.register("si")
        segment = tuple(where + each for each in _PACKET_SEGMENT)
        return elsewhere(steps[:at], Field("the segment of the kernel", segment, None, start >> 4))
    return None


def _looked_for(steps: list[Step]) -> int | None:
    """Return where a kernel begins whose magic a loader compares."""
    for step in steps:
        for effect in step.effects:
            first = effect.source[0] if effect.source else None
            if effect.kind == "compare" and effect.number == _MAGIC and isinstance(first, int):
                return first - offset_of("header")
    return None
