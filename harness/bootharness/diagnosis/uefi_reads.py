"""Causes in a UEFI's reads of a disk."""

from bootharness.diagnosis.by_fault import by_fault, of_fault, overlap
from bootharness.diagnosis.verdict import Finding
from bootharness.errors import UsageError
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.plan.disk_fault import DiskFault
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.disk_facts import DiskEvent
from bootharness.trace.uefi_calls import UefiCall

__all__ = ["disk_cut_short", "disk_read_failed", "taken_for_read"]

_UNREAD = ("Device Error", "No Response", "Time Out", "CRC Error", "No Media", "Media Changed")
"""What a read of a disk returns that did not answer well."""
_SHOWN, _MOST_BLOCKS = 12, 1 << 64


def disk_read_failed(trace: BootTrace) -> Finding | None:
    """A read of a UEFI failed, and what was to be read did not come later either."""
    if trace.ending.kind == "reached" or trace.uefi_handoff:
        return None
    reads = [call for call in trace.uefi_calls if call.service == "ReadBlocks"]
    lost = [call for at, call in enumerate(reads) if call.error in _UNREAD
            and not any(_brings(later, call) for later in reads[at + 1 :])]  # fmt: skip
    if not lost:
        return None
    first = lost[0]
    lba, sectors = first.lba or 0, _sectors(trace, first)
    tries = sum(call.failed and call.lba == first.lba for call in reads)
    of = next((call for call in trace.uefi_calls[trace.uefi_calls.index(first) :]
               if call.service == "Read" and call.error in _UNREAD), None)  # fmt: skip
    return Finding(
        f"the disk read of {count(sectors, 'sector')} at LBA {lba:,} failed ({first.error}), in "
        f"{count(tries, 'attempt')}{f', as {of.path} was read' if of and of.path else ''}"
        f"{by_fault(trace, 'failed', range(lba, lba + sectors))}",
        tuple(f"ReadBlocks LBA {call.lba or 0:,}, {count(call.wanted, 'byte')}: {call.error}"
              for call in lost[:_SHOWN]),
    )  # fmt: skip


def taken_for_read(trace: BootTrace) -> Finding | None:
    """A disk did not give some sectors, and the UEFI returned success all the same."""
    if trace.ending.kind == "reached" or trace.faulty_disk is None:
        return None
    for event in trace.faulty_disk.events:
        span = range(event.lba, event.lba + event.sectors)
        taken = next((call for call in trace.uefi_calls if _took(trace, call, span)), None)
        if event.kind == "failed" and taken and not _ends(event):
            return Finding(
                f"the disk did not give {count(event.sectors, 'sector')} at LBA {event.lba:,}, in "
                f"{count(event.times, 'attempt')}, and the UEFI said all the same that it had read "
                f"them (ReadBlocks): what it brought is what was in memory{of_fault(event)}"
            )
    return None


def disk_cut_short(trace: BootTrace) -> Finding | None:
    """What was wanted lies behind the end of the disk."""
    if trace.ending.kind == "reached" or trace.uefi_handoff:
        return None
    blocks = {call.subject: (call.lba or 0) + 1
              for call in trace.uefi_calls if call.text == "BlockIo"}  # fmt: skip
    past = [call for call in trace.uefi_calls
            if call.service == "ReadBlocks" and call.failed
            and _span(trace, call).stop > blocks.get(call.subject, _MOST_BLOCKS)]  # fmt: skip
    of = next((call for call in trace.uefi_calls
               if call.service == "Read" and call.failed and call.path), None)  # fmt: skip
    if not past or of is None:
        return None
    last = past[-1]
    span = _span(trace, last)
    cut = next((each for each in (trace.faulty_disk.faults if trace.faulty_disk else ())
                if each.startswith("cut:")), "")  # fmt: skip
    return Finding(
        f"the disk was cut short: it ends with LBA {blocks[last.subject] - 1:,}, and {of.path} "
        f"goes on behind that: the read of LBA {span.start:,} to {span.stop - 1:,} went past the "
        f"end ({last.error}){f' (fault {cut})' if cut else ''}",
        tuple(f"ReadBlocks LBA {call.lba or 0:,}, {count(call.wanted, 'byte')}: {call.error}"
              for call in past[:_SHOWN]),
    )  # fmt: skip


def _took(trace: BootTrace, call: UefiCall, span: range) -> bool:
    """Whether it is a read of these sectors that is said to have come to a good end."""
    return call.service == "ReadBlocks" and not call.failed and overlap(_span(trace, call), span)


def _ends(event: DiskEvent) -> bool:
    """Whether a fault was over with the last of these reads, so that the next brought them."""
    try:
        times = DiskFault.parse(event.fault).times
    except UsageError:  # a trace may say anything
        return True
    return 0 < times <= event.times


def _span(trace: BootTrace, read: UefiCall) -> range:
    first = read.lba or 0
    return range(first, first + _sectors(trace, read))


def _brings(later: UefiCall, call: UefiCall) -> bool:
    """Whether a read brought the first sector of another."""
    same = later.subject == call.subject and not later.failed
    return same and later.lba is not None and later.lba == call.lba


def _sectors(trace: BootTrace, read: UefiCall) -> int:
    size = next((call.bytes for call in trace.uefi_calls
                 if call.text == "BlockIo" and call.subject == read.subject), 0)  # fmt: skip
    return read.wanted // (size or SECTOR_BYTES)
