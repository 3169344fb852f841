"""The commands: `help user-defined` lists them, `help NAME` says more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import gdb

from . import going
from .asking import RECORDED, ask, position
from .calls import HISTORY, call_at, interrupt_at
from .comparison import comparison, real_mode_kernel
from .decode import ENTRIES, TABLE_BYTES, descriptor, flags, result
from .facts import FACTS, disk_bytes
from .guest import GUEST, in_words
from .places import address, in_loader, linear_of, number_of, owner, symbol, where

_SHOWN = 10
_HEADER_BYTES = 0x270
_CODE32_START, _RAMDISK_IMAGE, _CMD_LINE_PTR = 0x214, 0x218, 0x228
_CMDLINE_BYTES = 2048


class Command(ABC, gdb.Command):
    """A command of ours; the docstring is what `help` prints."""

    name = ""

    def __init__(self) -> None:
        super().__init__(self.name, gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it and print its lines."""
        del from_tty
        with in_words():
            for line in self.lines(argument.strip()):
                print(line)

    @abstractmethod
    def lines(self, argument: str) -> Iterator[str]:
        """Yield what is to be printed."""


class Gdt(Command):
    """Show the block-move table of INT 15h AH=87h, decoded.

    It is at ES:SI, or at the linear ADDRESS.
    Usage: gdt [ADDRESS]"""

    name = "gdt"

    def lines(self, argument: str) -> Iterator[str]:
        registers = GUEST.registers()
        start = linear_of(argument) if argument else registers.address("es", "esi")
        table = GUEST.memory(start, TABLE_BYTES)
        yield f"block-move table at {address(start)}{symbol(start)}"
        for number, name in enumerate(ENTRIES):
            raw = table[8 * number : 8 * number + 8]
            yield f"  {8 * number:02x} {name:<12} {raw.hex()}  {descriptor(raw)}"


class Moves(Command):
    """Show the last block moves, 10 without a COUNT.

    Each has its number, source, destination, size and destination descriptor. The one marked
    with > is about to be made.
    Usage: moves [COUNT | all]"""

    name = "moves"

    def lines(self, argument: str) -> Iterator[str]:
        if RECORDED and not HISTORY.complete:
            HISTORY.catch_up(ask("moves", str(position()))["moves"])
        moves = HISTORY.moves
        count = len(moves) if argument == "all" else number_of(argument) if argument else _SHOWN
        first = max(len(moves) - count, 0)
        if not moves:
            yield "No block move so far."
        elif first:
            yield f"  ... {first:,} before"
        last = HISTORY.calls[-1] if HISTORY.calls else None
        to_come = last is not None and GUEST.registers().linear == last.site
        for index, move in enumerate(moves[first:], first):
            mark = ">" if index == len(moves) - 1 and to_come and last is HISTORY.last_move else " "
            line = (
                f"{mark} {index:4}  0x{move.source:06x} -> 0x{move.destination:07x}  "
                f"{move.bytes:6,} bytes  {move.table[0x18:0x20].hex()}"
            )
            if move.misplaced:
                line += f"  the payload goes on at 0x{move.wanted:07x}"
            yield line


class Bios(Command):
    """Decode the BIOS call that is about to be made, or the result of the one just made.

    `bios next' makes the call at the next instruction and shows its result.
    Usage: bios [next]"""

    name = "bios"

    def lines(self, argument: str) -> Iterator[str]:
        registers = GUEST.registers()
        number = interrupt_at(registers.linear)
        if argument == "next":
            if number is None:
                raise gdb.GdbError("The next instruction is no INT.")
            call = call_at(registers, number)
            yield f"{call}"
            going.until_address(call.behind)
            yield f"  = {result(number, GUEST.registers(), FACTS['status'])}"
        elif argument:
            raise gdb.GdbError("Either `bios' or `bios next'.")
        elif number is not None:
            yield f"about to be made: {call_at(registers, number)}"
        elif not HISTORY.calls and HISTORY.complete:
            yield "No BIOS call so far."
        elif not HISTORY.calls:
            yield "Which call was the last says `when': the machine has gone back."
        else:
            last = HISTORY.calls[-1]
            returned = registers.linear == last.behind
            found = result(last.number, registers, FACTS["status"]) if returned else "?"
            yield f"{'just made' if returned else 'last'}: {last} = {found}"


