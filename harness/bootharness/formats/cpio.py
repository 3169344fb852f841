"""The cpio archive that an initrd is (newc, Documentation/driver-api/early-userspace)."""

import stat
from collections.abc import Iterable, Iterator

from msgspec import Struct

__all__ = ["CpioEntry", "build"]


class CpioEntry(Struct, frozen=True):
    """One file of an archive; ``device`` is (major, minor) of a device node."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def build(entries: Iterable[CpioEntry]) -> bytes:
    """Return the archive, the same bytes for the same entries."""
    return b"".join(_pieces(entries))


def _pieces(entries: Iterable[CpioEntry]) -> Iterator[bytes]:
    for inode, entry in enumerate((*entries, CpioEntry("TRAILER!!!", 0)), start=1):
        name = entry.name.encode(errors="surrogateescape") + b"\0"
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        # inode, mode, owner, group, links, time, size, device, device of a node, name, checksum
        numbers = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device,
                   len(name), 0)  # fmt: skip
        head = b"070701" + b"".join(b"%08x" % number for number in numbers) + name
        yield head
        yield bytes(-len(head) % 4)
        yield entry.data
        yield bytes(-len(entry.data) % 4)
