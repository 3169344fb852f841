"""In what a machine differs from QEMU's: faults and oddities that a loader must stand."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

__all__ = ["A20_GATES", "Change", "Quirks", "ReadError"]

A20_GATES = frozenset(("INT 15h AX=2401h", "port 92h", "the keyboard controller"))
"""What opens and closes the A20 gate."""


class ReadError(Struct, frozen=True):
    """A sector that cannot be read, so many times or ever (None)."""

    lba: int
    times: int | None = None


class Change(Struct, frozen=True):
    """Registers that a BIOS call changes besides what it returns, by their names in `Frame`: the
    bits of each, and what they become. No functions are all of the interrupt's."""

    number: int
    functions: tuple[int, ...]
    registers: Mapping[str, tuple[int, int]]


class Quirks(Struct, frozen=True):
    """What is not as QEMU with SeaBIOS has it.

    ``fill`` is the byte that memory below 640 KiB is full of where nobody has written:
    zeros forgive a loader what garbage does not. ``entry`` are registers with which the
    boot sector is entered, by their names in `Frame`. ``drive`` is the number of the disk,
    ``a20`` whether the A20 gate is open then.
    ``edd`` is what INT 13h AH=41h returns in BX, CX and, as a status, AH; an extended read works
    only where that says so. ``failing_move`` is the number of a block move that returns an
    error, from 0.

    A read of more than ``most_sectors`` fails, with ``flaky`` every read that begins at a sector
    for the first time, and one whose buffer crosses what is in ``crossing``: a multiple of 64 KiB
    by CHS or by a packet, or the end of the packet's segment. A block move has ``most_words``,
    and may leave the A20 gate closed. ``a20_gates`` are those that do something. A call writes
    over ``stack_bytes`` below its caller's stack pointer. Conventional memory ends at
    ``low_kib``: above it there is nothing.
    """

    errors: tuple[ReadError, ...] = ()
    fill: int = 0
    entry: Mapping[str, int] = field(default_factory=dict)
    drive: int = 0x80
    a20: bool = True
    edd: tuple[int, int, int] = (0xAA55, 0x0007, 0)
    failing_move: int | None = None
    most_sectors: int = 128
    flaky: bool = False
    crossing: frozenset[Literal["chs", "packet", "segment"]] = frozenset()
    most_words: int = 0xFFFF
    move_closes_a20: bool = False
    a20_gates: frozenset[str] = A20_GATES
    changes: tuple[Change, ...] = ()
    stack_bytes: int = 0
    low_kib: int = 639
