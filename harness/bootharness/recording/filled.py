"""The memory that somebody has put something into, by a loader's steps; and whether the loader has
gone on to where nobody has."""

from collections.abc import Iterable

from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.control import Astray, goes_to
from bootharness.recording.footsteps import Step
from bootharness.routes.loader import ORIGIN

__all__ = ["Filled", "left_code"]

_VECTORS_END, _ROM_FROM = 0x500, 0xA0000
_BOOT_SECTOR = range(ORIGIN, ORIGIN + SECTOR_BYTES)
_FAR_JUMP = 0xEA


class Filled:
    """What the BIOS brought, what was read, and what the loader has written."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._read: list[range] = []
        self._written: set[int] = set()
        for step in steps:
            self.note(step)

    def note(self, step: Step) -> None:
        """Take note of what a step fills."""
        if len(step.wrote) and step.wrote not in self._read:
            self._read.append(step.wrote)
        for effect in step.effects:
            self._written.update(byte for byte in effect.into if isinstance(byte, int))

    def __contains__(self, linear: object) -> bool:
        assert isinstance(linear, int)
        if linear < _VECTORS_END or linear >= _ROM_FROM or linear in _BOOT_SECTOR:
            return True
        return linear in self._written or any(linear in each for each in self._read)


def left_code(steps: list[Step]) -> tuple[int, Astray | None] | None:
    """Return at which step a loader went to where nobody had put any code, and who is guilty as far
    as that is sure: of a return nobody knows whether it is, or what it was to return to. None where
    it has not."""
    filled = Filled()
    for at, step in enumerate(steps):
        if step.cpu.linear not in filled:
            by = steps[at - 1] if at else None
            direct = by is not None and (goes_to(by) is not None or by.code[0] == _FAR_JUMP)
            why = "goes to where nobody has put any code"
            return at, Astray(by, why) if by and direct else None
        filled.note(step)
    return None
