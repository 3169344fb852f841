"""Tell a guest that gets nowhere from a host that is busy."""

from harness.machine.machine import Machine

__all__ = ["IdleClock"]

# A step that took longer than this was not the guest's: the harness was stopped.
_LONGEST_STEP_S = 0.2


class IdleClock:
    """Counts the time in which a guest could have got on and did not, in seconds.

    Only CPU time that QEMU was given counts, or all time if the guest has halted its CPU
    with interrupts off. A host that is busy, or that stopped QEMU or the harness for a
    while, does not make a guest idle.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._progress: object = None
        self._idle_s = 0.0
        self._at = machine.now()
        self._cpu_s = machine.qemu.cpu_seconds()

    def seconds(self, progress: object) -> float:
        """Return for how long ``progress``, whatever it is, has been the same."""
        now, cpu_s = self._machine.now(), self._machine.qemu.cpu_seconds()
        step = min(now - self._at, _LONGEST_STEP_S)
        used = cpu_s - self._cpu_s
        if progress != self._progress:
            self._progress, self._idle_s = progress, 0.0
        elif used > 0:
            self._idle_s += min(step, used)
        elif self._halted():
            self._idle_s += step
        self._at, self._cpu_s = now, cpu_s
        return self._idle_s

    def _halted(self) -> bool:
        sample = self._machine.sample()
        return sample.halted and not sample.interrupts
