"""Causes on the disk: no boot sector, sectors that cannot be read, the wrong sectors."""

from collections.abc import Iterable

from bootharness.diagnosis.by_fault import by_fault
from bootharness.diagnosis.failed_reads import lost_reads, unread_by_bios
from bootharness.diagnosis.read_calls import (
    ORIGIN,
    asks_for_nothing,
    boot_drive,
    differs,
    loader_reads,
)
from bootharness.diagnosis.verdict import Finding
from bootharness.formats.mbr import SECTOR_BYTES, Mbr, has_partitions
from bootharness.text import count
from bootharness.trace.boot_managers import complaint_of
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts, KernelFacts
from bootharness.trace.reads import DiskRead

__all__ = [
    "container_cut_short",
    "container_lacks",
    "disk_cut_short",
    "file_cut_short",
    "no_boot_catalog",
    "no_boot_signature",
    "partition_beyond_the_end",
    "wrong_sectors",
]

_BOOT_SIGNATURE = "55aa"
_GPT = 0xEE
"""A protective entry ends where 32 bits do."""


def no_boot_catalog(trace: BootTrace) -> Finding | None:
    """The BIOS refused the CD."""
    if trace.disk is None or not trace.disk.refused or trace.reached("stage1") or trace.handoff:
        return None
    if disk_cut_short(trace):
        return None  # it may have had one
    said = complaint_of(trace.bios_log)
    return Finding(
        f"the BIOS refused the CD: it has {trace.disk.refused}",
        (trace.disk.path, *([f"the BIOS says {said!r}"] if said else [])),
    )


def container_cut_short(trace: BootTrace) -> Finding | None:
    """The file of an image in a container ends before what is in it does, and the boot got no
    further."""
    said = _lacks(trace.disk)
    if trace.ending.kind == "reached" or not said:
        return None
    return Finding(f"the image was cut short: {said}")


def container_lacks(trace: BootTrace) -> str | None:
    """The same, where the boot did not need what is missing."""
    return _lacks(trace.disk) if trace.ending.kind == "reached" else None


def _lacks(disk: DiskFacts | None) -> str | None:
    if disk is None or not disk.lacks_bytes:
        return None
    return (
        f"of what its tables ({disk.driver}) name, at least {disk.lacks_bytes:,} bytes lie behind "
        f"the end of {disk.path}, and read as zeros"
    )


def partition_beyond_the_end(trace: BootTrace) -> str | None:
    """An image that ends within a partition of its table, or before a CD does: a copy or download
    that was cut."""
    cut = _cut_partition(trace.disk)
    told = _told(trace.disk)
    if trace.disk and told:
        return (
            f"the CD says that it has {told:,} sectors, and the image has "
            f"{_sectors(trace.disk):,}: what lies behind is missing"
        )
    if cut is None or trace.disk is None:
        return None
    number, sectors = cut
    return (
        f"partition {number} ends at sector {sectors.stop:,}, and the image has "
        f"{_sectors(trace.disk):,}: what lies behind is missing"
    )


def _cut_partition(disk: DiskFacts | None) -> tuple[int, range] | None:
    """Return the number of a partition that goes on behind the end of the image, and its
    sectors."""
    if disk is None or disk.kind != "disk" or not disk.bytes or disk.base:
        return None
    sector = bytes.fromhex(disk.boot_sector)
    if not has_partitions(sector):
        return None
    for number, each in enumerate(Mbr.parse(sector).partitions, 1):
        sectors = range(each.first_lba, each.first_lba + each.sector_count)
        if each.type not in (0, _GPT) and sectors.stop * disk.sector_bytes > disk.bytes:
            return number, sectors
    return None


def _told(disk: DiskFacts | None) -> int | None:
    """Return how many sectors a CD says that it has, if its image has fewer."""
    if disk is None or disk.base or disk.told_sectors is None:
        return None
    return disk.told_sectors if disk.told_sectors > _sectors(disk) else None


def disk_cut_short(trace: BootTrace) -> Finding | None:
    """What the loader wanted lies behind the end of the disk, in what should be on it."""
    disk, kernel = trace.disk, trace.kernel
    missing = kernel is not None and kernel.missing_bytes > 0
    if disk is None or (trace.ending.kind == "reached" and not missing):
        return None
    if missing and trace.loader:
        return None  # it is the file that was put on it
    asked = f" (fault {_cut(trace)})" if _cut(trace) else ""
    if said := unread_by_bios(trace):
        return _cut_before_what_boots(trace, disk, said, asked)
    beyond = _past_the_end(loader_reads(trace), disk)
    within = beyond and _within(trace, beyond)
    if not beyond or not within:
        return None
    return Finding(
        f"the {_kind(disk)} was cut short: it ends with LBA "
        f"{_sectors(disk) - 1:,}, within {within}; the loader's read of LBA {_span(beyond.span)}, "
        f"drive 0x{beyond.drive:02x}, went past that{asked}",
        (str(beyond.call),),
    )


def _cut_before_what_boots(
    trace: BootTrace, disk: DiskFacts, said: str, asked: str
) -> Finding | None:
    """A BIOS did not get what it boots of a disk that is known to be shorter than it was."""
    told = _told(disk)
    if by_fault(trace, "failed") or not (told or asked):
        return None
    whole = f"the {told:,} sectors that it says that it has" if told else "what the image holds"
    return Finding(
        f"the {_kind(disk)} was cut short: it ends with LBA {_sectors(disk) - 1:,}, within "
        f'{whole}; the BIOS could not read what it boots: it says "{said}"{asked}'
    )


