"""How a boot ended that is had again, to record it.

That a loop leads nowhere takes many looks at the CPU, and QEMU that counts the instructions of one
that raises an exception at each answers once in seconds. It was proven at first.
"""

from collections.abc import Sequence
from typing import Self

from msgspec import Struct

from bootharness.diagnosis.astray import raises_exceptions
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.machine_facts import CpuSample

__all__ = ["KnownEnd"]

_PROVEN = "loop"
_LOOKS, _WORKED_S = 2, 3.0


class KnownEnd(Struct, frozen=True):
    """After how many BIOS calls a guest was in a loop for ever, whether a kernel had been entered
    by then, and at which linear addresses the CPU was seen; ``raises`` whether it raises exceptions
    all the while."""

    calls: int
    entered: bool
    places: frozenset[int]
    raises: bool = False
    kind: str = _PROVEN

    @classmethod
    def of(cls, trace: BootTrace) -> Self | None:
        """Return how a boot ended, None where it was in no loop."""
        if trace.ending.kind != _PROVEN or not trace.samples:
            return None
        calls = len(trace.bios_calls) + trace.calls_left_out
        places = frozenset(each.linear for each in trace.samples)
        return cls(calls, trace.handed_off, places, raises_exceptions(trace))

    def is_there(
        self, looks: Sequence[CpuSample], calls: int, worked_s: float, *, entered: bool
    ) -> bool:
        """Return whether a guest that has not got on for so long, as QEMU was at work, is in that
        loop, by the last looks at it. Of a loop that is long it is never seen at the same place; of
        one that is stopped at each exception it is seen at nothing else, and they are counted."""
        same = calls == self.calls and entered == self.entered
        there = not self.raises and all(each.linear in self.places for each in looks)
        return same and (there or worked_s > _WORKED_S) and len(looks) >= _LOOKS