class Header(Command):
    """Show the setup header of the kernel in memory, by the boot protocol's names.

    Where the kernel's file has something else, that is shown too.
    Usage: header"""

    name = "header"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        base = real_mode_kernel()
        memory = GUEST.memory(base, _HEADER_BYTES)
        file = (
            memory
            if FACTS["kernel_lba"] is None
            else disk_bytes(FACTS["kernel_lba"], _HEADER_BYTES)
        )
        yield f"setup header of the real-mode kernel at {address(base)}"
        for name, offset, size in FACTS["header"]:
            value, there = (
                int.from_bytes(bytes_[offset : offset + size], "little")
                for bytes_ in (memory, file)
            )
            words = flags(value, FACTS["flags"][name]) if name in FACTS["flags"] else f"{value:,}"
            if name == "header":
                words = memory[offset : offset + size].decode("latin-1")
            note = f"  (the file has 0x{there:0{2 * size}x})" if there != value else ""
            yield f"  {offset:03x}  {name:<22} 0x{value:0{2 * size}x}  {words}{note}"


class Placed(Command):
    """Show what of the boot lies where in memory, compared with the files on the disk image.

    Usage: placed"""

    name = "placed"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        in_sector = min(FACTS["loader_bytes"], 512)
        yield comparison("loader", FACTS["origin"], disk_bytes(0, in_sector))
        try:
            base = real_mode_kernel()
        except gdb.GdbError as error:
            yield f"  {error}"
            return
        lba, size = FACTS["kernel_lba"], FACTS["real_mode_bytes"]
        if lba is None:
            yield f"  real-mode kernel      {address(base)}, with no file to compare it with"
            return
        yield comparison("real-mode kernel", base, disk_bytes(lba, size), FACTS["loader_fields"])
        header = GUEST.memory(base, _HEADER_BYTES)

        def field(offset: int) -> int:
            return int.from_bytes(header[offset : offset + 4], "little")

        payload = disk_bytes(lba, size + FACTS["payload_bytes"])[size:]
        yield comparison("protected-mode kernel", field(_CODE32_START), payload)
        if FACTS["initrd_lba"] is not None and field(_RAMDISK_IMAGE):
            initrd = disk_bytes(FACTS["initrd_lba"], FACTS["initrd_bytes"])
            yield comparison("initrd", field(_RAMDISK_IMAGE), initrd)
        if field(_CMD_LINE_PTR):
            line = (
                GUEST.memory(field(_CMD_LINE_PTR), _CMDLINE_BYTES).split(b"\0")[0].decode("latin-1")
            )
            yield f"  command line          {address(field(_CMD_LINE_PTR))}  {line!r}"


class Seg(Command):
    """Show the linear address of a segment and an offset, or the other way round.

    And what lies there. Both may be expressions: `seg $es:$si'. Segments are those of real
    mode: 16 bytes apart.
    Usage: seg SEGMENT:OFFSET | ADDRESS"""

    name = "seg"

    def lines(self, argument: str) -> Iterator[str]:
        linear = linear_of(argument)
        yield f"{address(linear)}  {linear >> 4:04x}:{linear & 15:04x}  {owner(linear)}"


class Mode(Command):
    """Show the mode that the CPU is in and where it is, and let gdb decode accordingly.

    With a number gdb decodes code of that width until the next stop. The linear address of the
    next instruction is in `$linear': `x/5i $linear'.
    Usage: mode [16 | 32 | 64]"""

    name = "mode"

    def lines(self, argument: str) -> Iterator[str]:
        if argument not in ("", "16", "32", "64"):
            raise gdb.GdbError("The width of code is 16, 32 or 64.")
        registers = GUEST.registers()
        GUEST.follow(int(argument or registers.bits))
        yield where(registers)


class UntilMove(Command):
    """Run until a block move is about to be made, by its number; the first one is 0.

    No breakpoint of yours stops the machine before.
    Usage: until-move NUMBER"""

    name = "until-move"

    def lines(self, argument: str) -> Iterator[str]:
        going.until_move(number_of(argument))
        yield from _stop()


class UntilHandoff(Command):
    """Run until the kernel is entered, at the first instruction of its setup code.

    No breakpoint of yours stops the machine before.
    Usage: until-handoff"""

    name = "until-handoff"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        going.until_handoff()
        yield from _stop()


class UntilAddress(Command):
    """Run until the CPU comes to a place, in whatever segment.

    No breakpoint of yours stops the machine before.
    Usage: until-address SEGMENT:OFFSET | ADDRESS"""

    name = "until-address"

    def lines(self, argument: str) -> Iterator[str]:
        going.until_address(linear_of(argument))
        yield from _stop()


def _stop() -> Iterator[str]:
    """Show a stop as gdb does, where it can tell; elsewhere `_tell` does."""
    registers = GUEST.registers()
    if registers.flat and in_loader(registers.linear):
        yield gdb.execute("frame", to_string=True).rstrip()


OURS = (Gdt, Moves, Bios, Header, Placed, Seg, Mode, UntilMove, UntilHandoff, UntilAddress)
