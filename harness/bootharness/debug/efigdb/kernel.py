"""The kernel itself, where it has put itself: that is chosen at each boot (KASLR)."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from threading import Timer

import gdb

from .guest import memory, register

_LOWEST, _HIGHEST = 0xFFFFFFFF80000000, 0xFFFFFFFFC0000000
"""Where Linux on x86-64 maps its own image (Documentation/arch/x86/x86_64/mm.rst)."""
_STEP = 0x200000
"""It lies at a multiple of this there: CONFIG_PHYSICAL_ALIGN has no less on x86-64."""
_BANNER = b"Linux version "
_COMPARED = 64
_SLICE_S, _LIMIT_S = 0.02, 300.0
_LOAD = 1


def until_kernel() -> str:
    """Run until the kernel is where it belongs, and say where. Nobody knows that place before, so
    the machine is stopped again and again."""
    until = time.monotonic() + _LIMIT_S
    gdb.execute("set suppress-cli-notifications on")
    while time.monotonic() < until:
        timer = Timer(_SLICE_S, gdb.post_event, [_interrupt])
        timer.start()
        try:
            gdb.execute("continue", to_string=True)
        finally:
            timer.cancel()
        if _LOWEST <= register("rip") < _HIGHEST:
            return f"the kernel runs at its own addresses, at {register('rip'):#x}"
    raise gdb.GdbError("The kernel did not come to its own addresses.")


def is_kernel(file: str) -> bool:
    """Return whether a file is a vmlinux: linked to where the kernel maps itself."""
    return any(_LOWEST <= start < _HIGHEST for start, _, _ in _loads(file))


def moved_by(file: str) -> int:
    """Return how far the kernel that runs lies from where its vmlinux is linked to.

    It is found by its banner, which the file must have, too.
    """
    content = Path(file).read_bytes()
    for start, offset, size in _loads(file):
        at = content.find(_BANNER, offset, offset + size)
        if start < _LOWEST or at < 0:
            continue
        linked, said = start + at - offset, content[at : at + _COMPARED]
        for place in range(_LOWEST + linked % _STEP, _HIGHEST, _STEP):
            if _has(place, said):
                return place - linked
    raise gdb.GdbError(
        f"The kernel of {file} is not in memory where the CPU is now: `until-kernel' first, or "
        "stop it outside of userspace."
    )


def _has(place: int, said: bytes) -> bool:
    try:
        return memory(place, len(said)) == said
    except gdb.MemoryError:
        return False


def _loads(file: str) -> list[tuple[int, int, int]]:
    """Return the pieces of an ELF file of 64 bits that are loaded: their addresses, and where they
    are in the file; none of another file."""
    try:
        with Path(file).open("rb") as opened:
            head = opened.read(64)
            if head[:5] != b"\x7fELF\x02":
                return []
            (table,) = struct.unpack_from("<Q", head, 32)
            step, count = struct.unpack_from("<HH", head, 54)
            opened.seek(table)
            entries = opened.read(step * count)
        each = [struct.unpack_from("<I4xQQ8xQ", entries, step * at) for at in range(count)]
    except (OSError, struct.error) as error:
        raise gdb.GdbError(f"{file}: {error}.") from None
    return [(start, offset, size) for kind, offset, start, size in each if kind == _LOAD]


def _interrupt() -> None:
    gdb.execute("interrupt")
