"""What a boot has proven: what lies in guest memory at the handoff, against what the files say."""

from msgspec import Struct

from bootharness.formats.bzimage import offset_of
from bootharness.trace.handoff import Comparison

__all__ = ["LOADER_FIELDS", "Proof", "compare", "without_loader_fields"]

_BLOCK_BYTES = 1 << 16

LOADER_FIELDS = {
    "root_flags": 2,
    "ram_size": 2,
    "vid_mode": 2,
    "root_dev": 2,
    "realmode_swtch": 4,
    "type_of_loader": 1,
    "loadflags": 1,
    "setup_move_size": 2,
    "code32_start": 4,
    "ramdisk_image": 4,
    "ramdisk_size": 4,
    "heap_end_ptr": 2,
    "ext_loader_ver": 1,
    "ext_loader_type": 1,
    "cmd_line_ptr": 4,
    "kernel_alignment": 4,
    "hardware_subarch": 4,
    "hardware_subarch_data": 8,
    "setup_data": 8,
}
"""What boot.rst lets a loader write or modify, and how many bytes of it."""


class Proof(Struct, frozen=True):
    """What was seen of a kernel being loaded: whether its entry was, and how many bytes of its
    protected-mode part were compared with the file, equal or not.

    ``not_compared`` says why there are none, None where there are some. ``initrd`` tells whether
    the loader was given one, None where that is not known. ``banner`` is the release in the
    kernel's own banner, ``heard_on`` where other words came from it without one, ``userspace``
    whether an /init ran and lived on.
    """

    entered: bool
    compared_bytes: int
    not_compared: str | None
    initrd: bool | None
    banner: str = ""
    heard_on: str = ""
    userspace: bool = False
    pieces: int = 0
    """In how many pieces of 64 KiB that part was compared by their sums, 0 where byte by byte."""


def compare(address: int, expected: bytes, found: bytes) -> Comparison:
    """Compare what was found at a linear address with what should be there.

    Bytes that were expected and could not be read, beyond the end of memory, differ.
    """
    if expected == found:
        return Comparison(address, len(expected))
    differing, first = 0, None
    for start in range(0, len(expected), _BLOCK_BYTES):
        wanted = expected[start : start + _BLOCK_BYTES]
        seen = found[start : start + _BLOCK_BYTES]
        if wanted == seen:
            continue
        differences = _differences(wanted, seen)
        differing += len(differences) - differences.count(0)
        if first is None:
            first = start + len(differences) - len(differences.lstrip(b"\0"))
    if first is None:  # more was read than asked for
        return Comparison(address, len(expected))
    return Comparison(
        address,
        len(expected),
        differing,
        first,
        expected[first],
        found[first] if first < len(found) else None,
    )


def _differences(wanted: bytes, seen: bytes) -> bytes:
    """Return bytes that are 0 where two runs of bytes are equal."""
    both = min(len(wanted), len(seen))
    one, other = (int.from_bytes(run[:both], "big") for run in (wanted, seen))
    return (one ^ other).to_bytes(both, "big") + b"\1" * (len(wanted) - both)


def without_loader_fields(real_mode: bytes, stack: range = range(0)) -> bytes:
    """Return a real-mode kernel with zeros where a loader is to write, and in the stack."""
    blanked = bytearray(real_mode)
    for name, size in LOADER_FIELDS.items():
        at = offset_of(name)
        blanked[at : at + size] = bytes(size)
    for at in range(stack.start, min(stack.stop, len(blanked))):
        blanked[at] = 0
    return bytes(blanked)
