"""What this BIOS forgave: mistakes of a loader that did no harm here and do on other machines."""

from collections.abc import Callable

from bootharness.diagnosis.disk_reads import buffer_of, sectors_read
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.text import address, count
from bootharness.trace.boot_trace import BootTrace

__all__ = ["WARNINGS"]

_MOST_SECTORS = 127
"""What EDD promises that one call reads."""
_DMA_PAGE = 0x10000


def too_many_sectors(trace: BootTrace) -> str | None:
    """A read of more sectors than other BIOSes read at once."""
    for call in sectors_read(trace):
        if call.packet and call.packet.sectors > _MOST_SECTORS:
            return (
                f"the read of {call.packet.sectors} sectors at LBA {call.packet.lba:,} asks for "
                f"more than the {_MOST_SECTORS} that every BIOS reads at once: this one read them, "
                "others refuse"
            )
    return None


def across_64_kib(trace: BootTrace) -> str | None:
    """A read into a buffer that DMA cannot fill in one go."""
    for call in sectors_read(trace):
        sectors = call.packet.sectors if call.packet else call.registers_in.al
        start = buffer_of(call)
        last = start + sectors * SECTOR_BYTES - 1
        if sectors and start // _DMA_PAGE != last // _DMA_PAGE:
            what = f"the read of LBA {call.packet.lba:,}" if call.packet else "the CHS read"
            return (
                f"{what}, {count(sectors, 'sector')} to {address(start)}, goes across the 64 KiB "
                f"boundary at {address(last // _DMA_PAGE * _DMA_PAGE)}: this BIOS read it all the "
                "same, others fail with AH=09h, DMA across a 64 KiB boundary"
            )
    return None


WARNINGS: tuple[Callable[[BootTrace], str | None], ...] = (too_many_sectors, across_64_kib)
