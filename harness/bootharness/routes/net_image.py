"""What a network serves to boot one kernel: stands where a disk image stands."""

from dataclasses import dataclass

from bootharness.formats.bzimage import SetupHeader
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage

__all__ = ["NetImage"]


@dataclass(frozen=True)
class NetImage:
    """The files of a network boot by name. ``roles`` names those it needs by what they are for."""

    path: str
    firmware: str
    kernel: KernelImage
    cmdline: str
    initrd: bytes
    contents: dict[str, bytes]
    roles: dict[str, str]

    loader = None
    """What loads the kernel is among the files, and not ours."""

    def initrd_in_memory(self, header: SetupHeader) -> tuple[int, Piece] | None:
        """Return where the boot program says that it put the initrd, and the initrd."""
        return (header.ramdisk_image, Piece.of(self.initrd)) if header.ramdisk_image else None
