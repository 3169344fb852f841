"""An initrd, and where a loader is to put it."""

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.formats.bzimage import SetupHeader
from bootharness.kernels.content import Piece
from bootharness.kernels.image import KernelImage
from bootharness.text import address

__all__ = ["Initrd", "place_for"]

_HIGH_MEMORY = 0x100000
# what the BIOS keeps for its tables at the top of memory, generously
_BIOS_RESERVE = 1 << 20
# where the hole below 4 GiB may begin on a q35 machine
_LOW_MEMORY_LIMIT = 0x8000_0000


class Initrd(Struct, frozen=True):
    """An initrd, and where the loader is to put it, linear; None is its own choice.

    ``lba`` is where on a disk it lies, 0 where it comes from elsewhere.
    """

    content: Piece
    address: int | None = None
    lba: int = 0

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.content.size

    def in_memory(self, header: SetupHeader) -> tuple[int, Piece] | None:
        """Return where it lies in memory, linear, and what should lie there.

        Where the loader chose the place it is in the setup header; None where that has none.
        """
        place = header.ramdisk_image if self.address is None else self.address
        return (place, self.content) if place else None


def place_for(size: int, kernel: KernelImage, memory_bytes: int) -> int:
    """Return the highest page below the BIOS's tables, linear; where there is no room, from 1 MiB
    upwards.

    An initrd that does not fit the machine is placed all the same: that boot fails, and says why.
    Raises UsageError where the kernel's header leaves no room.
    """
    limit = kernel.header.initrd_limit
    top = min(memory_bytes - _BIOS_RESERVE, _LOW_MEMORY_LIMIT)
    kernel_end = kernel.header.load_address + kernel.payload_bytes
    if limit + 1 < min(kernel_end + size, top):
        raise UsageError(
            f"{kernel.source}: an initrd of {size:,} bytes has no room: the kernel lies up to "
            f"{address(kernel_end - 1)}, and its header's initrd_addr_max is {address(limit)}; "
            "boot it without one (--until banner)"
        )
    return max(min(top, limit + 1) - size, _HIGH_MEMORY) & ~0xFFF
