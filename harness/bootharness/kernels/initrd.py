"""The project's own initrd: a tiny /init that says that userspace was reached."""

import stat
from pathlib import Path

from bootharness.formats.cpio import CpioEntry, build
from bootharness.host.assembler import assemble_flat, shipped
from bootharness.host.regular import read_regular
from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan

__all__ = ["INIT_MARKER", "initrd_bytes", "tiny_initrd"]

INIT_MARKER = "bootharness: init reached"
"""What /init writes to the console."""


_LIMIT_BYTES = (1 << 32) - 1


def tiny_initrd(*, wide: bool) -> bytes:
    """Return the archive, with a 64-bit or a 32-bit /init.

    /dev/console is in it, because /init is started before devtmpfs is mounted.
    """
    init = assemble_flat(shipped("images/init.asm"), WORD=8 if wide else 4)
    return build(
        (
            CpioEntry("dev", stat.S_IFDIR | 0o755),
            CpioEntry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)),
            CpioEntry("init", stat.S_IFREG | 0o755, init),
        )
    )


def initrd_bytes(kernel: KernelImage, plan: BootPlan) -> bytes:
    """Return the initrd that a plan gives to a kernel, the tiny one where it names none.

    Raises UsageError when it cannot be read.
    """
    if plan.initrd is None:
        return tiny_initrd(wide=kernel.header.is_64_bit)
    return read_regular(Path(plan.initrd), most=_LIMIT_BYTES)
