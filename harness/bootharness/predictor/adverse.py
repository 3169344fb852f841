"""States in which other machines enter a loader, and with which this one is easier on it."""

from collections.abc import Iterator

from bootharness.diagnosis import Verdict, judge
from bootharness.predictor.predict_disk import predict_disk
from bootharness.predictor.quirks import Quirks, ReadError
from bootharness.routes.disk import DiskImage, DiskLayout
from bootharness.trace.adverse import Adverse
from bootharness.trace.boot_trace import BootTrace

__all__ = ["adversities"]

_DIRECTION = 0x602
_STATES = {
    "DS at 0040h": Quirks(entry={"ds": 0x40}),
    "ES at 0040h": Quirks(entry={"es": 0x40}),
    "the direction flag set": Quirks(entry={"flags": _DIRECTION}),
    "CS:IP at 07c0:0000": Quirks(entry={"cs": 0x7C0, "ip": 0}),
    "the disk as drive 81h": Quirks(drive=0x81),
    "the A20 gate closed": Quirks(a20=False),
}


def adversities(trace: BootTrace, disk: DiskImage | DiskLayout, *, bios: str) -> Iterator[Adverse]:
    """Yield what a loader that this machine boots by does not stand."""
    assert trace.machine
    states = dict(_STATES)
    reads = [call.packet for call in trace.loader_calls if call.packet and not call.failed]
    if reads:
        states["a read error that is gone at the next attempt"] = Quirks(
            errors=(ReadError(reads[-1].lba, 1),)
        )
    for state, quirks in states.items():
        found = judge(
            predict_disk(disk, bios=bios, memory_bytes=trace.machine.memory_bytes, quirks=quirks)
        )
        if found.verdict is Verdict.BAD and found.cause:
            yield Adverse(state, found.cause, found.summary)
