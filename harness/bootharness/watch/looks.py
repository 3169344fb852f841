"""Look at a machine's CPU, and remember where it was."""

from msgspec import Struct, field

from bootharness.host.deadline import Deadline
from bootharness.machine.machine import Machine
from bootharness.trace.machine_facts import CpuSample
from bootharness.watch.tracers import Tracer

__all__ = ["Looks"]

_QUICK_LOOKS, _QUICK_S = 24, 0.001


class Looks(Struct):
    """``samples`` are the looks since the guest last got on.

    A machine that ``may_owe`` is not stopped for a look: it would wait for its disk.
    """

    machine: Machine
    tracer: Tracer
    may_owe: bool = False
    samples: list[CpuSample] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Whether the addresses in the looks are exact: a debugger would see the stop for that."""
        return not self.tracer.attached and not self.may_owe

    def look(self) -> CpuSample:
        """Look at the CPU, and keep what was seen."""
        self.samples.append(self.machine.sample(exact=self.exact))
        return self.samples[-1]

    def quick(self) -> list[CpuSample]:
        """Look often and soon: on a busy host, what goes through memory comes round between the
        ordinary looks. Looks between which the CPU did not run are none."""
        self.machine.let_go()
        looks = {}
        for _ in range(_QUICK_LOOKS):
            self.machine.wait(Deadline.after(_QUICK_S))
            look = self.machine.sample(exact=self.exact)
            looks[look.linear, look.registers] = look
        return list(looks.values())
