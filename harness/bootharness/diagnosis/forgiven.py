"""What this BIOS forgave: mistakes of a loader that did no harm here and do on other machines."""

from bootharness.diagnosis.read_calls import sectors_read
from bootharness.text import address, count
from bootharness.trace.boot_trace import BootTrace

__all__ = ["across_64_kib", "adverse", "too_many_sectors"]

_MOST_SECTORS = 127
"""What EDD promises that one call reads."""
_64_KIB = 0x10000


def adverse(trace: BootTrace) -> tuple[str, ...]:
    """States in which other machines enter the loader, or read for it, and it fails."""
    return tuple(
        f"with {each.state}, as other machines may have it, this fails: {each.cause}: "
        f"{each.sentence}"
        for each in trace.adverse
    )


def too_many_sectors(trace: BootTrace) -> str | None:
    """A read of more sectors than other BIOSes read at once."""
    for read in sectors_read(trace):
        if read.call.packet and read.sectors > _MOST_SECTORS:
            return (
                f"the read of {read.sectors} sectors at LBA {read.lba:,} asks for "
                f"more than the {_MOST_SECTORS} that every BIOS reads at once: this one read them, "
                "others refuse"
            )
    return None


def across_64_kib(trace: BootTrace) -> str | None:
    """A read over the end of its segment, or, by CHS, over a boundary that DMA does not cross."""
    for read in sectors_read(trace):
        packet, start = read.call.packet, read.buffer
        if packet is None and trace.disk and trace.disk.kind == "cdrom":
            continue  # a floppy that is emulated has no DMA of its own
        # SYSLINUX, too, lets an extended read cross 64 KiB; nobody lets one leave its segment
        base = packet.segment * 16 if packet else start // _64_KIB * _64_KIB
        end = base + _64_KIB
        if start + read.bytes > end:
            what = f"the read of LBA {packet.lba:,}" if packet else "the CHS read"
            edge = (
                f"the end of segment {packet.segment:04x}, {address(end)}: this BIOS read it all "
                "the same, others go on at its beginning, or hang"
                if packet
                else f"the 64 KiB boundary at {address(end)}: this BIOS read it all the same, "
                "others fail with AH=09h, DMA across a 64 KiB boundary"
            )
            return f"{what}, {count(read.sectors, 'sector')} to {address(start)}, goes over {edge}"
    return None
