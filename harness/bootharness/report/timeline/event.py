"""What happened in a boot, as a timeline draws it."""

from collections.abc import Mapping

from msgspec import Struct

from bootharness.trace.boot_trace import BootTrace

__all__ = ["Event", "Seen"]


class Event(Struct, frozen=True):
    """Something that happened, in seconds since launch; ``until`` is its end, None for a moment.

    ``at`` is what `debug --at` takes to stop before it, empty where it cannot, and ``position`` how
    many instructions of the recording had been executed by then. ``about`` says in words why its
    time is not exact.
    """

    seconds: float
    text: str
    until: float | None = None
    wrong: bool = False
    at: str = ""
    position: int | None = None
    about: str = ""


class Seen(Struct, frozen=True):
    """A boot, and what is known of its recording.

    ``positions`` are those of BIOS calls, or of a UEFI's, by their number in the trace; None
    without a recording. ``debuggable`` is whether `debug` can have the boot again from its trace.
    """

    trace: BootTrace
    positions: Mapping[int, int] | None = None
    debuggable: bool = False

    def at_call(self, number: int, move: int | None = None) -> tuple[str, int | None]:
        """Return the place and the position of a call, which may be a block move."""
        position = self.positions.get(number) if self.positions else None
        if position is not None:
            return f"{position}", position
        if move is not None and self.positions is None:
            return self.at_place(f"move:{move}"), None
        return "", None

    def at_place(self, name: str) -> str:
        """Return a place by its name, empty where nothing can be debugged."""
        return name if self.debuggable else ""

    def seconds_of(self, position: int) -> float | None:
        """Return about when a position was reached, by the calls around it, None where nobody
        knows."""
        made = self.trace
        times = [call.called_at for call in made.bios_calls] or [
            call.seconds for call in made.uefi_calls
        ]
        known = sorted((at, times[number]) for number, at in (self.positions or {}).items())
        before = [each for each in known if each[0] <= position]
        behind = [each for each in known if each[0] > position]
        if not before:
            return behind[0][1] if behind else None
        first, then = before[-1], behind[0] if behind else (position, self.trace.ending.seconds)
        if then[0] == first[0]:
            return first[1]
        part = (position - first[0]) / (then[0] - first[0])
        return first[1] + part * max(then[1] - first[1], 0.0)
