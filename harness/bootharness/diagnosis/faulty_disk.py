"""What the faults did that a disk was asked for: the one behind a finding, and those that did
nothing or no harm."""

from collections.abc import Iterator

from bootharness.errors import UsageError
from bootharness.plan.disk_fault import DiskFault
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.disk_facts import DiskEvent, DiskEventKind, FaultyDiskFacts
from bootharness.trace.reads import disk_reads

__all__ = ["by_fault", "did_no_harm", "did_nothing", "of_fault"]

_HARM = {
    "failed": "failed",
    "vanished": "failed",
    "unanswered": "was not answered",
    "flipped": "brought a flipped bit",
}
"""What it is for a read; to be slow is no harm."""


def by_fault(trace: BootTrace, kind: DiskEventKind, sectors: range | None = None) -> str:
    """Name the fault that did this to a read, of these ``sectors`` if they are given: to go behind
    a sentence, empty where none did."""
    for event in trace.faulty_disk.events if trace.faulty_disk else ():
        span = range(event.lba, event.lba + event.sectors)
        if event.kind == kind and (sectors is None or _overlap(span, sectors)):
            return of_fault(event)
    return ""


def of_fault(event: DiskEvent) -> str:
    """Name the fault of an event, to go behind a sentence."""
    return f" (fault {event.fault})"


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
        return "" if _read_behind_end(trace) else "nothing behind the end was read by the BIOS"
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
        for event in _unseen_by_bios(trace, facts)
    ))  # fmt: skip


def _how_often(event: DiskEvent) -> str:
    times = f" {count(event.times, 'time')}" if event.times > 1 else ""
    return f"{times} in {event.waited_s:.0f} s" if event.kind == "unanswered" else times


def _unseen_by_bios(trace: BootTrace, facts: FaultyDiskFacts) -> Iterator[DiskEvent]:
    """Yield what was harm, but reads of the BIOS that failed: of those the calls tell."""
    failed = [read.span for read in disk_reads(trace.bios_calls, trace.disk) if read.call.failed]
    for event in facts.events:
        span = range(event.lba, event.lba + event.sectors)
        told = event.kind != "flipped" and any(_overlap(span, each) for each in failed)
        if event.kind in _HARM and not told:
            yield event


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def _parsed(text: str) -> DiskFault | None:
    try:
        return DiskFault.parse(text)
    except UsageError:  # a trace may say anything
        return None
