"""A recorder's clock on the harness's: cycles of the guest's CPU as seconds since launch."""

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate

from msgspec import Struct, field

__all__ = ["RecorderClock"]

_PM_TIMER_HZ = 3_579_545
_TICKS_PER_S = 10_000_000
"""Until two readings of the ACPI timer have told: a time stamp counter of 2.56 GHz."""


class RecorderClock(Struct):
    """A recorder counts cycles, in ``ticks`` of so many of them.

    The ACPI timer, read twice before the guest is under way, gives their frequency; the harness
    knows of many records when, at the latest, they were made, and the one that had least delay
    gives the beginning. Cycles do not go on while QEMU has stopped the machine, which `paused`
    makes up for.
    """

    ticks_per_s: float = _TICKS_PER_S
    _timed: tuple[int, int] | None = None
    _anchors: list[tuple[int, float]] = field(default_factory=list)
    _pauses: list[tuple[int, float]] = field(default_factory=list)

    def calibrate(self, ticks: int, pm_timer: int) -> None:
        """Take what the ACPI timer said at so many ticks: of the first two times, the frequency."""
        if self._timed is None:
            self._timed = ticks, pm_timer
            return
        cycles, timer = ticks - self._timed[0], (pm_timer - self._timed[1]) & 0xFFFFFF
        if cycles > 0 and timer:
            self.ticks_per_s = cycles * _PM_TIMER_HZ / timer

    def anchor(self, ticks: int, now: float) -> None:
        """Note that a record was made at ``now`` or before."""
        self._anchors.append((ticks, now - sum(seconds for _, seconds in self._pauses)))

    def paused(self, ticks: int, seconds: float) -> None:
        """Note that the machine stood still for so long after a record."""
        self._pauses.append((ticks, seconds))

    def seconds(self) -> Callable[[int], float]:
        """Return what turns ticks into seconds since launch."""
        pace = self.ticks_per_s
        began = max(min((now - ticks / pace for ticks, now in self._anchors), default=0.0), 0.0)
        if not self._pauses:
            return lambda ticks: round(began + ticks / pace, 6)
        at = [ticks for ticks, _ in self._pauses]
        stood = [0.0, *accumulate(seconds for _, seconds in self._pauses)]
        return lambda ticks: round(began + ticks / pace + stood[bisect_left(at, ticks)], 6)
