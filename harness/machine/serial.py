"""The guest's serial line. QEMU writes the complete log; here it is watched for signs."""

import os
import re

import pexpect
from pexpect.fdpexpect import fdspawn

from harness.machine.qemu import SerialPipes

__all__ = ["SerialLine"]

# how far back a sign may have begun; longer lines than this carry none
_WINDOW_BYTES = 4096


class SerialLine:
    """The serial line; ``console`` is pexpect's, for tests that listen to the guest."""

    def __init__(self, pipes: SerialPipes) -> None:
        self._pipes = pipes
        self.console = fdspawn(pipes.from_guest, maxread=1 << 16, searchwindowsize=_WINDOW_BYTES)

    def fileno(self) -> int:
        """The file descriptor that is readable when the guest has written."""
        return self._pipes.from_guest

    def send(self, data: bytes) -> None:
        """Write to the guest."""
        os.write(self._pipes.to_guest, data)

    def next_sign(self, signs: list[re.Pattern[bytes]]) -> tuple[int, re.Match[bytes]] | None:
        """Return the sign that comes first in what has arrived, by index, and its match.

        What comes before it is consumed. None means that nothing more has arrived; that is
        not waited for.
        """
        try:
            index = self.console.expect_list([*signs], timeout=0)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return None
        return index, self.console.match
