"""The recorder of a UEFI: it stops the machine by itself, and QMP says so."""

from bootharness.formats.bioscall import BiosCall
from bootharness.host.deadline import Deadline
from bootharness.machine.machine import Machine
from bootharness.machine.uefi_recorder import UefiRecorder
from bootharness.trace.machine_facts import QmpEvent
from bootharness.trace.uefi_calls import UefiCall
from bootharness.watch.tracers import TAKE_ALL_S, Stop

__all__ = ["UefiTracer"]


class UefiTracer:
    """A tracer of a machine in which nobody makes BIOS calls."""

    name = "recorder"
    attached = False
    total = 0
    left_out = 0

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.recorder = UefiRecorder(machine.qmp, machine.now)
        if saved := machine.qemu.restores:
            self.recorder.go_on(saved.about.recorded, saved.about.began)

    @property
    def files(self) -> list[int]:
        return []

    def start(self) -> None:
        """The machine runs already."""

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        return [self._stop(each.seconds) for each in events if each.name == "GUEST_PANICKED"]

    def _stop(self, at: float) -> Stop:
        """Return why the recorder, or a guest that can do the same, stopped the machine."""
        self.take_all()
        last = self.recorder.last
        kind = last.kind if last else ""
        if kind == "I":
            return Stop("begun", at)
        if kind == "E" and last and not last.status:
            return Stop("boot-services-ended", at, caller=last.caller)
        return Stop("panic", at)

    def resume(self, stop: Stop) -> None:
        self._machine.resume()
        if last := self.recorder.last:
            self.recorder.clock.paused(last.ticks, self._machine.now() - stop.at)

    def calls(self) -> tuple[BiosCall, ...]:
        return ()

    def fresh(self) -> tuple[BiosCall, ...]:
        return ()

    def last_call(self) -> BiosCall | None:
        return None

    def kept(self, calls: int) -> int:
        return calls

    @property
    def foreign_bytes(self) -> int:
        return self.recorder.decoder.foreign_bytes

    def uefi_calls(self) -> tuple[UefiCall, ...]:
        return self.recorder.calls()

    def second_opinion(self) -> tuple[BiosCall, ...]:
        return ()

    def drain(self) -> int:
        began = self._machine.now()
        if self.recorder.drain():  # a guest that asks faster than is taken in has to wait
            with self._machine.standing_still():
                self.take_all()
            if last := self.recorder.last:
                self.recorder.clock.paused(last.ticks, self._machine.now() - began)
        return self.recorder.count

    def take_all(self) -> None:
        """Take in what has been recorded while the machine stands still."""
        deadline = Deadline.after(TAKE_ALL_S)
        while self.recorder.drain() and not deadline.expired:
            pass

    def log(self) -> bytes:
        return bytes(self.recorder.log)

    @property
    def began(self) -> float:
        return self.recorder.began
