"""What the kernel's and the loader's bytes in memory are, beside those of the files."""

from __future__ import annotations

import gdb

from .calls import HISTORY
from .guest import GUEST
from .places import address, symbol

_BLOCK = 1 << 16


def real_mode_kernel() -> int:
    """Return where the real-mode kernel lies: as it is entered, or where there is its magic."""
    if HISTORY.kernel_is_there:
        return (HISTORY.kernel_entry or 0) - 0x200
    start, end = 0x500, 0x9F000
    while True:
        found = gdb.selected_inferior().search_memory(start, end - start, b"HdrS")
        if found is None or not start <= int(found) < end:  # where memory is not mapped: anything
            raise gdb.GdbError("There is no setup header in memory.")
        base = int(found) - 0x202
        # loaders compare with the magic, and so have it in their code
        if base > 0 and GUEST.memory(base + 0x1FE, 3) == b"\x55\xaa\xeb":
            return base
        start = int(found) + 1


def comparison(what: str, base: int, wanted: bytes, apart: tuple[tuple[int, int], ...] = ()) -> str:
    """Compare memory with bytes; ``apart`` are offsets and sizes that a loader is to change."""
    differ, first = 0, None
    for start in range(0, len(wanted), _BLOCK):
        expected = bytearray(wanted[start : start + _BLOCK])
        try:
            found = GUEST.memory(base + start, len(expected))
        except gdb.MemoryError:
            found = bytes(byte ^ 0xFF for byte in expected)
        for at, size in apart:
            if start <= at < start + _BLOCK:
                expected[at - start : at - start + size] = found[at - start : at - start + size]
        if found != expected:
            here = int.from_bytes(expected, "big") ^ int.from_bytes(found, "big")
            differences = here.to_bytes(len(expected), "big")
            differ += len(differences) - differences.count(0)
            if first is None:
                first = base + start + len(differences) - len(differences.lstrip(b"\0"))
    line = f"  {what:<21} {address(base)}  "
    if first is None:
        return f"{line}all {len(wanted):,} bytes equal the file"
    equal, where = len(wanted) - differ, f"{address(first)}{symbol(first)}"
    return f"{line}{equal:,} of {len(wanted):,} bytes equal the file, the first other at {where}"
