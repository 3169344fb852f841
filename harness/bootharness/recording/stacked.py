"""A stack that lies in the loader's own code."""

from collections.abc import Iterator

from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.recording.effects import register_bytes
from bootharness.recording.field import Field
from bootharness.recording.footsteps import Step
from bootharness.routes.loader import ORIGIN

__all__ = ["stacked_on_code"]

_CODE = range(ORIGIN + 1, ORIGIN + SECTOR_BYTES)
_FRAME_BYTES = 6
"""What an INT pushes."""


def stacked_on_code(steps: list[Step]) -> Iterator[tuple[int, Field]]:
    """Yield the stack pointer, and at which step, of the first call that pushes into what the
    loader in a boot sector executes."""
    executed = {step.cpu.linear for step in steps}
    for at, step in enumerate(steps):
        top = step.cpu.bases["ss"] + step.cpu.register("sp")
        pushed = range(top - _FRAME_BYTES, top)
        if step.number is None or top not in _CODE or step.cpu.linear not in _CODE:
            continue
        if any(each in executed for each in pushed):
            yield at, Field("SP, in the loader's code", register_bytes("sp"), None)
            return
