"""What a trace keeps of the kernel, the loader and the disk image: enough to judge without them."""

import hashlib

from bootharness.errors import KernelUnavailable
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.kernels.image import KernelImage
from bootharness.routes.bootable import Bootable
from bootharness.routes.direct import DirectImage
from bootharness.routes.disk import DiskLayout
from bootharness.routes.loader import Loader
from bootharness.routes.net_image import NetImage
from bootharness.trace.boot_trace import DiskFacts, KernelFacts, LoaderFacts

__all__ = ["disk_facts", "kernel_facts", "loader_facts"]


def kernel_facts(kernel: KernelImage) -> KernelFacts:
    """Return the facts of a kernel build."""
    return KernelFacts(
        source=kernel.source,
        sha256=kernel.sha256,
        release=kernel.release,
        compression=kernel.compression,
        file_bytes=kernel.file_bytes,
        real_mode_bytes=kernel.real_mode_bytes,
        payload_bytes=kernel.payload_bytes,
        missing_bytes=kernel.missing_bytes,
        header=kernel.header,
    )


def loader_facts(loader: Loader) -> LoaderFacts:
    """Return the facts of a loader."""
    sha256 = hashlib.sha256(loader.binary).hexdigest()
    return LoaderFacts(loader.name, sha256, loader.symbols)


def disk_facts(disk: Bootable | DiskLayout) -> DiskFacts | None:
    """Return the facts of a disk image, None of what boots without one.

    Raises KernelUnavailable when it cannot be read.
    """
    if isinstance(disk, NetImage | DirectImage):
        return None
    try:
        boot_sector = disk.read(0, SECTOR_BYTES).hex()
        size = disk.size_bytes
    except OSError as error:
        raise KernelUnavailable(f"{disk.name}: {error.strerror}") from error
    ours = disk.kernel is not None
    told = disk.loader.patches if disk.loader else {}
    return DiskFacts(
        path=disk.name,
        bytes=size,
        kernel_lba=disk.kernel_lba if ours else None,
        cmdline_lba=disk.cmdline_lba if "cmdline_lba" in told else None,
        cmdline=disk.cmdline if "cmdline_lba" in told else None,
        initrd_lba=disk.initrd.lba if disk.initrd else None,
        initrd_bytes=disk.initrd.size if disk.initrd else None,
        initrd_address=disk.initrd.address if disk.initrd else None,
        boot_sector=boot_sector,
    )
