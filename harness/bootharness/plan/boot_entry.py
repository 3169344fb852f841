"""A boot entry of a UEFI as people write it."""

from bootharness.errors import UsageError

__all__ = ["check_boot_entry"]

_MOST = 4096


def check_boot_entry(given: str) -> None:
    """Raise UsageError for what names no file of a disk, or does not fit a variable."""
    if not given.startswith("\\") or len(given.partition(" ")[0]) < 2:
        raise UsageError(
            f"boot entry {given!r}: it begins with a file's name on the disk, as \\EFI\\linux.efi"
        )
    if len(given) > _MOST:
        raise UsageError(f"boot entry {given[:40]!r}...: it can have {_MOST:,} characters at most")
