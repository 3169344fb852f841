"""The milestones that BIOS calls prove: what was read, what was moved, who called first."""

from collections.abc import Iterable

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.trace.block_moves import block_moves, placements
from bootharness.trace.booted import DiskFacts, KernelFacts

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
    loaded = _setup_loaded(loader, disk.kernel_lba, kernel.real_mode_bytes // SECTOR_BYTES)
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
    if disk is not None and not disk.boot_sector.endswith("55aa"):
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


def _setup_loaded(calls: Iterable[BiosCall], lba: int, sectors: int) -> float | None:
    """Return when the last of these sectors had been read."""
    missing = set(range(lba, lba + sectors))
    for call in calls:
        if call.packet and not call.failed and call.returned_at is not None:
            packet = call.packet
            missing.difference_update(range(packet.lba, packet.lba + packet.sectors))
            if not missing:
                return call.returned_at
    return None
