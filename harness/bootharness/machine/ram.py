"""The guest's memory, read where QEMU has it, without asking QEMU.

    0          A0000       100000                       2 GiB at the least
    | RAM      | VGA, ROMs | RAM                      ... | devices, and RAM above 4 GiB

QEMU has all RAM in one piece; up to there an address of the guest's is an offset in it.
Through QMP the same takes three times as long, and goes through a file.
"""

import os
import re
from pathlib import Path
from typing import Self

from bootharness.host.closing import Closing
from bootharness.kernels.content import Piece

__all__ = ["Ram"]

_HOLE = range(0xA0000, 0x100000)
_BELOW_DEVICES = 1 << 31
_BLOCK_BYTES = 1 << 18
_MAPPED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw", re.MULTILINE)


class Ram(Closing):
    """The RAM of a guest: ``size`` bytes from an address of QEMU's own on, in a file."""

    def __init__(self, file: int, address: int, size: int) -> None:
        self._file, self._address, self._size = file, address, size

    @classmethod
    def of(cls, process: int, address: int, size: int) -> Self | None:
        """Return the RAM that a process has at an address of its own.

        None where Linux does not let us read it, or where there is nothing of that size: a
        script that starts QEMU is not QEMU.
        """
        folder = Path(f"/proc/{process}")
        try:
            mapped = _MAPPED.findall((folder / "maps").read_text())
            if not any(
                int(start, 16) <= address and address + size <= int(end, 16)
                for start, end in mapped
            ):
                return None
            return cls(os.open(folder / "mem", os.O_RDONLY | os.O_CLOEXEC), address, size)
        except OSError:
            return None

    def holds(self, linear: int, count: int) -> bool:
        """Return whether a range of the guest's physical addresses is RAM, and lies here."""
        end = linear + count
        beside = end <= _HOLE.start or linear >= _HOLE.stop
        return beside and end <= min(self._size, _BELOW_DEVICES)

    def read(self, linear: int, count: int) -> bytes:
        """Return bytes that it holds. Raises OSError when QEMU is gone."""
        return os.pread(self._file, count, self._address + linear)

    def equals(self, linear: int, expected: Piece) -> bool:
        """Return whether bytes that it holds are the expected ones, as `read`.

        A block at a time: two of them stay in the CPU's cache.
        """
        for done in range(0, expected.size, _BLOCK_BYTES):
            wanted = expected.cut(done, min(_BLOCK_BYTES, expected.size - done)).read()
            if self.read(linear + done, len(wanted)) != wanted:
                return False
        return True

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
