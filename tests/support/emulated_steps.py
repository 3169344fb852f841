"""A boot in the emulator, with a step for each of the loader's instructions, as in a recording.

What is found in such steps is tried so on hundreds of loaders within a minute.
"""

from collections.abc import Callable
from typing import Any
from unittest import mock

from msgspec import Struct
from unicorn import UC_HOOK_CODE, Uc

from bootharness.predictor import predict_disk as predicting
from bootharness.predictor.memory import ROM
from bootharness.predictor.pc import Pc
from bootharness.predictor.predict import predict_disk
from bootharness.recording.ended import ended_by
from bootharness.recording.fields import fields_of
from bootharness.recording.footsteps import Step, step_at
from bootharness.recording.found import Answer
from bootharness.recording.moved import MovedCode
from bootharness.recording.operands import Cpu
from bootharness.recording.search import searched
from bootharness.recording.telling import value_at
from bootharness.routes.disk_layout import DiskLayout
from bootharness.trace.boot_trace import BootTrace

__all__ = ["Walked", "walked"]

_MOST_STEPS = 60_000
_INT_BYTES = 2


class Walked(Struct, frozen=True):
    """A boot, the loader's steps, and its memory at the end of it."""

    trace: BootTrace
    steps: list[Step]
    memory: Callable[[int, int], bytes]

    def searched(self, cause: str) -> Answer | None:
        """Return what a recording of such a boot would say of its cause."""
        handoff, found = self.trace.handoff, []
        calls = self._calls()
        for field in fields_of(self.trace, cause):
            if field.call is not None and field.call in calls:
                at = calls[field.call]
                found.append((field, self.steps[at].value(field.where) or 0, at))
            elif field.call is None and handoff:
                cpu = self.steps[-1].cpu.with_registers(handoff.registers)
                value = value_at(field.where, cpu, self.memory)
                found.append((field, value, len(self.steps)))
        until = max((end for *_, end in found), default=len(self.steps))
        steps = self.steps[: until + 1]
        seen = searched(steps, self.trace, found)
        if seen and seen.seen.guilty:
            return seen
        return ended_by(steps, self.trace, cause, whole=len(self.steps) < _MOST_STEPS) or seen

    def _calls(self) -> dict[int, int]:
        """Return at which step each BIOS call of the loader's was made."""
        found, at = {}, 0
        for number, call in enumerate(self.trace.bios_calls):
            if call.from_bios:
                continue
            site = call.registers_in.cs * 16 + call.registers_in.ip - _INT_BYTES
            while at < len(self.steps) and (
                self.steps[at].number != call.number or self.steps[at].cpu.linear != site
            ):
                at += 1
            found[number] = at
            at += 1
        return {number: at for number, at in found.items() if at < len(self.steps)}


def walked(disk: DiskLayout) -> Walked:
    """Boot a disk in the emulator as far as the kernel's entry, step by step."""
    steps: list[Step] = []
    made: list[Pc] = []

    class Stepped(Pc):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)
            self.moved = MovedCode()
            self.cpu.uc.hook_add(UC_HOOK_CODE, self._stepped)

        def _stepped(self, _uc: Uc, at: int, _size: int, _data: object) -> None:
            frame = self.cpu.frame()
            again = steps and steps[-1].cpu.linear == at and steps[-1].repeats
            if at in ROM or again or not frame.real_mode or len(steps) >= _MOST_STEPS:
                return
            names = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
            values = {name: getattr(frame, name) for name in names}
            values |= {"eip": frame.ip, "efl": frame.flags}
            bases = {
                name: getattr(frame, name) * 16 for name in ("cs", "ss", "ds", "es", "fs", "gs")
            }
            step = step_at(self.memory.read_memory, Cpu(values, bases, 16), len(steps))
            steps.append(self.moved.noted(step))

    with mock.patch.object(predicting, "Pc", Stepped):
        trace = predict_disk(disk)
    return Walked(trace, steps, made[0].memory.read_memory)
