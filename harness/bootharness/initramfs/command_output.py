"""What a command in a guest says, and how it ends, out of all that is on the serial line.

The line behind the output begins with a carriage return, which hardly any output ends with: so a
line of it is passed on with its end, before the next one comes.
"""

import re
from collections.abc import Callable

from bootharness.trace.observer import Observer

__all__ = ["CommandOutput", "ended"]


_BEGIN = re.compile(rb"\nbootharness: begin ([0-9a-f]{16})\r?\n")
_LONGEST = len("\nbootharness: begin \r\n") + 16


def ended(token: str) -> str:
    """Return the pattern of the line behind a command's output."""
    return rf"^bootharness: exit {token} \d{{1,3}}"


class CommandOutput(Observer):
    """Passes a command's output on to ``write`` as it comes; ``status`` is its exit status once it
    has ended."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._end, self._before_status, self._longest = _BEGIN, b"", _LONGEST
        self._write = write
        self._rest = b""
        self.began = False
        self.status: int | None = None

    def serial(self, written: bytes) -> None:
        """See what the guest has written to the serial line since the last time."""
        if self.status is not None:
            return
        self._rest += written
        if not self.began:
            found = _BEGIN.search(self._rest)
            self._rest = self._rest[found.end() if found else -self._longest :]
            if found:
                self.began = True
                self._before_status = b"\r\nbootharness: exit %b " % found[1]
                self._longest = len(self._before_status) + len("255\r\n")
                self._end = re.compile(rb"%b(\d{1,3})\r?\n" % self._before_status)
        if not self.began:
            return
        if found := self._end.search(self._rest):
            self.status = int(found[1])
            self._pass_on(found.start())
        else:
            self._pass_on(len(self._rest) - self._waiting())

    def _waiting(self) -> int:
        """Return how many of the last bytes may be the beginning of the line behind the output."""
        at = self._rest.rfind(b"\r", max(len(self._rest) - self._longest, 0))
        last = self._rest[at:] if at >= 0 else b""
        known = self._before_status
        return len(last) if known.startswith(last) or last.startswith(known) else 0

    def _pass_on(self, size: int) -> None:
        if size:
            self._write(self._rest[:size])
        self._rest = self._rest[size:]
