"""What a disk has for a UEFI that has not come to a kernel."""

from msgspec import Struct

from bootharness.trace.efi_program import EfiProgram

__all__ = ["EfiDisk"]


class EfiDisk(Struct, frozen=True):
    """A disk, as its image has it."""

    flaws: tuple[str, ...] = ()
    """What is wrong with its partition table and its file systems, in words."""
    programs: tuple[EfiProgram, ...] = ()
    """The UEFI programs that it has under any name, the first of many."""
