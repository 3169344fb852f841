"""States in which other machines enter a loader, and with which this one is easier on it."""

from collections.abc import Iterator

from bootharness.diagnosis import Verdict, judge
from bootharness.predictor.behaviours.a20 import A20_CLOSED
from bootharness.predictor.behaviours.drive import DRIVE
from bootharness.predictor.behaviours.entered_at_07c0 import ENTERED_AT_07C0
from bootharness.predictor.behaviours.flags import FLAGS
from bootharness.predictor.behaviours.flaky_reads import FLAKY_READS
from bootharness.predictor.behaviours.segments import SEGMENTS
from bootharness.predictor.predict_disk import predict_disk
from bootharness.predictor.progress import Patience
from bootharness.routes.disk import DiskImage
from bootharness.routes.disk_layout import DiskLayout
from bootharness.trace.adverse import Adverse
from bootharness.trace.boot_trace import BootTrace

__all__ = ["adversities"]

# what a prediction says by the way, for as long as nobody waits for it; all are for who asks
_MOST_INSTRUCTIONS, _MOST_CALLS = 200_000, 20_000
_WARNED_OF = (SEGMENTS, FLAGS, ENTERED_AT_07C0, DRIVE, A20_CLOSED, FLAKY_READS)


def adversities(trace: BootTrace, disk: DiskImage | DiskLayout, *, bios: str) -> Iterator[Adverse]:
    """Yield what a loader that this machine boots by does not stand."""
    assert trace.machine
    memory = trace.machine.memory_bytes
    patience = Patience(_MOST_INSTRUCTIONS, _MOST_CALLS + 4 * len(trace.bios_calls))
    for behaviour in _WARNED_OF:
        for way in behaviour.ways(trace):
            found = judge(
                predict_disk(
                    disk, bios=bios, memory_bytes=memory, quirks=way.quirks, patience=patience
                )
            )
            if found.verdict is Verdict.BAD and found.cause:
                yield Adverse(way.state, found.cause, found.summary)
