"""A read that had not failed, and that the loader takes for one that had."""

from itertools import pairwise

from bootharness.recording.control import Astray
from bootharness.recording.footsteps import Step
from bootharness.recording.loaded import packets

__all__ = ["read_again"]

_DISK, _RESET = 0x13, 0x00
_CARRY = 1
_ON_CARRY = (2, 3)
_BETWEEN = 4
"""So many instructions may stand between a call and its jump."""


def read_again(steps: list[Step]) -> Astray | None:
    """Return the jump on the carry flag behind a read that was well, after which the loader resets
    the disk and reads the same once more."""
    for (at, packet), (again, other) in pairwise(packets(steps)):
        behind = steps[at + 1 : again]
        if packet != other or not behind or behind[0].cpu.values.get("efl", 0) & _CARRY:
            continue
        jump = next((each for each in behind[:_BETWEEN] if each.condition in _ON_CARRY), None)
        if jump and any(_resets(each) for each in behind):
            return Astray(jump, "takes a read for one that has failed, and it had not")
    return None


def _resets(step: Step) -> bool:
    return step.number == _DISK and step.cpu.register("ax") >> 8 == _RESET
