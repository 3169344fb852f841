"""A kernel that was entered elsewhere than at its entry (boot protocol, "Running the Kernel")."""

from itertools import pairwise

from bootharness.recording.control import Astray
from bootharness.recording.footsteps import Step
from bootharness.recording.loaded import kernels_at
from bootharness.trace.boot_trace import BootTrace

__all__ = ["entered_elsewhere"]

_ENTRY = 0x200
_FAR_JUMP = 0xEA


def entered_elsewhere(steps: list[Step], trace: BootTrace) -> Astray | None:
    """Return the far jump into the real-mode kernel that does not go to its entry, of a loader that
    has read it there; None where the kernel was entered, or by another way."""
    if trace.handoff or trace.kernel is None or trace.loads_itself:
        return None
    starts = tuple(kernels_at(steps, trace))
    size = trace.kernel.real_mode_bytes
    for step, after in pairwise(steps):
        went = after.cpu.linear
        inside = [start for start in starts if start <= went < start + size]
        if not inside or any(start <= step.cpu.linear < start + size for start in inside):
            continue
        if step.code[0] != _FAR_JUMP or any(went == start + _ENTRY for start in inside):
            return None
        return Astray(step, f"goes to {went - inside[0]:#x} in the kernel, whose entry is at 0x200")
    return None
