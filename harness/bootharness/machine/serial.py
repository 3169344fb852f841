"""The guest's serial line. QEMU writes the complete log; here it is watched for signs."""

import heapq
import os
import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from bootharness.machine.qemu import PIPE_BYTES, SerialPipes
from bootharness.trace.signs import Sign

if TYPE_CHECKING:
    from pexpect.fdpexpect import fdspawn

__all__ = ["SerialLine"]

# how far back a sign may have begun; longer lines than this carry none
_WINDOW_BYTES = 4096


class SerialLine:
    """The serial line, for the harness (`signs`) or for a test that listens (`console`)."""

    def __init__(self, pipes: SerialPipes) -> None:
        self._pipes = pipes
        self._window = b""
        self._taken = 0
        self.fresh = b""
        """What the last reading has brought."""

    @cached_property
    def console(self) -> "fdspawn":
        """The guest's side of the line as pexpect has it; for who does not ask for signs."""
        from pexpect.fdpexpect import fdspawn  # a watched boot does without

        return fdspawn(self._pipes.from_guest, maxread=1 << 16)

    def fileno(self) -> int:
        """The file descriptor that is readable when the guest has written."""
        return self._pipes.from_guest

    def send(self, data: bytes) -> None:
        """Write to the guest."""
        os.write(self._pipes.to_guest, data)

    def take(self) -> bytes:
        """Return what the guest has written since the last time, as much as the pipe holds."""
        try:
            return os.read(self._pipes.from_guest, PIPE_BYTES)
        except BlockingIOError:
            return b""

    def signs(self, wanted: list[Sign]) -> Iterator[tuple[int, Sign, re.Match[bytes]]]:
        """Yield the signs in what has arrived by now, in their order, and where each begins in all
        that was written, in bytes. Nothing is waited for.

        However much the guest writes, this looks at as much as the pipe holds, once.
        """
        self.fresh = self.take()
        if not self.fresh:
            return
        text = self._window + self.fresh
        self._taken += len(self.fresh)
        begin = self._taken - len(text)
        found = [
            (match.start(), order, match)
            for order, sign in enumerate(wanted)
            for match in sign.pattern.finditer(text)
        ]
        seen = max((match.end() for _, _, match in found), default=0)
        self._window = text[max(seen, len(text) - _WINDOW_BYTES) :]
        heapq.heapify(found)
        while found:
            start, order, match = heapq.heappop(found)
            yield begin + start, wanted[order], match
