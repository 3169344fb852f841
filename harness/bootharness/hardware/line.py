"""A serial line to a machine, wherever its other end is."""

from typing import Protocol

__all__ = ["Line"]


class Line(Protocol):
    """Bytes from a machine and to it, as they come: nothing is changed, nothing is left out."""

    def read(self, timeout_s: float) -> bytes:
        """Return what came, nothing after the time. Raises LineLost when the other side is gone."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes to the machine. Raises LineLost when the other side is gone."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...
