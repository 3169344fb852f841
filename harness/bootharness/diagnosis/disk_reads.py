"""Causes on the disk: no boot sector, sectors that cannot be read, the wrong sectors."""

from collections.abc import Iterable
from itertools import pairwise

from bootharness.diagnosis.verdict import Finding
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.mbr import Mbr, has_partitions
from bootharness.text import count
from bootharness.trace.boot_managers import complaint_of
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts, KernelFacts
from bootharness.trace.reads import DiskRead, disk_reads

__all__ = [
    "disk_read_failed",
    "file_cut_short",
    "no_boot_catalog",
    "no_boot_signature",
    "partition_beyond_the_end",
    "repeated_with_nothing",
    "retried",
    "sectors_read",
    "wrong_sectors",
]

_BOOT_SIGNATURE = "55aa"
_ORIGIN = 0x7C00
_GPT = 0xEE
"""A protective entry ends where 32 bits do."""


def no_boot_catalog(trace: BootTrace) -> Finding | None:
    """The BIOS refused the CD."""
    if trace.disk is None or not trace.disk.refused or trace.reached("stage1") or trace.handoff:
        return None
    said = complaint_of(trace.bios_log)
    return Finding(
        f"the BIOS refused the CD: it has {trace.disk.refused}",
        (trace.disk.path, *([f"the BIOS says {said!r}"] if said else [])),
    )


def partition_beyond_the_end(trace: BootTrace) -> str | None:
    """An image that ends within a partition of its table: a copy or download that was cut."""
    disk = trace.disk
    if disk is None or disk.kind != "disk" or not disk.bytes or disk.base:
        return None
    sector = bytes.fromhex(disk.boot_sector)
    if not has_partitions(sector):
        return None
    for number, each in enumerate(Mbr.parse(sector).partitions, 1):
        end = each.first_lba + each.sector_count
        if each.type not in (0, _GPT) and end * disk.sector_bytes > disk.bytes:
            return (
                f"partition {number} ends at sector {end:,}, and the image has "
                f"{disk.bytes // disk.sector_bytes:,}: what lies behind is missing"
            )
    return None


def no_boot_signature(trace: BootTrace) -> Finding | None:
    """The BIOS refused the disk, or the floppy."""
    if trace.disk is None or trace.reached("stage1") or trace.handoff:
        return None
    if trace.disk.kind == "cdrom":
        return None  # which no BIOS wants one of
    signature = trace.disk.boot_sector[-4:]
    if signature == _BOOT_SIGNATURE:
        return None
    return Finding(
        f"the BIOS refused the {trace.disk.kind}: its first sector ends in {signature[:2]} "
        f"{signature[2:]} in place of the boot signature 55 aa",
        (f"{trace.disk.path}: bytes 510 and 511 are {signature[:2]} {signature[2:]}",),
    )


def file_cut_short(trace: BootTrace) -> Finding | None:
    """The kernel file has less than its header promises."""
    kernel = trace.kernel
    if kernel is None or not kernel.missing_bytes:
        return None
    has = max(kernel.payload_bytes - kernel.missing_bytes, 0)
    return Finding(
        f"the kernel file has {count(has, 'byte')} of the {kernel.payload_bytes:,} that syssize "
        "promises: it was cut short, or syssize is wrong",
        (f"{kernel.source}: {count(kernel.file_bytes, 'byte')}",),
    )


def sectors_read(trace: BootTrace) -> list[DiskRead]:
    """Return the loader's reads that brought something and came back."""
    last = trace.bios_calls[-1] if trace.bios_calls else None
    return [
        read
        for read in _reads(trace)
        if not read.call.failed and (read.call.registers_out or read.call is not last)
    ]


def _reads(trace: BootTrace) -> list[DiskRead]:
    return list(disk_reads(trace.loader_calls, trace.disk))


def disk_read_failed(trace: BootTrace) -> Finding | None:
    """A read that failed and was not repeated with success.

    Boot managers try drives that are not there; who enters a whole kernel may.
    """
    if trace.ending.kind == "reached" and not _differs(trace):
        return None
    reads = _reads(trace)
    if trace.managed and reads:  # a boot manager looks for drives that are not there
        drive = _boot_drive(trace, reads)
        own = [read for read in reads if read.drive == drive]
        reads = own if any(read.buffer != _ORIGIN for read in own) else reads
    for index, read in enumerate(reads):
        call = read.call
        if not call.failed or any(_repeats(later, read) for later in reads[index + 1 :]):
            continue
        tries = sum(each.call.failed and _same_place(each, read) for each in reads)
        sectors = count(read.sectors, "sector")
        what = sectors if read.lba is None else f"{sectors} at LBA {read.lba:,}"
        if call.packet is None:
            what += f" by CHS (CX={call.registers_in.ecx & 0xFFFF:04x}h)"
        return Finding(
            f"the disk read of {what}, drive 0x{read.drive:02x}, failed "
            f"with AH={call.status:02x}h, {call.status_name}, "
            f"in {count(tries, 'attempt')}",
            tuple(str(each.call) for each in reads if each.call.failed),
        )
    return None


