"""What a machine can boot: a disk image, a network's files, or what QEMU loads by itself."""

from bootharness.routes.direct import DirectImage
from bootharness.routes.disk import DiskImage
from bootharness.routes.net_image import NetImage

__all__ = ["Bootable"]

Bootable = DiskImage | NetImage | DirectImage
