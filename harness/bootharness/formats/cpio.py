"""The cpio archive that an initrd is (newc, Documentation/driver-api/early-userspace)."""

import stat

from msgspec import Struct

__all__ = ["CpioEntry", "build"]


class CpioEntry(Struct, frozen=True):
    """One file of an archive; ``device`` is (major, minor) of a device node."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def build(entries: tuple[CpioEntry, ...]) -> bytes:
    """Return the archive, the same bytes for the same entries."""
    archive = b""
    for inode, entry in enumerate((*entries, CpioEntry("TRAILER!!!", 0)), start=1):
        name = entry.name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        numbers = (
            inode,
            entry.mode,
            0,
            0,
            links,
            0,
            len(entry.data),
            0,
            0,
            *entry.device,
            len(name),
            0,
        )
        head = b"070701" + b"".join(b"%08x" % number for number in numbers) + name
        archive += _aligned(head) + _aligned(entry.data)
    return archive


def _aligned(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
