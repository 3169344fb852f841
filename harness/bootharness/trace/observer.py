"""What a boot tells those who look on: the library and its displays share nothing else.

An observer is made before QEMU starts, so nothing of a trace is imported here.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bootharness.formats.bioscall import BiosCall
    from bootharness.trace.milestones import Milestone
    from bootharness.trace.network_facts import NetEvent

__all__ = ["Observer"]


class Observer:
    """Whoever wants to see a boot while it runs; what is not overridden is let pass."""

    wants_progress = False
    """Whether to tell of milestones, bytes and calls while the machine runs."""

    def started(self) -> None:
        """QEMU has been started; nothing will happen for a tenth of a second."""

    def milestone(self, milestone: "Milestone") -> None:
        """See a milestone that was reached."""

    def placed(self, done: int, total: int) -> None:
        """See how many bytes of the protected-mode kernel are in place."""

    def events(self, events: "tuple[NetEvent, ...]") -> None:
        """See all that has happened on the network so far."""

    def calls(self, calls: "tuple[BiosCall, ...]") -> None:
        """See all BIOS calls so far; the last ones may not have returned yet."""

    def serial(self, written: bytes) -> None:
        """See what the guest has written to the serial line since the last time."""

    def bios(self, text: str) -> None:
        """See what the BIOS has said of itself since the last time."""
