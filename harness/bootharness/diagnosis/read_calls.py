"""The reads that a loader made, and from which drive it was booted."""

from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.reads import DiskRead, chs_of, disk_reads

__all__ = [
    "ORIGIN",
    "asks_for_nothing",
    "boot_drive",
    "differs",
    "loader_reads",
    "sectors_read",
    "what_was_read",
]

ORIGIN = 0x7C00
"""Where a boot sector is read to."""


def loader_reads(trace: BootTrace) -> list[DiskRead]:
    """Return the loader's reads, failed ones, too."""
    return list(disk_reads(trace.loader_calls, trace.disk))


def sectors_read(trace: BootTrace) -> list[DiskRead]:
    """Return the loader's reads that brought something and came back."""
    last = trace.bios_calls[-1] if trace.bios_calls else None
    return [
        read
        for read in loader_reads(trace)
        if not read.call.failed and (read.call.registers_out or read.call is not last)
    ]


def asks_for_nothing(read: DiskRead) -> bool:
    """Return whether a packet's count is 0: it succeeds, and brings nothing."""
    return read.call.packet is not None and not read.sectors


def boot_drive(trace: BootTrace, reads: list[DiskRead]) -> int:
    """Return the drive whose boot sector was read last: by the BIOS, or a boot manager before."""
    entered = [read for read in disk_reads(trace.bios_calls, trace.disk)
               if not read.call.failed and read.buffer == ORIGIN]  # fmt: skip
    if entered and (trace.disk is None or trace.disk.kind != "cdrom"):
        return entered[-1].drive
    return trace.disk.drive if trace.disk else reads[0].drive


def differs(trace: BootTrace) -> bool:
    """Return whether the kernel that was entered is known to be another than the file."""
    return trace.handoff is not None and trace.handoff.memory_equal is False


def what_was_read(read: DiskRead) -> str:
    """Say what was to be read, to go behind "the read of"."""
    where = "" if read.lba is None else f"LBA {read.lba:,}"
    if read.call.packet is None:
        cylinder, head, sector = chs_of(read.call)
        chs = f"cylinder {cylinder}, head {head}, sector {sector}"
        where = f"{where} ({chs})" if where else chs
    return f"{count(read.sectors, 'sector')} at {where}, drive 0x{read.drive:02x},"
