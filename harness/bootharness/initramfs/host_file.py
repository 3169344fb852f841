"""A file of this computer that is to be in an initramfs."""

import stat
from pathlib import Path

from bootharness.errors import UsageError

__all__ = ["MOST_BYTES", "host_file"]

MOST_BYTES = (1 << 31) - 1
"""Of an archive: initrd_addr_max is 0x7fffffff (boot.rst)."""


def host_file(path: Path) -> bytes:
    """Return what is in a file. Raises UsageError for what is none, cannot be read, or fits no
    initrd."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path}: not a file; `tree` takes folders")
        if status.st_size > MOST_BYTES:
            raise UsageError(f"{path}: {status.st_size:,} bytes; an initrd has less than 2 GiB")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
