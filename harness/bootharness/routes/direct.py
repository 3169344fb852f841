"""A kernel that QEMU loads by itself, with -kernel: stands where a disk image stands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bootharness.formats.bzimage import SetupHeader
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage
from bootharness.kernels.initrd import initrd_bytes
from bootharness.plan import BootPlan

__all__ = ["DirectImage"]


@dataclass(frozen=True)
class DirectImage:
    """The kernel, command line and initrd that QEMU is given; ``initrd_path`` is its file."""

    kernel: KernelImage
    cmdline: str
    initrd: bytes
    initrd_path: Path

    loader = None
    """What loads the kernel is QEMU's own."""

    @classmethod
    def make(cls, kernel: KernelImage, plan: BootPlan, folder: Path) -> Self:
        """Return what a plan gives to QEMU; the initrd is written to ``folder``.

        Raises UsageError when the initrd cannot be read.
        """
        content, path = initrd_bytes(kernel, plan), folder / "initrd.img"
        path.write_bytes(content)
        return cls(kernel, plan.cmdline, content, path)

    def initrd_in_memory(self, header: SetupHeader) -> tuple[int, Piece] | None:
        """Return where QEMU says that it put the initrd, and the initrd."""
        return (header.ramdisk_image, Piece.of(self.initrd)) if header.ramdisk_image else None
