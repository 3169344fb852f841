"""The fault of a disk that is behind a finding."""

from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.disk_facts import DiskEvent, DiskEventKind

__all__ = ["by_fault", "of_fault", "overlap"]


def by_fault(trace: BootTrace, kind: DiskEventKind, sectors: range | None = None) -> str:
    """Name the fault that did this to a read, of these ``sectors`` if they are given: to go behind
    a sentence, empty where none did."""
    for event in trace.faulty_disk.events if trace.faulty_disk else ():
        span = range(event.lba, event.lba + event.sectors)
        if event.kind == kind and (sectors is None or overlap(span, sectors)):
            return of_fault(event)
    return ""


def of_fault(event: DiskEvent) -> str:
    """Name the fault of an event, to go behind a sentence."""
    return f" (fault {event.fault})"


def overlap(one: range, other: range) -> bool:
    """Return whether two ranges of sectors have one in common."""
    return one.start < other.stop and other.start < one.stop
