"""The recorders, of BIOS calls and of a UEFI's: they stop the machine by themselves, and QMP says
so."""

from bootharness.formats.bioscall import BiosCall
from bootharness.host.deadline import Deadline
from bootharness.machine.machine import Machine
from bootharness.machine.recorder import Recorder
from bootharness.machine.uefi_recorder import UefiRecorder
from bootharness.trace.machine_facts import QmpEvent
from bootharness.trace.uefi_calls import UefiCall
from bootharness.watch.tracers import Stop

__all__ = ["GAVE_UP", "RecorderTracer", "UefiTracer"]

GAVE_UP = (0x18, 0x19)
"""Interrupts by which a loader gives up."""
# a guest may fill the recorder's ring as quickly as it is emptied
_TAKE_ALL_S = 5.0


class _ByRecorder:
    """What both do."""

    name = "recorder"
    attached = False

    def __init__(self, machine: Machine, recorder: Recorder | UefiRecorder) -> None:
        self._machine = machine
        self._log = recorder
        if saved := machine.qemu.restores:
            recorder.go_on(saved.about.recorded, saved.about.began)

    @property
    def files(self) -> list[int]:
        return []

    def start(self) -> None:
        """The machine runs already."""

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        return [self.stop(each.seconds) for each in events if each.name == "GUEST_PANICKED"]

    def stop(self, at: float) -> Stop:
        """Return why the recorder, or a guest that can do the same, stopped the machine."""
        raise NotImplementedError

    def resume(self, stop: Stop) -> None:
        self._machine.resume()
        self._log.paused(self._machine.now() - stop.at)

    @property
    def foreign_bytes(self) -> int:
        return self._log.decoder.foreign_bytes

    def second_opinion(self) -> tuple[BiosCall, ...]:
        return ()

    def drain(self) -> int:
        began = self._machine.now()
        if self._log.drain():
            # a guest that makes calls faster than they are taken in has to wait
            with self._machine.standing_still():
                self.take_all()
            self._log.paused(self._machine.now() - began)
        return self._log.count

    def take_all(self) -> int:
        """Take in what has been recorded while the machine stands still, or gdb slows it."""
        deadline = Deadline.after(_TAKE_ALL_S)
        while self._log.drain() and not deadline.expired:
            pass
        return self._log.count

    def log(self) -> bytes:
        return bytes(self._log.log)

    @property
    def began(self) -> float:
        return self._log.began


class RecorderTracer(_ByRecorder):
    """The recorder of BIOS calls."""

    def __init__(self, machine: Machine) -> None:
        self.recorder = Recorder(machine.qmp, machine.now, returns=machine.qemu.recorder_returns)
        super().__init__(machine, self.recorder)

    def stop(self, at: float) -> Stop:
        self.take_all()
        self.recorder.anchor(at)
        last = self.recorder.last
        if last and last.tag == "H":
            return Stop("handoff", at, last.registers, last.exact)
        if last and last.tag == "C" and last.number in GAVE_UP:
            return Stop("gave-up", at, interrupt=last.number)
        return Stop("panic", at)

    def calls(self) -> tuple[BiosCall, ...]:
        return self.recorder.calls()

    def fresh(self) -> tuple[BiosCall, ...]:
        return self.recorder.fresh()

    def last_call(self) -> BiosCall | None:
        return self.recorder.last_call()

    @property
    def total(self) -> int:
        return self.recorder.pairing.total

    @property
    def left_out(self) -> int:
        return self.recorder.pairing.left_out

    def kept(self, calls: int) -> int:
        return self.recorder.pairing.kept(calls)

    def uefi_calls(self) -> tuple[UefiCall, ...]:
        return ()


class UefiTracer(_ByRecorder):
    """The recorder of a UEFI, where nobody makes BIOS calls."""

    total = 0
    left_out = 0

    def __init__(self, machine: Machine) -> None:
        self.recorder = UefiRecorder(machine.qmp, machine.now)
        super().__init__(machine, self.recorder)

    def stop(self, at: float) -> Stop:
        self.take_all()
        last = self.recorder.last
        if last and last.kind == "Q":
            return Stop("savable", at)
        if last and last.kind == "E" and not last.status:
            return Stop("boot-services-ended", at, caller=last.caller)
        return Stop("panic", at)

    def calls(self) -> tuple[BiosCall, ...]:
        return ()

    def fresh(self) -> tuple[BiosCall, ...]:
        return ()

    def last_call(self) -> BiosCall | None:
        return None

    def kept(self, calls: int) -> int:
        return calls

    def uefi_calls(self) -> tuple[UefiCall, ...]:
        return self.recorder.calls()
