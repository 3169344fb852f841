"""A program that a UEFI was to start from a disk, as its file has it."""

from msgspec import Struct

__all__ = ["FOLDER", "EfiProgram"]

FOLDER = "a folder"
"""What is said of a folder of that name."""


class EfiProgram(Struct, frozen=True):
    """A program of which no kernel came, or a damaged one."""

    path: str
    """Its name on the disk, with backslashes."""
    machine: str
    """What it is for: ``x64``, ``i386``, ``arm64``, ...; empty for what is no program."""
    kind: str = ""
    """What kind of program: ``application``, ``driver``, ...; of what is no program what else it
    is: ``a folder``, ``compressed with gzip``, ``a Linux kernel without an EFI stub``."""
    looks_for: tuple[str, ...] = ()
    """The configurations that it looks for, if it is a GRUB, in its order."""
    has: tuple[str, ...] = ()
    """Those that are on the disk under any name that ends so."""
    flaw: str = ""
    """What is wrong with its sections, in words; empty where nothing is."""
