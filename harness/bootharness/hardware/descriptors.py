"""A line whose other end is behind file descriptors: a socket, a terminal, a program's pipes."""

import os
import select
from collections.abc import Callable

from bootharness.errors import LineLost
from bootharness.host.closing import Closing
from bootharness.host.deadline import Deadline

__all__ = ["DescriptorLine"]

_READ_BYTES = 1 << 16
_WRITE_S = 10.0


class DescriptorLine(Closing):
    """Bytes read from one descriptor and written to another, which may be the same.

    ``name`` is what the person calls the line, ``end`` gives them back, and ``why`` says what the
    other side has last said of itself.
    """

    def __init__(
        self,
        name: str,
        reads: int,
        writes: int,
        end: Callable[[], object],
        why: Callable[[], str] = lambda: "",
    ) -> None:
        self.name = name
        self._reads, self._writes, self._end, self._why = reads, writes, end, why
        for fd in {reads, writes}:
            os.set_blocking(fd, False)

    def read(self, timeout_s: float) -> bytes:
        """Return what came, nothing after the time. Raises LineLost when the other side is gone."""
        if not select.select([self._reads], [], [], timeout_s)[0]:
            return b""
        try:
            data = os.read(self._reads, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise LineLost(f"{self.name}: {error.strerror}") from error
        if not data:
            raise self._lost()
        return data

    def write(self, data: bytes) -> None:
        """Send bytes to the machine. Raises LineLost when they are not taken."""
        deadline = Deadline.after(_WRITE_S)
        while data:
            if not select.select([], [self._writes], [], deadline.remaining)[1]:
                raise LineLost(f"{self.name}: it takes no bytes any more")
            try:
                data = data[os.write(self._writes, data) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._lost() from error

    def close(self) -> None:
        """Give it back."""
        self._end()

    def _lost(self) -> LineLost:
        said = self._why()
        return LineLost(f"{self.name}: the other side has hung up{f': {said}' if said else ''}")
