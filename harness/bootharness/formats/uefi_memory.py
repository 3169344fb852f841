"""The free memory of a UEFI, as programs print it: `efi map` of the debugger, memmap of the UEFI
Shell, and a Linux with efi=debug (arch/x86/platform/efi/efi.c, efi_print_memmap).

What loaders have taken is free in what a Linux prints, for that was taken by itself: its own memory
and its initrd.
"""

import re
from collections.abc import Iterable

__all__ = ["free_memory", "room_for"]

_FREE = re.compile(
    r"(?:\[(?:Conventional|Loader (?:Code|Data))[^\n\]]*\] "
    r"range=\[0x(?P<linux>[0-9a-f]{1,16}-0x[0-9a-f]{1,16})\]"
    r"|^ *Available +(?P<shell>[0-9A-F]{16}-[0-9A-F]{16})\b"
    r"|^ *0x(?P<ours>[0-9a-f]{1,16} to 0x[0-9a-f]{1,16}) +[\d,]+ pages +free\b)",
    re.MULTILINE,
)
_BOUNDS = re.compile(r"[0-9A-Fa-f]+(?![0-9A-Za-z])")


def free_memory(text: str) -> tuple[range, ...]:
    """Return the holes of a memory map, by their addresses, those that adjoin as one."""
    holes: list[range] = []
    for found in _FREE.finditer(text):
        said = next(filter(None, found.groups())).replace("0x", "")
        start, last = (int(each, 16) for each in _BOUNDS.findall(said))
        holes.append(range(start, last + 1))
    joined: list[range] = []
    for hole in sorted(holes, key=lambda each: each.start):
        if joined and hole.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, hole.stop))
        elif hole:
            joined.append(hole)
    return tuple(joined)


def room_for(holes: Iterable[range], *, lowest: int, alignment: int) -> int:
    """Return how large something that has an alignment may be, in one of the holes, from an address
    on, in bytes."""
    rooms = (hole.stop - _aligned(max(hole.start, lowest), alignment) for hole in holes)
    return max([0, *rooms])


def _aligned(address: int, alignment: int) -> int:
    return -(-address // alignment) * alignment
