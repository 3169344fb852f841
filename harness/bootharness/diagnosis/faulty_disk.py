"""Faults that a disk was asked for, and that did nothing, or no harm."""

from collections.abc import Iterator

from bootharness.diagnosis.by_fault import of_fault, overlap
from bootharness.diagnosis.failed_reads import retried, unread_by_bios
from bootharness.errors import UsageError
from bootharness.plan.disk_fault import DiskFault
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.disk_facts import DiskEvent, FaultyDiskFacts
from bootharness.trace.reads import disk_reads

__all__ = ["did_no_harm", "did_nothing"]

_HARM = {
    "failed": "failed",
    "vanished": "failed",
    "unanswered": "was not answered",
    "flipped": "brought a flipped bit",
}
"""What it is for a read; to be slow is no harm."""


def did_nothing(trace: BootTrace) -> tuple[str, ...]:
    """The faults that were asked for and of which nothing came."""
    facts = trace.faulty_disk
    if facts is None:
        return ()
    acted = {event.fault for event in facts.events}
    found = []
    for text in facts.faults:
        fault = _parsed(text)
        if fault and text not in acted and (why := _why_nothing(fault, trace, facts)):
            found.append(f"the disk fault {text} did nothing: {why}")
    return tuple(found)


def _why_nothing(fault: DiskFault, trace: BootTrace, facts: FaultyDiskFacts) -> str:
    if fault.kind == "cut":
        wanted = _read_behind_end(trace) or unread_by_bios(trace)
        return "" if wanted else "nothing behind the end was read by the BIOS"
    if fault.kind == "vanish":
        often = f"it was read {count(facts.reads, 'time')} in all"
        return often if fault.after.startswith("read:") else "it was not read any more after that"
    if fault.lba is not None:
        return f"sector {fault.lba:,} was not read"
    return "the disk was not read"


def _read_behind_end(trace: BootTrace) -> bool:
    disk = trace.disk
    if disk is None:
        return False
    end = (disk.bytes - disk.base) // disk.sector_bytes
    return any(
        read.span.stop > end and read.drive == disk.drive
        for read in disk_reads(trace.bios_calls, disk)
    )


def did_no_harm(trace: BootTrace) -> tuple[str, ...]:
    """The faults that acted, and the boot came as far as wanted all the same."""
    facts = trace.faulty_disk
    if facts is None or trace.ending.kind != "reached":
        return ()
    return tuple(dict.fromkeys(
        f"the read of {count(event.sectors, 'sector')} at LBA {event.lba:,} {_HARM[event.kind]}"
        f"{_how_often(event)}, and the boot came as far as wanted all the same{of_fault(event)}"
        for event in _untold(trace, facts)
    ))  # fmt: skip


def _how_often(event: DiskEvent) -> str:
    times = f" {count(event.times, 'time')}" if event.times > 1 else ""
    return f"{times} in {event.waited_s:.0f} s" if event.kind == "unanswered" else times


def _untold(trace: BootTrace, facts: FaultyDiskFacts) -> Iterator[DiskEvent]:
    """Yield what was harm, but the reads that a loader made good: of those a warning tells."""
    told = [each.span for each in retried(trace)]
    for event in facts.events:
        span = range(event.lba, event.lba + event.sectors)
        if event.kind in _HARM and not (
            event.kind == "failed" and any(overlap(span, each) for each in told)
        ):
            yield event


def _parsed(text: str) -> DiskFault | None:
    try:
        return DiskFault.parse(text)
    except UsageError:  # a trace may say anything
        return None
