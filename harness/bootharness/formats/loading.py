"""How a kernel is loaded: where it is found in what was read, where each part of it is to go.

These rules hold inside gdb as well, whose Python may be an older one: nothing is imported here
but what every Python has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["MAGIC", "MAGIC_AT", "SETUP_AT", "Destinations", "setup_code_at"]

MAGIC = b"HdrS"
MAGIC_AT = 0x202
SETUP_AT = 0x200
"""Where setup code begins and is entered: a sector behind the start of a real-mode kernel."""
_24_BITS = 0xFFFFFF


def setup_code_at(buffer: int, memory: Callable[[int, int], bytes]) -> int | None:
    """Return where setup code begins, linear, if a read has brought it to a buffer.

    What was read begins with it or with its boot sector. ``memory`` returns so many bytes from
    an address on.
    """
    for start in (buffer, buffer + SETUP_AT):
        if memory(start + MAGIC_AT - SETUP_AT, len(MAGIC)) == MAGIC:
            return start
    return None


class Destinations:
    """Where each block move should go, asked in their order.

    ``starts`` are the linear addresses at which something begins that is placed, the payload
    first, which ends at ``payload_end``. A move that does not begin one of them continues the one
    before it.
    """

    def __init__(self, starts: Iterable[int], payload_end: int | None) -> None:
        self._starts = [*starts]
        self._payload_end = payload_end
        self._next: int | None = None

    def wanted(self, destination: int, size: int) -> int:
        """Return where a move of so many bytes should go that went to ``destination``."""
        end = self._payload_end
        if self._next is None or self._next == end:
            begins = [start for start in self._starts if destination in (start, start & _24_BITS)]
            self._next = begins[0] if begins else destination
        wanted = self._next
        self._next += size
        if end is not None and self._next > end > wanted:
            self._next = end  # the last move of a payload may be rounded up
        return wanted
