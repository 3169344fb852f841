"""What a network serves to boot one kernel."""

from msgspec import Struct

from bootharness.kernels.image import KernelImage

__all__ = ["NetImage"]


class NetImage(Struct, frozen=True, dict=True):
    """The files of a network boot by name, for a path of `net_paths.PATHS`.

    ``roles`` names those that it needs by what they are for.
    """

    path: str
    kernel: KernelImage
    initrd: bytes
    contents: dict[str, bytes]
    roles: dict[str, str]
