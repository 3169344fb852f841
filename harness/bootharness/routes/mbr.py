"""The disk that a plan needs, whether it is booted or only predicted."""

from pathlib import Path

from bootharness.kernels.image import KernelImage
from bootharness.plan import BootPlan
from bootharness.routes.disk import DiskLayout
from bootharness.routes.loader import Loader

__all__ = ["lay_out"]


def lay_out(kernel: KernelImage, loader: Loader, plan: BootPlan) -> DiskLayout:
    """Return the layout of the disk image for a boot. Raises UsageError for what cannot be."""
    initrd: bytes | Path | None = plan.initrd
    if initrd is None and plan.until == "init" and loader.takes_initrd:
        from bootharness.kernels.initrd import tiny_initrd  # a boot to the banner does without

        initrd = tiny_initrd(wide=kernel.header.is_64_bit)
    return DiskLayout.plan(
        loader,
        kernel,
        cmdline=plan.cmdline,
        memory_bytes=plan.machine.memory_bytes,
        initrd=initrd,
    )
