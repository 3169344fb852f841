"""What a disk that was made faulty did to whoever read it."""

from typing import Literal

from msgspec import Struct

__all__ = ["DiskEvent", "DiskEventKind", "FaultyDiskFacts"]

DiskEventKind = Literal["failed", "slowed", "vanished", "unanswered", "flipped"]
"""What can happen to a read."""


class DiskEvent(Struct, frozen=True):
    """What a fault did to one read, or to several in a row that asked for the same.

    Of ``slowed``, ``flipped`` and ``vanished`` only the first read is told of.
    """

    seconds: float
    """When the first of them came, since launch."""
    kind: DiskEventKind
    """What was done."""
    lba: int
    """The first sector that was asked for, in the drive's own sectors."""
    sectors: int
    """How many were."""
    fault: str
    """The fault, as it is written."""
    times: int = 1
    """How many reads."""
    waited_s: float = 0.0
    """How long whoever read has waited for the last of them, in seconds."""


class FaultyDiskFacts(Struct, frozen=True):
    """The disk that was booted from, where it was made faulty."""

    faults: tuple[str, ...]
    """The faults that were asked for, as they are written."""
    reads: int = 0
    """How often it was read."""
    bytes: int = 0
    """How much of it was read."""
    events: tuple[DiskEvent, ...] = ()
    """What the faults did, in order."""
    events_left_out: int = 0
    """How many events were too many to be kept."""

    def first(self, kind: DiskEventKind) -> DiskEvent | None:
        """Return the first event of a kind, None where there is none."""
        return next((event for event in self.events if event.kind == kind), None)
