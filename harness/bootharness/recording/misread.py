"""Reads of the setup header at a place where no field begins that a loader is to read, or of its
magic for another one."""

from bootharness.formats.bzimage import header_fields, offset_of
from bootharness.formats.loading import MAGIC
from bootharness.recording.control import Astray
from bootharness.recording.footsteps import Step
from bootharness.recording.operands import own_address

__all__ = ["misread"]

_OBSOLETE = ("root_flags", "ram_size", "root_dev")
_HEADER_END = 0x280
_BITS = 16


def misread(steps: list[Step], start: int) -> Astray | None:
    """Return the first instruction that reads the header of the kernel at ``start`` by an address
    in its own code, where no field begins, or one that is of no use. Of a field's own place it is
    the segment that is wrong, which others have set."""
    begins = {
        offset for name, offset, _ in header_fields() if name not in _OBSOLETE
    } | {offset + 2 for _, offset, size in header_fields() if size == 4}  # fmt: skip
    for step in steps:
        for effect in step.effects:
            if effect.kind not in ("copy", "compare") or not effect.source:
                continue
            first = effect.source[0]
            if not isinstance(first, int) or not start <= first < start + _HEADER_END:
                continue
            at, own = first - start, own_address(step.code, _BITS)
            if at == offset_of("header") and effect.kind == "compare" and not effect.against:
                magic = int.from_bytes(MAGIC[: len(effect.source)], "little")
                if effect.number != magic and own is not None:
                    return Astray(step, f"compares the kernel's magic with {effect.number:#x}")
            if at not in begins and own is not None and own not in begins:
                return Astray(step, f"reads the kernel's header at {at:#x}, where no field begins")
    return None
