"""The milestones that BIOS calls prove: what was read, what was moved, who called first."""

from collections.abc import Iterable

from bootharness.formats.bioscall import BiosCall
from bootharness.trace.block_moves import block_moves, placements
from bootharness.trace.booted import DiskFacts, KernelFacts
from bootharness.trace.reads import disk_reads

__all__ = ["bios_milestones"]


def bios_milestones(
    calls: tuple[BiosCall, ...],
    kernel: KernelFacts | None,
    disk: DiskFacts | None,
    *,
    handed_off: bool,
) -> dict[str, float]:
    """Return the milestones up to kernel-loaded, in seconds since launch."""
    points: dict[str, float] = {}
    loader = [call for call in calls if not call.from_bios]
    first = loader[0].called_at if loader else None
    if handed := _boot_sector_read(calls, disk, first):
        points["bios-handoff"] = handed
    if first is None:
        return points
    points.setdefault("bios-handoff", first)
    points["stage1"] = first
    if kernel is None or disk is None or disk.kernel_lba is None:
        return points
    loaded = _setup_loaded(loader, disk, -(-kernel.real_mode_bytes // disk.sector_bytes))
    if loaded is not None:
        points["setup-loaded"] = loaded
    for move, done in placements(block_moves(calls, handed_off=handed_off), kernel):
        if done == kernel.payload_bytes:
            points["kernel-loaded"] = move.returned_at or move.seconds
    return points


def _boot_sector_read(
    calls: Iterable[BiosCall], disk: DiskFacts | None, before: float | None
) -> float | None:
    """Return when the BIOS had read the boot sector that it entered, unless it refused it."""
    if disk is not None and disk.kind != "cdrom" and not disk.boot_sector.endswith("55aa"):
        return None
    reads = [
        call.returned_at
        for call in calls
        if call.from_bios
        and (call.number, call.function) == (0x13, 0x02)
        and call.returned_at is not None
        and not call.failed
        and (before is None or call.called_at <= before)
    ]
    return reads[-1] if reads else None


def _setup_loaded(calls: Iterable[BiosCall], disk: DiskFacts, sectors: int) -> float | None:
    """Return when the last of the kernel's first sectors had been read."""
    assert disk.kernel_lba is not None
    missing = set(range(disk.kernel_lba, disk.kernel_lba + sectors))
    for read in disk_reads(calls, disk):
        call = read.call
        if call.failed or call.returned_at is None:
            continue
        if read.sector_bytes == disk.sector_bytes:
            missing.difference_update(read.span)
            if not missing:
                return call.returned_at
    return None
