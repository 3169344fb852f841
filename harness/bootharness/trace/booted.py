"""What was booted: the kernel, the loader, and what lies on the disk."""

from msgspec import Struct

from bootharness.formats.bzimage import SetupHeader

__all__ = ["DiskFacts", "KernelFacts", "LoaderFacts"]


class KernelFacts(Struct, frozen=True):
    """The kernel build under test; sizes in bytes.

    ``efi_stub`` is whether a UEFI can start it, ``inside`` what it was unpacked from.
    """

    source: str
    sha256: str
    release: str
    compression: str
    file_bytes: int
    real_mode_bytes: int
    payload_bytes: int
    missing_bytes: int
    header: SetupHeader
    efi_stub: bool = True
    inside: str = ""


class LoaderFacts(Struct, frozen=True):
    """The loader, and its symbols as linear addresses.

    A ``manager`` finds its kernel by itself: nobody tells it where that lies.
    """

    name: str
    sha256: str
    symbols: dict[str, int]
    manager: bool = False

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
