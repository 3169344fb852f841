"""What was booted: the kernel, the loader, and what lies on the disk."""

from msgspec import Struct

from bootharness.formats.bzimage import SetupHeader

__all__ = ["DiskFacts", "KernelFacts", "LoaderFacts"]


class KernelFacts(Struct, frozen=True):
    """The kernel build under test; sizes in bytes."""

    source: str
    """What the person calls it."""
    sha256: str
    """The file's digest."""
    release: str
    """The version that it tells."""
    compression: str
    """What its payload is compressed with."""
    file_bytes: int
    """The size of the file."""
    real_mode_bytes: int
    """The size of boot sector and setup code."""
    payload_bytes: int
    """The size of the protected-mode kernel."""
    missing_bytes: int
    """How much of what the header promises the file does not have."""
    header: SetupHeader
    """The setup header."""
    efi_stub: bool = True
    """Whether a UEFI can start it."""
    inside: str = ""
    """What it was unpacked from; empty for a file that is a bzImage itself."""


class LoaderFacts(Struct, frozen=True):
    """The loader."""

    name: str
    """``stage1``, or its file."""
    sha256: str
    """The digest of its bytes."""
    symbols: dict[str, int]
    """Its labels as linear addresses."""
    manager: bool = False
    """Whether it finds its kernel by itself: nobody tells it where that lies."""

    def symbol_at(self, linear: int) -> str | None:
        """Write an address by the label before it, ``load_high+0x5``; None outside the loader."""
        below = [(place, name) for name, place in self.symbols.items() if place <= linear]
        if not below or linear > max(self.symbols.values()):
            return None
        place, name = max(below)
        return f"{name}+0x{linear - place:x}" if linear > place else name


class DiskFacts(Struct, frozen=True):
    """What lies where on the disk image: LBAs in sectors, the initrd in bytes and linear.

    ``boot_sector`` is its first sector in hex, ``blank_lba`` where the last read began, if all of
    it was zeros. What is None of a disk that somebody else made is not known.
    """

    path: str
    bytes: int
    kernel_lba: int | None
    cmdline_lba: int | None
    cmdline: str | None
    initrd_lba: int | None
    initrd_bytes: int | None
    initrd_address: int | None
    boot_sector: str
    blank_lba: int | None = None
