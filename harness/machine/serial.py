"""The guest's serial line. QEMU writes the complete log; here it is watched for signs."""

import re
import socket

import pexpect
from pexpect.fdpexpect import fdspawn

__all__ = ["SerialLine"]

# how far back a sign may have begun; longer lines than this carry none
_WINDOW_BYTES = 4096


class SerialLine:
    """One end of the serial line; ``console`` is pexpect's, for tests that talk to the guest."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        end.setblocking(False)
        self.console = fdspawn(end, maxread=1 << 16, searchwindowsize=_WINDOW_BYTES)
        self.received_bytes = 0

    def fileno(self) -> int:
        """The file descriptor that is readable when the guest has written."""
        return self.socket.fileno()

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

    def close(self) -> None:
        """Close this end."""
        self.socket.close()
