"""Reads that failed: those that nobody made good, and those that somebody did."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from bootharness.diagnosis.by_fault import by_fault
from bootharness.diagnosis.read_calls import (
    ORIGIN,
    asks_for_nothing,
    boot_drive,
    differs,
    loader_reads,
    what_was_read,
)
from bootharness.diagnosis.verdict import Finding
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import DiskRead, chs_of

__all__ = ["Retried", "disk_read_failed", "lost_reads", "repeated_with_nothing", "retried",
           "unread_by_bios"]  # fmt: skip

_COULD_NOT_READ = re.compile(r"[Cc]ould not read (?:the boot disk|from CDROM[^\r\n]*)")


def disk_read_failed(trace: BootTrace) -> Finding | None:
    """A read that failed, and of which something was not read later either.

    Boot managers try drives that are not there; who enters a whole kernel may.
    """
    if trace.ending.kind == "reached" and not differs(trace):
        return None
    if said := unread_by_bios(trace):
        by = by_fault(trace, "failed")
        return Finding(f'the BIOS could not read what it boots: it says "{said}"{by}')
    reads = loader_reads(trace)
    if trace.managed and reads:  # a boot manager looks for drives that are not there
        drive = boot_drive(trace, reads)
        own = [read for read in reads if read.drive == drive]
        reads = own if any(read.buffer != ORIGIN for read in own) else reads
    lost = lost_reads(reads)
    if not lost:
        return None
    read, call = lost[0], lost[0].call
    other = trace.disk and trace.disk.others and read.drive != trace.disk.drive
    by = "" if other else by_fault(trace, "failed", read.span)
    tries = sum(each.call.failed and _place(each) == _place(read) for each in reads)
    return Finding(
        f"the disk read of {what_was_read(read)} failed with AH={call.status:02x}h, "
        f"{call.status_name}, in {count(tries, 'attempt')}{by}",
        tuple(str(each.call) for each in reads if each.call.failed),
    )


def repeated_with_nothing(trace: BootTrace) -> Finding | None:
    """A read that failed and was repeated with the count that it had left: of no sector."""
    if trace.ending.kind == "reached" and not differs(trace):
        return None
    reads = loader_reads(trace)
    lost = {id(read) for read in lost_reads(reads)}
    for failed, again in pairwise(reads):
        call = failed.call
        emptied = failed.sectors and asks_for_nothing(again) and _place(again) == _place(failed)
        if not (call.packet and emptied and id(failed) in lost):
            continue
        return Finding(
            f"the disk read of {what_was_read(failed)} failed with AH={call.status:02x}h, "
            f"{call.status_name}, and the next attempt asked for 0: a failed read leaves in the "
            "packet how many sectors it has read, and the loader does not set the count again"
            f"{by_fault(trace, 'failed', failed.span)}",
            (str(call), str(again.call)),
        )
    return None


def unread_by_bios(trace: BootTrace) -> str | None:
    """Return what the BIOS says of a boot sector, or of what a CD boots, that it did not get."""
    if trace.loader_calls or trace.handed_off or trace.reached("banner"):
        return None
    found = _COULD_NOT_READ.search(trace.screen)
    return found[0] if found else None


class Retried(NamedTuple):
    """A read that failed, and whose sectors came later: ``what``, ``why`` it failed at first, and
    how often that was tried until they came, ``attempts``."""

    what: str
    why: str
    attempts: int
    span: range


def retried(trace: BootTrace) -> list[Retried]:
    """Return the loader's reads that failed, and whose sectors came later, each place once."""
    reads = loader_reads(trace)
    lost = {id(read) for read in lost_reads(reads)}
    found: dict[tuple[int, int], list[DiskRead]] = {}
    for read in reads:
        if read.call.failed and id(read) not in lost:
            found.setdefault(_place(read), []).append(read)
    return [
        Retried(
            what_was_read(first),
            f"AH={first.call.status:02x}h, {first.call.status_name}",
            len(same) + 1,
            first.span,
        )
        for first, *rest in found.values()
        if (same := [first, *rest])
    ]


def lost_reads(reads: Iterable[DiskRead]) -> list[DiskRead]:
    """Return the reads that failed, and of which something was not read later either."""
    got, lost = _Got(), []
    for read in reversed([*reads]):
        if read.call.failed:
            lost += [] if got.has(read) else [read]
        elif read.call.registers_out is not None:
            got.add(read)
    return lost[::-1]


class _Got:
    """Sectors that were read, by drive."""

    def __init__(self) -> None:
        self._spans: dict[int, list[range]] = {}

    def add(self, read: DiskRead) -> None:
        span = _span(read)
        spans = self._spans.setdefault(read.drive, [])
        beside = [each for each in spans if each.start <= span.stop and span.start <= each.stop]
        for each in beside:
            spans.remove(each)
        joined = [span, *beside]
        spans.append(range(min(each.start for each in joined), max(each.stop for each in joined)))

    def has(self, read: DiskRead) -> bool:
        span = _span(read)
        return any(
            each.start <= span.start and span.stop <= each.stop
            for each in self._spans.get(read.drive, ())
        )


def _span(read: DiskRead) -> range:
    """Return what was to be read: of a CHS address that nobody can place the first sector."""
    return read.span if read.lba is not None else range(_place(read)[1], _place(read)[1] + 1)


def _place(read: DiskRead) -> tuple[int, int]:
    """Return a read's drive, and its LBA or a negative number for its CHS address."""
    if read.lba is not None:
        return read.drive, read.lba
    cylinder, head, sector = chs_of(read.call)
    return read.drive, -1 - (cylinder << 14 | head << 6 | sector)
