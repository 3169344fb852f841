"""What switches the power of a machine."""

from typing import Protocol

__all__ = ["Plug"]


class Plug(Protocol):
    """A switch; who uses it reads back what it has done, for some say yes and do nothing."""

    def set(self, on: bool) -> None:
        """Switch on or off. Raises PlugFailed where it does not answer."""
        ...

    def state(self) -> bool | None:
        """Return whether it is on, None where that cannot be read back."""
        ...

    def watts(self) -> float | None:
        """Return what is drawn through it, None where it does not measure that."""
        ...
