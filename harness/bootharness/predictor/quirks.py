"""In what a machine differs from QEMU's: faults and oddities that a loader must stand."""

from collections.abc import Mapping

from msgspec import Struct, field

__all__ = ["Quirks", "ReadError"]


class ReadError(Struct, frozen=True):
    """A sector that cannot be read, so many times or ever (None)."""

    lba: int
    times: int | None = None


class Quirks(Struct, frozen=True):
    """What is not as QEMU with SeaBIOS has it.

    ``fill`` is the byte that memory below 640 KiB is full of where nobody has written:
    zeros forgive a loader what garbage does not. ``entry`` are registers with which the
    boot sector is entered, by their names in `Frame`. ``drive`` is the number of the disk,
    ``a20`` whether the A20 gate is open then.
    ``edd`` is what INT 13h AH=41h returns in BX, CX and, as a status, AH.
    ``failing_move`` is the number of a block move that returns an error, from 0.
    """

    errors: tuple[ReadError, ...] = ()
    fill: int = 0
    entry: Mapping[str, int] = field(default_factory=dict)
    drive: int = 0x80
    a20: bool = True
    edd: tuple[int, int, int] = (0xAA55, 0x0007, 0)
    failing_move: int | None = None
