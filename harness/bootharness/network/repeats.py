"""How often a client says the same."""

from collections.abc import Hashable

from msgspec import Struct

__all__ = ["Repeats"]

# what comes sooner than this after the same message has been under way at the same time
_REPEAT_S = 0.05


class Repeats(Struct):
    """Counts what one client says again."""

    _last: Hashable = None
    _last_at: float = 0.0
    _times: int = 0

    def count(self, said: Hashable, now: float) -> int:
        """Return how often this has been said before, without a break."""
        if said != self._last:
            self._last, self._times = said, 0
        elif now - self._last_at >= _REPEAT_S:
            self._times += 1
        self._last_at = now
        return self._times