def _within(trace: BootTrace, read: DiskRead) -> str | None:
    """Say of what the disk has only the beginning, if the rest of it was to be read: the kernel,
    or a partition."""
    disk, kernel = trace.disk, trace.kernel
    if disk and kernel and disk.kernel_lba is not None and trace.loader:  # so it was put there
        wanted = _kernel_sectors(kernel, disk, disk.kernel_lba)
        if wanted.start < _sectors(disk) < wanted.stop and read.span.start < wanted.stop:
            return f"the kernel, which lies in LBA {_span(wanted)}"
    if (told := _told(disk)) and read.span.start < told:
        return f"the {told:,} sectors that it says that it has"
    cut = _cut_partition(disk)
    if cut and read.span.start < cut[1].stop:
        return f"partition {cut[0]}, which lies in LBA {_span(cut[1])}"
    return "what the image holds" if _cut(trace) else None


def _cut(trace: BootTrace) -> str:
    faults = trace.faulty_disk.faults if trace.faulty_disk else ()
    return next((each for each in faults if each.startswith("cut:")), "")


def no_boot_signature(trace: BootTrace) -> Finding | None:
    """The BIOS refused the disk, or the floppy."""
    if trace.disk is None or trace.reached("stage1") or trace.handoff or trace.uefi_calls:
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


def wrong_sectors(trace: BootTrace) -> Finding | None:
    """What was read is not where the kernel is: elsewhere, with holes, or past the disk's end.

    A loader that read in an order of its own is forgiven when it entered a whole kernel.
    """
    disk, kernel = trace.disk, trace.kernel
    reads = loader_reads(trace)
    if disk is None or _all_in_place(trace):
        return None
    if trace.ending.kind == "reached" and not differs(trace):
        return None
    if (beyond := _past_the_end(reads, disk)) and not (kernel and kernel.missing_bytes):
        if _within(trace, beyond):
            return None
        known = disk.kernel_lba is not None
        begins = f"; the kernel begins at {disk.kernel_lba:,}" if known else ""
        return Finding(
            f"the loader read LBA {_span(beyond.span)} of drive 0x{beyond.drive:02x}, but the "
            f"{_kind(disk)} ends with LBA {_sectors(disk) - 1:,}{begins}"
            f"{_counted_in_512(beyond, disk)}",
            (str(beyond.call),),
        )
    return _another_drive(trace, disk, reads) or _beside_the_kernel(trace, disk, reads)


def _beside_the_kernel(trace: BootTrace, disk: DiskFacts, reads: list[DiskRead]) -> Finding | None:
    """What was read is not all of the kernel, from its first sector on."""
    kernel = trace.kernel
    reads = [
        read
        for read in reads
        if read.buffer != ORIGIN
        and (read.drive == disk.drive or not disk.others)
        and not asks_for_nothing(read)
    ]
    if kernel is None or disk.kernel_lba is None or trace.loads_itself or disk.filed:
        return None  # who loads itself, or a file, need not read what lies in a row
    if any(read.lba is None for read in reads):
        return None  # by cylinder, head and sector of a drive that nobody has asked about
    wanted = _kernel_sectors(kernel, disk, disk.kernel_lba)
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
    if any(_touching([read.span], wanted) for read in lost_reads(reads)):
        return None  # what was not got by then is not the loader's mistake
    if hole := _hole(spans, wanted):
        return Finding(f"{what}, but the loader left out LBA {_span(hole)}", evidence)
    return None


def _another_drive(trace: BootTrace, disk: DiskFacts, reads: list[DiskRead]) -> Finding | None:
    """All that was read came from another drive than the one that was booted from.

    Where there are further disks, a loader may have been told to.
    """
    drive = boot_drive(trace, reads)
    reads = [read for read in reads if read.buffer != ORIGIN]
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


def _all_in_place(trace: BootTrace) -> bool:
    return trace.handoff is not None and trace.handoff.memory_equal is True


def _past_the_end(reads: Iterable[DiskRead], disk: DiskFacts) -> DiskRead | None:
    """Return the first read that went past the end of the disk, and failed."""
    for read in reads:
        beyond = read.span.stop > _sectors(disk)
        own = not disk.others or read.drive == disk.drive
        if beyond and own and read.call.failed and read.sector_bytes == disk.sector_bytes:
            return read
    return None


def _counted_in_512(read: DiskRead, disk: DiskFacts) -> str:
    """Say so where a read past the end would be on the disk if its sectors had 512 bytes."""
    at = read.span.start * SECTOR_BYTES
    if disk.sector_bytes == SECTOR_BYTES or not at < disk.bytes - disk.base:
        return ""
    return (
        f"; its sectors have {disk.sector_bytes:,} bytes, and counted in {SECTOR_BYTES} bytes that "
        f"would be LBA {at // disk.sector_bytes:,}"
    )


def _kind(disk: DiskFacts) -> str:
    return "CD" if disk.kind == "cdrom" else disk.kind


def _sectors(disk: DiskFacts) -> int:
    return -(-(disk.bytes - disk.base) // disk.sector_bytes)


def _kernel_sectors(kernel: KernelFacts, disk: DiskFacts, lba: int) -> range:
    used = kernel.real_mode_bytes + kernel.payload_bytes
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
