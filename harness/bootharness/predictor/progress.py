"""Tell an emulated guest that gets nowhere from one that is busy; no clock is needed."""

from collections.abc import Callable
from zlib import crc32

from msgspec import Struct

from bootharness.predictor.bios import BiosServices
from bootharness.predictor.ending import Ended, not_emulated
from bootharness.predictor.frame import INTERRUPTS, Frame, register_values
from bootharness.predictor.memory import Memory
from bootharness.trace.machine_facts import CpuSample

__all__ = ["HangWatch", "Patience"]

# BIOS calls with nothing new in them
_MOST_CALLS = 10_000
# calls that nobody records, by which a loader waits for a key or for the clock
_MOST_POLLS = 20_000
_KEYBOARD = 0x16
# looks at a CPU that halts again and again, or waits for the clock; instructions of one that
# computes, between two looks and in all
_MOST_HALTS, _MOST_WAITS = 200, 30
_FIRST_LOOK, _LAST_LOOK, _MOST_INSTRUCTIONS = 100_000, 2_000_000, 20_000_000
# what unpacks itself before it does anything else: GRUB takes 130 million
_MOST_PROTECTED = 400_000_000
_TIMER = "the timer's interrupts in protected mode"
_STEPS = 64
_TICKS_PER_WAIT = 18
_SAMPLES = 16


class Patience(Struct, frozen=True):
    """How many instructions without a BIOS call, and how many calls and accesses to ports in all,
    may pass before a boot is given up without an answer; None for as many as it takes to have
    one."""

    instructions: int | None = None
    calls: int | None = None


class HangWatch:
    """What has happened since the last progress; ``samples`` are where the CPU was then.

    ``next_look`` is how many instructions the CPU may run before somebody looks again.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._all_calls = self._all_ports = 0
        self.samples: dict[int, CpuSample] = {}
        self._seen: set[object] = set()
        self._calls = self._polls = 0
        self._stand_still()

    def progress(self) -> None:
        """Begin anew: something happened that had not happened before."""
        self._calls = self._polls = 0
        self._stand_still()
        self.samples.clear()

    def called(self, news: object) -> None:
        """Note a BIOS call and what it did that may be new, None for nothing.

        Raises Ended when thousands of calls have brought nothing new.
        """
        if news is not None and news not in self._seen:
            self._seen.add(news)
            self.progress()
        else:
            self._stand_still()
        self._calls += 1
        self._all_calls += 1
        if self._patience.calls is not None and self._all_calls > self._patience.calls:
            raise not_emulated(f"what comes after {self._patience.calls:,} BIOS calls")
        if self._calls > _MOST_CALLS:
            raise Ended("loop", f"{_MOST_CALLS:,} BIOS calls with nothing new in them")

    def touched_port(self) -> None:
        """Note an access to a port. Raises Ended when patience is at its end."""
        self._all_ports += 1
        if self._patience.calls is not None and self._all_ports > self._patience.calls:
            raise not_emulated(f"what comes after {self._patience.calls:,} accesses to ports")

    def polled(self, number: int) -> None:
        """Note a BIOS call that asks how things are. Raises Ended when it is asked for ever."""
        self._polls += 1
        if self._polls > _MOST_POLLS:
            raise Ended("waits-for-key" if number == _KEYBOARD else "loop")

    def looked(
        self,
        step: Callable[[], Frame],
        memory: Memory,
        bios: BiosServices,
        frame: Frame,
        *,
        halted: bool,
    ) -> None:
        """Look at a CPU that has stopped or run for long. Raises Ended when it never gets on."""
        may_be_interrupted = not frame.real_mode and bool(frame.flags & INTERRUPTS)
        if halted:
            self.sample(frame, halted=True)
            if may_be_interrupted:
                raise not_emulated(_TIMER)
            if not frame.flags & INTERRUPTS:
                raise Ended("halted")
            self._halts += 1
            bios.tick()
            if self._halts > _MOST_HALTS:
                raise Ended("idle", "the CPU halts again and again")
        elif self._returns(step, memory, frame):
            if may_be_interrupted:
                raise not_emulated(_TIMER)
            self._waits += 1
            self.next_look = _FIRST_LOOK
            bios.tick(_TICKS_PER_WAIT)
            if self._waits > _MOST_WAITS:
                raise Ended("loop")
        else:
            self._computed += self.next_look
            self.next_look = min(self.next_look * 2, _LAST_LOOK)
            bios.tick()
            most = self._patience.instructions
            if most is not None and self._computed > most:
                raise not_emulated(f"what comes after {most:,} instructions without a BIOS call")
            if not frame.real_mode:
                if self._computed > _MOST_PROTECTED:
                    raise not_emulated(
                        f"what comes after {_MOST_PROTECTED:,} instructions in protected mode"
                    )
            elif self._computed > _MOST_INSTRUCTIONS:
                raise Ended("loop", f"{_MOST_INSTRUCTIONS:,} instructions without a BIOS call")

    def sample(self, frame: Frame, *, halted: bool = False) -> None:
        """Keep where the CPU is."""
        if len(self.samples) < _SAMPLES:
            self.samples[frame.linear] = CpuSample(
                seconds=0.0,
                linear=frame.linear,
                cs=frame.cs,
                ip=frame.ip,
                mode="real" if frame.real_mode else "protected",
                halted=halted,
                interrupts=bool(frame.flags & INTERRUPTS),
            )

    def _stand_still(self) -> None:
        self._halts = self._waits = self._computed = 0
        self.next_look = _FIRST_LOOK

    def _returns(self, step: Callable[[], Frame], memory: Memory, frame: Frame) -> bool:
        """Whether the CPU comes back to the state in which it is, memory included."""
        first, content, calls = register_values(frame), crc32(memory.low), self._calls
        for _ in range(_STEPS):
            self.sample(frame)
            frame = step()
            if self._calls != calls:
                return False
            if register_values(frame) == first:
                return crc32(memory.low) == content
        return False
