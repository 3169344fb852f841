"""Tell a guest that gets nowhere from a host that is busy."""

import time
from collections.abc import Iterable

from msgspec import Struct, field

from bootharness.formats.bioscall import BiosCall
from bootharness.machine.machine import Machine

__all__ = ["Gap", "IdleClock", "Repetition"]

# A step that took longer than this was not the guest's: the harness or QEMU was stopped.
_LONGEST_STEP_S = 0.2
# CPU time is counted in hundredths of a second: a shorter step tells nothing of it.
_SHORTEST_STEP_S = 0.04
# A CPU that used less of a step than this may be a halted one.
_MOSTLY = 0.5
# A client that has the time run on for so long without a step of its own may lose its way.
_GAP_S = 0.4
# Of a step of which the guest had less it had next to nothing.
_NEXT_TO_NOTHING = 0.25
_GAPS = 100
_PATIENCE = 2000
"""As many letters as fit a screen."""
_REMEMBERED = 200_000


class Gap(Struct, frozen=True):
    """When the host gave a guest next to nothing, in seconds since launch."""

    begins: float
    ends: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ends - self.begins


class IdleClock:
    """Counts the time in which a guest could have got on and did not, in seconds.

    Only CPU time that QEMU was given counts, or, if the guest has halted its CPU, all time in which
    QEMU did not wait for the host's: the guest's clock stands still then. A host that is busy, or
    that stopped QEMU or the harness for a while, does not make a guest idle. ``awake_s`` is all
    time but that of such stops (the harness's own work is none, nor is QEMU's that keeps it from
    answering), ``given_s`` what of it the host gave the guest, ``step_s`` how long the last step
    took, and ``share`` for how much of it QEMU did not wait for the host; ``idle_s`` is what
    `seconds` has returned last, and ``worked_s`` the same with all that QEMU has worked while
    nobody could look at the guest. ``gaps`` are the last stretches of 0.4 seconds and more in which
    the host gave it next to nothing.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._progress: object = None
        self.idle_s = 0.0
        self.awake_s = 0.0
        self.given_s = 0.0
        self.share = 1.0
        self.step_s = 0.0
        self.worked_s = 0.0
        self.gaps: list[Gap] = []
        self._at = self._had_at = machine.now()
        self._cpu_s = machine.qemu.cpu_seconds()
        self._starved_s: float | None = None
        self._halted = False
        self._own_s = time.process_time()

    def seconds(self, progress: object) -> float:
        """Return for how long ``progress``, whatever it is, has been the same."""
        now = self._machine.now()
        went_on, self._progress = progress != self._progress, progress
        if went_on:
            self.restart()
        if now - self._at < _SHORTEST_STEP_S:
            return self.idle_s
        cpu_s = self._machine.qemu.cpu_seconds()
        own_s = time.process_time()
        longest, used = _LONGEST_STEP_S + own_s - self._own_s, cpu_s - self._cpu_s
        self.step_s = now - self._at
        step = min(self.step_s, max(longest, used))
        self.awake_s += step
        given = min(step, used + own_s - self._own_s)  # who floods the harness has to wait for it
        given = max(given, self._rested_s(step, given, ran=used >= step * _MOSTLY))
        self.given_s += given
        if not went_on:
            self.worked_s += given
            self.idle_s += min(given, longest)  # of a guest that nobody could look at for longer
        self._note_gap(now, max(given, self.share * step))
        self._at, self._cpu_s, self._own_s = now, cpu_s, own_s
        return self.idle_s

    def _note_gap(self, now: float, had_s: float) -> None:
        if had_s >= (now - self._at) * _NEXT_TO_NOTHING:
            self._had_at = now
            return
        gap = Gap(self._had_at, now)
        if gap.seconds < _GAP_S:
            return
        if self.gaps and self.gaps[-1].begins == gap.begins:
            self.gaps.pop()
        self.gaps = [*self.gaps[1 - _GAPS :], gap]

    def _rested_s(self, step: float, given: float, *, ran: bool) -> float:
        """Return how much of a step the guest's CPU was halted for. QEMU is not asked where it had
        to wait for the host all the while."""
        before_s, was_halted = self._starved_s, self._halted
        if ran:
            self._starved_s, self._halted, self.share = None, False, 1.0
            return 0.0
        self._starved_s = self._machine.qemu.starved_seconds()
        rested_s = step if before_s is None else step - (self._starved_s - before_s)
        self.share = max(rested_s / step, 0.0)
        if rested_s <= given:
            return 0.0
        self._halted = self._machine.sample().halted
        return rested_s if self._halted and was_halted and before_s is not None else 0.0

    def restart(self) -> None:
        """Take it that there has been progress just now."""
        self.idle_s = self.worked_s = 0.0


class Repetition(Struct):
    """Tells BIOS calls that ask for something new from those that go round in circles."""

    _asked: set[int] = field(default_factory=set)
    _taken: int = 0
    _last_new: int = 0

    @property
    def got_on(self) -> int:
        """How many calls got the guest on; who repeats itself a while may be printing."""
        return min(self._taken, self._last_new + _PATIENCE)

    def count(self, fresh: Iterable[BiosCall]) -> int:
        """Take further calls, and return how many of all came after the last that was new."""
        for call in fresh:
            self._taken += 1
            before = len(self._asked)
            self._asked.add(hash(_request(call)))
            if len(self._asked) > before:
                self._last_new = self._taken
        if len(self._asked) > _REMEMBERED:
            self._asked.clear()
        return self._taken - self._last_new


def _request(call: BiosCall) -> object:
    """What a call asks for; registers in which loops may count have no part in it."""
    registers = call.registers_in
    what: object = registers.al
    if call.packet or call.table_hex:
        what = (call.packet, call.table_hex)
    elif call.number == 0x13:
        what = (registers.ecx & 0xFFFF, registers.edx & 0xFFFF)
    elif call.number == 0x15:
        what = (registers.al, registers.ebx & 0xFFFF)
    return call.number, call.function, what
