"""When what a guest wrote on its serial line was read."""

from msgspec import Struct, field

__all__ = ["Arrival", "Arrivals"]

_MOST = 500
_APART_S = 0.001


class Arrival(Struct, frozen=True):
    """That so many ``lines``, the last of them perhaps not whole, had come ``seconds`` after
    launch."""

    seconds: float
    lines: int


class Arrivals(Struct):
    """Takes note of what is read. However much that is, a few hundred moments are kept: of those
    that lie too close together the last."""

    _ended: int = 0
    _begun: bool = False
    _apart_s: float = _APART_S
    _kept: dict[int, Arrival] = field(default_factory=dict)

    def note(self, fresh: bytes, seconds: float) -> None:
        """Take note of what was read at a time."""
        _, newline, rest = fresh.rpartition(b"\n")
        self._ended += fresh.count(b"\n")
        self._begun = bool(rest.strip(b"\r")) or (self._begun and not newline)
        self._keep(Arrival(round(seconds, 6), self._ended + self._begun))
        while len(self._kept) > _MOST:
            self._apart_s *= 2
            before, self._kept = self._kept, {}
            for each in before.values():
                self._keep(each)

    def _keep(self, arrival: Arrival) -> None:
        self._kept[int(arrival.seconds / self._apart_s)] = arrival

    @property
    def every(self) -> tuple[Arrival, ...]:
        """What is kept, in order."""
        return tuple(self._kept.values())
