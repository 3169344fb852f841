"""What is kept of a file that goes over a wire from a server that is not ours; it is bounded."""

import hashlib

from msgspec import Struct, field

__all__ = ["Kept", "WatchedContent"]

HEAD_BYTES = 1 << 14
"""Enough to tell what a file is."""
_KERNEL_AT, _KERNEL_MAGIC = 0x202, b"HdrS"
_MOST_KEPT = 256 << 20


class Kept(Struct):
    """How much of all files is in memory."""

    bytes: int = 0


class WatchedContent(Struct):
    """A file as it comes: its size, its digest, its beginning, and all of it if it is a kernel."""

    kept: Kept
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    data: bytearray = field(default_factory=bytearray)
    whole: bool = True
    """Whether all that has come is in ``data``."""

    def add(self, piece: bytes) -> None:
        """Take what comes next."""
        self.size += len(piece)
        self.digest.update(piece)
        room = HEAD_BYTES - len(self.data) if not self.is_kernel else len(piece)
        room = min(room, _MOST_KEPT - self.kept.bytes) if self.whole else 0
        self.data += piece[: max(room, 0)]
        self.kept.bytes += min(max(room, 0), len(piece))
        self.whole = self.whole and len(self.data) == self.size

    @property
    def is_kernel(self) -> bool:
        """Whether it has the magic of a kernel's setup header."""
        return self.data[_KERNEL_AT : _KERNEL_AT + 4] == _KERNEL_MAGIC
