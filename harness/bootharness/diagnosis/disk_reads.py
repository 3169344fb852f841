"""Causes on the disk: no boot sector, sectors that cannot be read, the wrong sectors."""

from collections.abc import Iterable

from bootharness.diagnosis.verdict import Finding
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.booted import DiskFacts, KernelFacts

__all__ = [
    "buffer_of",
    "disk_read_failed",
    "file_cut_short",
    "no_boot_signature",
    "retried",
    "sectors_read",
    "wrong_sectors",
]

_BOOT_SIGNATURE = "55aa"
_READS = (0x02, 0x42)
_ORIGIN = 0x7C00


def no_boot_signature(trace: BootTrace) -> Finding | None:
    """The BIOS refused the disk."""
    if trace.disk is None or trace.reached("stage1") or trace.handoff:
        return None
    signature = trace.disk.boot_sector[-4:]
    if signature == _BOOT_SIGNATURE:
        return None
    return Finding(
        f"the BIOS refused the disk: its first sector ends in {signature[:2]} {signature[2:]} in "
        "place of the boot signature 55 aa",
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


def sectors_read(trace: BootTrace) -> list[BiosCall]:
    """Return the loader's reads that brought something and came back."""
    last = trace.bios_calls[-1] if trace.bios_calls else None
    return [
        call
        for call in _reads(trace)
        if not call.failed and (call.registers_out or call is not last)
    ]


def _reads(trace: BootTrace) -> list[BiosCall]:
    return [call for call in trace.loader_calls if call.number == 0x13 and call.function in _READS]


def disk_read_failed(trace: BootTrace) -> Finding | None:
    """A read that failed and was not repeated with success.

    Boot managers try drives that are not there; who enters a whole kernel may.
    """
    if trace.ending.kind == "reached" and not _differs(trace):
        return None
    reads = _reads(trace)
    if trace.managed and reads:  # a boot manager looks for drives that are not there
        drive = _boot_drive(trace, reads)
        own = [call for call in reads if call.registers_in.edx & 0xFF == drive]
        reads = own if any(buffer_of(call) != _ORIGIN for call in own) else reads
    for index, call in enumerate(reads):
        if not call.failed or any(_repeats(later, call) for later in reads[index + 1 :]):
            continue
        tries = sum(read.failed and _same_place(read, call) for read in reads)
        what = (
            f"{count(call.packet.sectors, 'sector')} at LBA {call.packet.lba:,}"
            if call.packet
            else f"CHS sectors (CX={call.registers_in.ecx & 0xFFFF:04x}h)"
        )
        return Finding(
            f"the disk read of {what}, drive 0x{call.registers_in.edx & 0xFF:02x}, failed "
            f"with AH={call.status:02x}h, {call.status_name}, "
            f"in {count(tries, 'attempt')}",
            tuple(str(read) for read in reads if read.failed),
        )
    return None


def retried(trace: BootTrace) -> list[BiosCall]:
    """Return the loader's reads that failed and succeeded when they were repeated."""
    reads = _reads(trace)
    read_at = {
        _place(call): index
        for index, call in enumerate(reads)
        if not call.failed and call.registers_out
    }
    return [
        call
        for index, call in enumerate(reads)
        if call.failed and read_at.get(_place(call), -1) > index
    ]


def _place(call: BiosCall) -> int:
    """What is read: an LBA, or a negative CHS address."""
    return call.packet.lba if call.packet else -1 - call.registers_in.ecx


def _same_place(one: BiosCall, other: BiosCall) -> bool:
    if one.packet and other.packet:
        return one.packet.lba == other.packet.lba
    return one.registers_in.ecx == other.registers_in.ecx


def _repeats(later: BiosCall, failed: BiosCall) -> bool:
    return not later.failed and later.registers_out is not None and _same_place(later, failed)


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
    drive = _boot_drive(trace, reads)
    reads = [call for call in reads if buffer_of(call) != _ORIGIN]
    if reads and not any(call.registers_in.edx & 0xFF == drive for call in reads):
        return Finding(
            f"the machine booted from drive 0x{drive:02x}, but the loader read from drive "
            f"0x{reads[0].registers_in.edx & 0xFF:02x}",
            tuple(str(call) for call in reads[:4]),
        )
    if kernel is None or disk.kernel_lba is None:
        return None
    if any(call.packet is None for call in reads):
        return None  # CHS: what was read where is not known
    wanted = _kernel_sectors(kernel, disk.kernel_lba)
    what = f"the kernel lies in LBA {_span(wanted)}"
    spans = [range(call.packet.lba, call.packet.lba + call.packet.sectors)
             for call in reads if call.packet]  # fmt: skip
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


def _joined_in_memory(trace: BootTrace, reads: list[BiosCall], first: int) -> range | None:
    """Return the read that put the sector before the kernel right before it in memory too.

    Whoever does that and gives up before it loads more has taken that sector for the
    kernel's first. Of a disk that somebody brought nothing else tells.
    """
    if trace.handoff or trace.block_moves:
        return None
    ends = {(buffer_of(call) + call.packet.sectors * SECTOR_BYTES,
             call.packet.lba + call.packet.sectors): call.packet
            for call in reads if call.packet}  # fmt: skip
    for call in reads:
        if call.packet and call.packet.lba == first:
            before = ends.get((buffer_of(call), first))
            if before:
                return range(before.lba, first)
    return None


def _boot_drive(trace: BootTrace, reads: list[BiosCall]) -> int:
    """The drive whose boot sector was read last: by the BIOS, or by a boot manager before."""
    entered = [call for call in trace.bios_calls if call.number == 0x13 and not call.failed
               and call.function in _READS and buffer_of(call) == _ORIGIN]  # fmt: skip
    return (entered or reads)[-1 if entered else 0].registers_in.edx & 0xFF


def buffer_of(call: BiosCall) -> int:
    """Return where a read put its sectors, linear."""
    if call.packet:
        return call.packet.buffer
    return call.registers_in.es * 16 + (call.registers_in.ebx & 0xFFFF)


def _all_in_place(trace: BootTrace) -> bool:
    return trace.handoff is not None and trace.handoff.memory_equal is True


def _differs(trace: BootTrace) -> bool:
    """Whether the kernel that was entered is known to be another than the file."""
    return trace.handoff is not None and trace.handoff.memory_equal is False


def _past_the_end(reads: Iterable[BiosCall], disk: DiskFacts) -> Finding | None:
    sectors = disk.bytes // SECTOR_BYTES
    for call in reads:
        if call.packet and call.failed and call.packet.lba + call.packet.sectors > sectors:
            span = range(call.packet.lba, call.packet.lba + call.packet.sectors)
            known = disk.kernel_lba is not None
            begins = f"; the kernel begins at {disk.kernel_lba:,}" if known else ""
            return Finding(
                f"the loader read LBA {_span(span)} of drive "
                f"0x{call.registers_in.edx & 0xFF:02x}, but the disk ends with LBA "
                f"{sectors - 1:,}{begins}",
                (str(call),),
            )
    return None


def _kernel_sectors(kernel: KernelFacts, lba: int) -> range:
    used = kernel.real_mode_bytes + kernel.payload_bytes
    return range(lba, lba - (-used // SECTOR_BYTES))


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