def repeated_with_nothing(trace: BootTrace) -> Finding | None:
    """A read that failed and was repeated with the count that it had left: of no sector."""
    if trace.ending.kind == "reached" and not _differs(trace):
        return None
    reads = _reads(trace)
    for index, (failed, again) in enumerate(pairwise(reads)):
        call = failed.call
        emptied = failed.sectors and not again.sectors and _same_place(again, failed)
        if not (call.failed and call.packet and emptied):
            continue
        if any(_repeats(later, failed) for later in reads[index + 1 :]):
            continue
        return Finding(
            f"the disk read of {count(failed.sectors, 'sector')} at LBA {failed.lba:,}, drive "
            f"0x{failed.drive:02x}, failed with AH={call.status:02x}h, {call.status_name}, and the "
            "next attempt asked for 0: a failed read leaves in the packet how many sectors it has "
            "read, and the loader does not set the count again",
            (str(call), str(again.call)),
        )
    return None


def retried(trace: BootTrace) -> list[BiosCall]:
    """Return the loader's reads that failed and succeeded when they were repeated."""
    reads = _reads(trace)
    read_at = {
        _place(read): index
        for index, read in enumerate(reads)
        if not read.call.failed and read.call.registers_out and not _asks_for_nothing(read)
    }
    return [
        read.call
        for index, read in enumerate(reads)
        if read.call.failed and read_at.get(_place(read), -1) > index
    ]


def _place(read: DiskRead) -> int:
    """What is read: an LBA, or a negative CHS address."""
    return read.call.packet.lba if read.call.packet else -1 - read.call.registers_in.ecx


def _same_place(one: DiskRead, other: DiskRead) -> bool:
    return _place(one) == _place(other)


def _repeats(later: DiskRead, failed: DiskRead) -> bool:
    call = later.call
    done = not call.failed and call.registers_out is not None and not _asks_for_nothing(later)
    return done and _same_place(later, failed)


def _asks_for_nothing(read: DiskRead) -> bool:
    """Whether a packet's count is 0: it succeeds, and brings nothing."""
    return read.call.packet is not None and not read.sectors


def wrong_sectors(trace: BootTrace) -> Finding | None:
    """What was read is not where the kernel is: elsewhere, with holes, or past the disk's end.

    A loader that read in an order of its own is forgiven when it entered a whole kernel.
    """
    disk, kernel = trace.disk, trace.kernel
    reads = _reads(trace)
    if disk is None or not reads or _all_in_place(trace):
        return None
    if trace.ending.kind == "reached" and not _differs(trace):
        return None
    if (beyond := _past_the_end(reads, disk)) and not (kernel and kernel.missing_bytes):
        return beyond
    if wrong := _another_drive(trace, disk, reads):
        return wrong
    reads = [
        read
        for read in reads
        if read.buffer != _ORIGIN
        and (read.drive == disk.drive or not disk.others)
        and not _asks_for_nothing(read)
    ]
    if kernel is None or disk.kernel_lba is None or trace.loads_itself or disk.filed:
        return None  # who loads itself, or a file, need not read what lies in a row
    if any(read.lba is None for read in reads):
        return None  # by cylinder, head and sector of a drive that nobody has asked about
    wanted = _kernel_sectors(kernel, disk)
    what = f"the kernel lies in LBA {_span(wanted)}"
    spans = [read.span for read in reads if read.sector_bytes == disk.sector_bytes]
    first = _touching(spans, wanted)
    evidence = (f"expected LBA {_span(wanted)}", f"read LBA {_spans(spans)}")
    if not first:
        others = [span for span in spans if not _is_before_the_kernel(span, disk)]
        if not others:
            return None  # it did not come so far
        return Finding(f"{what}, but the loader read LBA {_spans(others)}", evidence)
    begun = first[0]
    if disk.cmdline_lba is not None:
        begun = next((span for span in spans if not _is_before_the_kernel(span, disk)), begun)
    if (too_low := _joined_in_memory(trace, reads, wanted.start)) is not None:
        begun = too_low
    if wanted.start not in begun:
        return Finding(f"{what}, but the loader began to read at LBA {begun.start:,}", evidence)
    if hole := _hole(spans, wanted):
        return Finding(f"{what}, but the loader left out LBA {_span(hole)}", evidence)
    return None


