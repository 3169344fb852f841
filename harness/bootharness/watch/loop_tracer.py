"""The recorder, and QEMU's GDB stub at an instruction that the CPU will refuse for ever.

Each exception is on the tape: in seconds so many that it takes minutes to play them. So a boot of
which is known that it comes to that is stopped when it has come round some times.
"""

from bootharness.diagnosis.astray import RETURNS_AT
from bootharness.machine.machine import Machine
from bootharness.machine.rsp import Stub
from bootharness.recording.operands import Cpu
from bootharness.trace.machine_facts import QmpEvent
from bootharness.watch.recorder_tracers import RecorderTracer
from bootharness.watch.tracers import Stop

__all__ = ["LoopTracer"]

_ROUNDS = 32
"""More than show to who steps through a recording that it goes on so."""
_ROUND_S = 20.0


class LoopTracer(RecorderTracer):
    """A machine that waits, with the ``stub`` that it is let go by; ``refused`` is a linear
    address."""

    def __init__(self, machine: Machine, stub: Stub, refused: int) -> None:
        super().__init__(machine)
        self._stub = stub
        self._refused = refused

    @property
    def files(self) -> list[int]:
        return [self._stub.fileno()]

    def start(self) -> None:
        self._stub.stop_at(self._refused)
        self._stub.resume()

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        found = super().stops(events)
        if not self._stub.stopped() or found or self._machine.status != "debug":
            return found
        at = self._machine.now()
        if self._goes_round():
            return [Stop("loops", at)]
        self._stub.resume()
        return found

    def _goes_round(self) -> bool:
        """Whether the CPU refuses the instruction that it is at, and comes back to it."""
        for _ in range(_ROUNDS):
            if self._at() != self._refused:
                return False
            self._stub.step()
            if self._at() != RETURNS_AT:
                return False
            self._stub.go(_ROUND_S)
        return self._at() == self._refused

    def _at(self) -> int:
        return Cpu.real(self._stub.registers()).linear

    def resume(self, stop: Stop) -> None:
        self._stub.forget_stops()
        super().resume(stop)
