"""Causes in a UEFI's reads of a disk."""

from bootharness.diagnosis.by_fault import by_fault
from bootharness.diagnosis.verdict import Finding
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.uefi_calls import UefiCall

__all__ = ["disk_read_failed"]

_UNREAD = ("Device Error", "No Response", "Time Out", "CRC Error", "No Media", "Media Changed")
"""What a read of a disk returns that did not answer well."""
_SHOWN = 12


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


def _brings(later: UefiCall, call: UefiCall) -> bool:
    """Whether a read brought the first sector of another."""
    same = later.subject == call.subject and not later.failed
    return same and later.lba is not None and later.lba == call.lba


def _sectors(trace: BootTrace, read: UefiCall) -> int:
    size = next((call.bytes for call in trace.uefi_calls
                 if call.text == "BlockIo" and call.subject == read.subject), 0)  # fmt: skip
    return read.wanted // (size or SECTOR_BYTES)
