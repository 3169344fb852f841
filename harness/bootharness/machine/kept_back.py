"""For how long the host has had a QEMU wait, since any moment of its life."""

from bisect import bisect_right

from msgspec import Struct, field

__all__ = ["KeptBack"]

_STEP_S = 0.1


class KeptBack(Struct):
    """Remembers how a total of seconds has grown, so that patience can be counted in a guest's own
    time: its clock is behind by what the host kept back."""

    _times: list[float] = field(default_factory=list)
    _totals: list[float] = field(default_factory=list)

    def note(self, now: float, total_s: float) -> None:
        """Take the total as it is now; both only grow."""
        if not self._totals or total_s - self._totals[-1] >= _STEP_S:
            self._times.append(now)
            self._totals.append(total_s)

    def since(self, moment: float) -> float:
        """Return by how many seconds it has grown since a moment, to a tenth."""
        if not self._totals:
            return 0.0
        before = self._totals[max(bisect_right(self._times, moment) - 1, 0)]
        return self._totals[-1] - before
