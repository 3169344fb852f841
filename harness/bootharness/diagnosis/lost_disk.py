"""Causes of a boot whose disk was gone, or did not answer."""

from bootharness.diagnosis.by_fault import of_fault
from bootharness.diagnosis.failed_reads import disk_read_failed
from bootharness.diagnosis.hangs import last_call
from bootharness.diagnosis.verdict import Finding
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.disk_facts import DiskEvent, DiskEventKind

__all__ = ["disk_no_answer", "disk_vanished"]


def disk_vanished(trace: BootTrace) -> Finding | None:
    """From some read on the disk was not there."""
    event = _harmful(trace, "vanished")
    if event is None:
        return None
    failed = disk_read_failed(trace)
    then = failed.sentence if failed else f"its next read, of {_what(event)}, failed"
    return Finding(
        f"the disk was gone {event.seconds:.2f} s after launch{of_fault(event)}: {then}",
        failed.evidence if failed else (),
    )


def disk_no_answer(trace: BootTrace) -> Finding | None:
    """The disk does not answer a read."""
    event = _harmful(trace, "unanswered")
    if event is None:
        return None
    often = f", the last of {count(event.times, 'time')}," if event.times > 1 else ""
    asks = last_call(trace) if trace.ending.kind == "disk" else ""
    return Finding(
        f"the disk did not answer the read of {_what(event)}{often} in the {event.waited_s:.1f} s "
        f"that it was waited for{of_fault(event)}{asks}",
    )


def _harmful(trace: BootTrace, kind: DiskEventKind) -> DiskEvent | None:
    """Return what was done to a read in a boot that did not come as far as wanted."""
    if trace.faulty_disk is None or trace.ending.kind == "reached":
        return None
    return trace.faulty_disk.first(kind)


def _what(event: DiskEvent) -> str:
    return f"{count(event.sectors, 'sector')} at LBA {event.lba:,}"
