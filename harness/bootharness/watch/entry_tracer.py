"""The recorder without breakpoints of its own, and QEMU's GDB stub where the kernel is entered.

A guest that comes to the recorder's breakpoints by another segment, as one whose interrupt vectors
were overwritten, is the end of QEMU without KVM. The stub's are QEMU's own.
"""

from bootharness.formats.bioscall import Registers
from bootharness.machine.machine import Machine
from bootharness.machine.rsp import Stub
from bootharness.recording.operands import Cpu
from bootharness.trace.machine_facts import QmpEvent
from bootharness.watch.recorder_tracers import RecorderTracer
from bootharness.watch.tracers import Stop

__all__ = ["EntryTracer"]

_GENERAL = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp")
_SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")
_PARAGRAPH = 16


class EntryTracer(RecorderTracer):
    """A machine that waits, with the ``stub`` that it is let go by; ``entries`` are linear
    addresses."""

    def __init__(self, machine: Machine, stub: Stub, entries: tuple[int, ...]) -> None:
        super().__init__(machine)
        self._stub = stub
        self._entries = entries

    @property
    def files(self) -> list[int]:
        return [self._stub.fileno()]

    def start(self) -> None:
        for each in self._entries:
            self._stub.stop_at(each)
        self._stub.resume()

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        found = super().stops(events)
        if not self._stub.stopped() or found or self._machine.status != "debug":
            return found
        at = self._machine.now()
        self.take_all()
        self.recorder.anchor(at)
        cpu = Cpu.real(self._stub.registers())
        return [Stop("handoff", at, _registers(cpu))]

    def resume(self, stop: Stop) -> None:
        self._stub.forget_stops()
        self._stub.clear()
        super().resume(stop)


def _registers(cpu: Cpu) -> Registers:
    return Registers(
        **{name: cpu.values[name] for name in _GENERAL},
        **{name: cpu.bases[name] // _PARAGRAPH for name in _SEGMENTS},
        flags=cpu.values["efl"],
        ip=cpu.values["eip"],
    )
