"""The guest's memory: a file in memory, of ours, that QEMU maps.

    0          A0000       100000                       2 GiB at the least
    | RAM      | VGA, ROMs | RAM                      ... | devices, and RAM above 4 GiB

What QEMU calls RAM lies in the file where the guest has it, up to there. It can be read
without asking QEMU, which takes twice as long as reading, and saves it to a disk first.
"""

import os

from bootharness.errors import LaunchFailed
from bootharness.host.closing import Closing
from bootharness.kernels.content import Piece

__all__ = ["Ram"]

_HOLE = range(0xA0000, 0x100000)
_BELOW_DEVICES = 1 << 31
_BLOCK_BYTES = 1 << 18


class Ram(Closing):
    """Memory for a machine, of so many bytes. Raises LaunchFailed when there is none to be had."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fd = os.memfd_create("bootharness-ram")
        try:
            os.ftruncate(self.fd, size)
        except OSError as error:
            os.close(self.fd)
            raise LaunchFailed(
                f"{size:,} bytes of memory cannot be made for the guest: {error.strerror}"
            ) from error

    def holds(self, linear: int, count: int) -> bool:
        """Return whether a range of physical addresses is in the file, where the guest has it."""
        end = linear + count
        beside = end <= _HOLE.start or linear >= _HOLE.stop
        return beside and end <= min(self.size, _BELOW_DEVICES)

    def read(self, linear: int, count: int) -> bytes:
        """Return bytes that the file holds."""
        return os.pread(self.fd, count, linear)

    def equals(self, linear: int, expected: Piece) -> bool:
        """Return whether bytes that the file holds are the expected ones.

        A block at a time: two of them stay in the CPU's cache.
        """
        for done in range(0, expected.size, _BLOCK_BYTES):
            wanted = expected.cut(done, min(_BLOCK_BYTES, expected.size - done)).read()
            if self.read(linear + done, len(wanted)) != wanted:
                return False
        return True

    def close(self) -> None:
        """Let go of the memory; QEMU keeps it as long as it runs."""
        os.close(self.fd)
