"""The recorder, and QEMU's GDB stub at the BIOS's handler of exceptions.

Each exception is on the tape: in seconds so many that it takes minutes to play them. So a boot of
which is known that it comes to nothing else is stopped when it has raised some.
"""

import select

from bootharness.diagnosis.astray import RETURNS_AT
from bootharness.machine.machine import Machine
from bootharness.machine.rsp import Stub
from bootharness.trace.machine_facts import QmpEvent
from bootharness.watch.known_end import KnownEnd
from bootharness.watch.recorder_tracers import RecorderTracer
from bootharness.watch.tracers import Stop

__all__ = ["LoopTracer"]

_ROUNDS = 256
"""Nobody raises so many on purpose."""
_APART = 10_000
"""So many instructions at most are between two of them; the timer calls that handler each 7
million."""
_NEXT_S = 0.05
"""The next one may come at once; what comes later is looked for at the next tick."""


class LoopTracer(RecorderTracer):
    """A machine that waits, with the ``stub`` that it is let go by, and the end that is known."""

    def __init__(self, machine: Machine, stub: Stub, known: KnownEnd) -> None:
        super().__init__(machine)
        self._stub = stub
        self._known = known
        self._rounds = self._executed = 0

    @property
    def files(self) -> list[int]:
        return [self._stub.fileno()]

    def start(self) -> None:
        self._stub.stop_at(RETURNS_AT)
        self._stub.resume()

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        found = super().stops(events)
        for _ in range(_ROUNDS if not found else 0):
            if not self._stub.stopped() or self._machine.status != "debug":
                break
            at = self._machine.now()
            if self._came_round():
                return [Stop("loops", at)]
            self._stub.step()  # a breakpoint that it stands at would stop it again
            self._stub.resume()
            select.select([self._stub], [], [], _NEXT_S)
        return found

    def _came_round(self) -> bool:
        """Whether the CPU comes to that handler again and again, and does little else."""
        if self.total < self._known.calls:
            self.take_all()
        executed = self._machine.executed
        near = self.total >= self._known.calls and executed - self._executed <= _APART
        self._rounds = self._rounds + 1 if near else 0
        self._executed = executed
        return self._rounds >= _ROUNDS

    def resume(self, stop: Stop) -> None:
        self._stub.forget_stops()
        super().resume(stop)
