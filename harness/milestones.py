"""The milestones that BIOS calls prove: what was read, what was moved, who called first."""

from collections.abc import Iterable

from harness.formats.bioscall import BiosCall
from harness.formats.mbr import SECTOR_BYTES
from harness.trace import DiskFacts, KernelFacts, block_moves, placements

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
    if not loader:
        return points
    first = loader[0].called_at
    before = [
        call.returned_at
        for call in calls
        if call.from_bios and call.number == 0x13 and call.called_at <= first and call.returned_at
    ]
    points["bios-handoff"] = before[-1] if before else first
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
