"""What a machine can boot: a disk image, a network's files, or what QEMU loads by itself."""

from harness.direct import DirectImage
from harness.disk import DiskImage
from harness.netimage import NetImage

__all__ = ["Bootable"]

Bootable = DiskImage | NetImage | DirectImage
