"""Causes that show after the loader: the kernel's own words, resets and silence."""

from harness.diagnosis.verdict import Diagnosis
from harness.text import seg_off
from harness.trace import BootTrace

__all__ = ["kernel_panic", "timed_out", "triple_fault", "wrong_cpu"]


def wrong_cpu(trace: BootTrace) -> Diagnosis | None:
    """The kernel says that it needs another CPU."""
    if trace.ending.kind != "complaint" or "CPU" not in trace.ending.detail:
        return None
    qemu = trace.machine.qemu if trace.machine else "this machine"
    return Diagnosis(
        "wrong-cpu",
        f'the kernel needs another CPU than {qemu} has; it says "{trace.ending.detail}"',
    )


def kernel_panic(trace: BootTrace) -> Diagnosis | None:
    """The kernel panicked."""
    if trace.ending.kind != "panic":
        return None
    return Diagnosis(
        "kernel-panic",
        f'the kernel panicked: "{trace.ending.detail}"',
        tuple(trace.serial.splitlines()[-12:]),
    )


def triple_fault(trace: BootTrace) -> Diagnosis | None:
    """The guest was reset and nothing better explains it."""
    if trace.ending.kind != "guest-reset":
        return None
    where = f"after {trace.milestones[-1].name}" if trace.milestones else "before the loader"
    return Diagnosis(
        "triple-fault",
        f"the guest was reset {trace.ending.seconds:.2f} s after launch, {where}{_last(trace)}",
        tuple(str(call) for call in trace.bios_calls[-4:]),
    )


def timed_out(trace: BootTrace) -> Diagnosis | None:
    """Nothing else is known but that the boot did not get on."""
    if trace.ending.kind == "reached":
        return None
    last = trace.milestones[-1].name if trace.milestones else "nothing"
    how = {
        "idle": "made no progress any more",
        "timeout": "was not finished in time",
        "guest-shutdown": "switched the machine off",
        "boot-failed": "gave up with INT 18h",
        "bootstrap": "asked for a new bootstrap with INT 19h",
    }.get(trace.ending.kind, trace.ending.kind)
    return Diagnosis(
        "timed-out",
        f"the boot {how} {trace.ending.seconds:.2f} s after launch; the last milestone was "
        f"{last}{_last(trace)}",
        tuple(str(call) for call in trace.bios_calls[-4:]),
    )


def _last(trace: BootTrace) -> str:
    if not trace.bios_calls:
        return ""
    call = trace.bios_calls[-1]
    returned = "" if call.registers_out else ", which did not return"
    where = seg_off(call.registers_in.cs, call.registers_in.ip)
    what = f"INT {call.number:02x}h AH={call.function:02x}h"
    return f"; the last BIOS call was {what} from {where}{returned}"
