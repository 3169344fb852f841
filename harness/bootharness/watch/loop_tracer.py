"""The recorder, and QEMU's GDB stub at the BIOS's handler of exceptions.

Each exception is on the tape: in seconds so many that it takes minutes to play them. So a boot of
which is known that it comes to nothing else is stopped when it has raised some.
"""

from bootharness.diagnosis.astray import RETURNS_AT
from bootharness.machine.machine import Machine
from bootharness.machine.rsp import Stub
from bootharness.recording.operands import Cpu
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
_ROUND_S = 20.0


class LoopTracer(RecorderTracer):
    """A machine that waits, with the ``stub`` that it is let go by, and the end that is known."""

    def __init__(self, machine: Machine, stub: Stub, known: KnownEnd) -> None:
        super().__init__(machine)
        self._stub = stub
        self._known = known

    @property
    def files(self) -> list[int]:
        return [self._stub.fileno()]

    def start(self) -> None:
        self._stub.stop_at(RETURNS_AT)
        self._stub.resume()

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        found = super().stops(events)
        if not self._stub.stopped() or found or self._machine.status != "debug":
            return found
        at = self._machine.now()
        self.take_all()
        if self.total >= self._known.calls and self._goes_round():
            return [Stop("loops", at)]
        self._stub.step()  # a breakpoint that it stands at would stop it again
        self._stub.resume()
        return found

    def _goes_round(self) -> bool:
        """Whether the CPU comes to that handler again and again, and does little else."""
        for _ in range(_ROUNDS):
            before = self._machine.executed
            self._stub.step()
            if self._at() != RETURNS_AT:
                self._stub.go(_ROUND_S)
            if self._at() != RETURNS_AT or self._machine.executed - before > _APART:
                return False
        return True

    def _at(self) -> int:
        return Cpu.real(self._stub.registers()).linear

    def resume(self, stop: Stop) -> None:
        self._stub.forget_stops()
        super().resume(stop)
