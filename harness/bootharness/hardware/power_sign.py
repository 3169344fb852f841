"""What a machine draws, as a sign that it has switched itself off."""

from collections.abc import Callable

__all__ = ["PowerSign"]

_LOOK_S, _SURE_S = 1.0, 2.0


class PowerSign:
    """Looks now and then at ``watts``, which are None where nobody measures them.

    A machine is off that drew more than ``off_watts`` before and draws no more than that twice.
    """

    def __init__(self, watts: Callable[[], float | None], off_watts: float) -> None:
        self._watts, self._off_watts = watts, off_watts
        self._measured = True
        self._looked_at = 0.0
        self._drew = False
        self._low_since: float | None = None

    def is_off(self, now: float, heard_at: float) -> bool:
        """Return whether it is off by now, in seconds since it was switched on, when it was heard
        last at another time."""
        if not self._measured or now - self._looked_at < _LOOK_S:
            return False
        if self._drew and now - heard_at < _LOOK_S:
            return False  # it tells itself that it is on
        self._looked_at = now
        watts = self._watts()
        if watts is None:
            self._measured = False
            return False
        if watts > self._off_watts:
            self._drew, self._low_since = True, None
            return False
        if self._low_since is None:
            self._low_since = now
        return self._drew and heard_at < self._low_since <= now - _SURE_S
