"""A kernel that needs another CPU than the machine has: it says so, or it stops without a word."""

from bootharness.diagnosis.endings import where
from bootharness.diagnosis.hangs import in_cpu_check
from bootharness.diagnosis.verdict import Finding
from bootharness.trace.boot_trace import BootTrace

__all__ = ["stopped_by_cpu_check", "wrong_cpu"]

_LACKED = {"lm": "long mode"}


def wrong_cpu(trace: BootTrace) -> Finding | None:
    """The kernel says that it needs another CPU."""
    if trace.ending.kind != "complaint" or "CPU" not in trace.ending.detail:
        return None
    said = " ".join(trace.ending.detail.split())
    return Finding(f'the kernel needs another CPU than {_cpu(trace)}; it says "{said}"')


def stopped_by_cpu_check(trace: BootTrace) -> Finding | None:
    """A kernel of 64 bits was entered past its setup code, which would have complained, and its own
    check of the CPU has stopped it."""
    if not in_cpu_check(trace):
        return None
    names = trace.machine.cpu_lacks if trace.machine else ()
    lacks = " and no ".join(_LACKED.get(name, name) for name in names)
    return Finding(
        f"a kernel of 64 bits was entered at its 32-bit entry, where it checks the CPU and says "
        f"nothing: it halts{where(trace)}{trace.ended_after}, for it needs another CPU than "
        f"{_cpu(trace)}{f': there is no {lacks}' if lacks else ''}"
    )


def _cpu(trace: BootTrace) -> str:
    """Name the CPU that the machine has, to go into a sentence."""
    machine = trace.machine
    if machine and machine.cpu_asked:
        return f"{machine.cpu_asked}, which --cpu asks for"
    return f"{machine.qemu if machine else 'this machine'} has"