def _another_drive(trace: BootTrace, disk: DiskFacts, reads: list[DiskRead]) -> Finding | None:
    """All that was read came from another drive than the one that was booted from.

    Where there are further disks, a loader may have been told to.
    """
    drive = _boot_drive(trace, reads)
    reads = [read for read in reads if read.buffer != _ORIGIN]
    if not reads or disk.others or any(read.drive == drive for read in reads):
        return None
    return Finding(
        f"the machine booted from drive 0x{drive:02x}, but the loader read from drive "
        f"0x{reads[0].drive:02x}",
        tuple(str(read.call) for read in reads[:4]),
    )


def _joined_in_memory(trace: BootTrace, reads: list[DiskRead], first: int) -> range | None:
    """Return the read that put the sector before the kernel right before it in memory too.

    Whoever does that and gives up before it loads more has taken that sector for the
    kernel's first. Of a disk that somebody brought nothing else tells.
    """
    if trace.handoff or trace.block_moves:
        return None
    ends = {(read.buffer + read.bytes, read.span.stop): read for read in reads}
    for read in reads:
        if read.lba == first:
            before = ends.get((read.buffer, first))
            if before:
                return range(before.span.start, first)
    return None


def _boot_drive(trace: BootTrace, reads: list[DiskRead]) -> int:
    """The drive whose boot sector was read last: by the BIOS, or by a boot manager before."""
    entered = [read for read in disk_reads(trace.bios_calls, trace.disk)
               if not read.call.failed and read.buffer == _ORIGIN]  # fmt: skip
    if entered and (trace.disk is None or trace.disk.kind != "cdrom"):
        return entered[-1].drive
    return trace.disk.drive if trace.disk else reads[0].drive


def _all_in_place(trace: BootTrace) -> bool:
    return trace.handoff is not None and trace.handoff.memory_equal is True


def _differs(trace: BootTrace) -> bool:
    """Whether the kernel that was entered is known to be another than the file."""
    return trace.handoff is not None and trace.handoff.memory_equal is False


def _past_the_end(reads: Iterable[DiskRead], disk: DiskFacts) -> Finding | None:
    sectors = -(-(disk.bytes - disk.base) // disk.sector_bytes)
    for read in reads:
        beyond = read.call.packet and read.span.stop > sectors
        own = not disk.others or read.drive == disk.drive
        if beyond and own and read.call.failed and read.sector_bytes == disk.sector_bytes:
            known = disk.kernel_lba is not None
            begins = f"; the kernel begins at {disk.kernel_lba:,}" if known else ""
            return Finding(
                f"the loader read LBA {_span(read.span)} of drive "
                f"0x{read.drive:02x}, but the disk ends with LBA {sectors - 1:,}{begins}",
                (str(read.call),),
            )
    return None


def _kernel_sectors(kernel: KernelFacts, disk: DiskFacts) -> range:
    used, lba = kernel.real_mode_bytes + kernel.payload_bytes, disk.kernel_lba or 0
    return range(lba, lba - (-used // disk.sector_bytes))


def _touching(spans: Iterable[range], wanted: range) -> list[range]:
    return [span for span in spans if span.start < wanted.stop and wanted.start < span.stop]


def _is_before_the_kernel(span: range, disk: DiskFacts) -> bool:
    """Whether a read was of the loader's own sectors or of the command line."""
    return disk.cmdline_lba is not None and span.start <= disk.cmdline_lba


def _hole(spans: Iterable[range], wanted: range) -> range | None:
    """The first sectors that were left out although later ones were read."""
    at = wanted.start
    for span in sorted(_touching(spans, wanted), key=lambda each: each.start):
        if span.start > at:
            return range(at, span.start)
        at = max(at, span.stop)
    return None


def _span(sectors: range) -> str:
    last = sectors.stop - 1
    return f"{sectors.start:,}" if last == sectors.start else f"{sectors.start:,} to {last:,}"


def _spans(spans: Iterable[range]) -> str:
    merged: list[range] = []
    for span in sorted(spans, key=lambda each: each.start):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(span.stop, merged[-1].stop))
        else:
            merged.append(span)
    shown = ", ".join(_span(span) for span in merged[:4])
    return f"{shown}, ..." if len(merged) > 4 else shown
