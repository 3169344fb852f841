"""The commands: `help user-defined` lists them, `help NAME` says more."""

from __future__ import annotations

import re
from collections.abc import Iterator

import gdb

from . import going
from .decode import ENTRIES, TABLE_BYTES, Registers, descriptor, flags, result
from .facts import FACTS, disk_bytes
from .guest import GUEST
from .history import HISTORY, SITES, Site, call_at

_INT = 0xCD
_SHOWN = 10
_BLOCK = 1 << 16


class Command(gdb.Command):
    """A command of ours; the docstring is what `help` prints, its first words the name."""

    name = ""

    def __init__(self) -> None:
        super().__init__(self.name, gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run it and print its lines."""
        del from_tty
        try:
            for line in self.lines(argument.strip()):
                print(line)
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"{error}.") from None

    def lines(self, argument: str) -> Iterator[str]:
        """Yield what is to be printed."""
        raise NotImplementedError


class Gdt(Command):
    """gdt [ADDRESS]
    Show the block-move table of INT 15h AH=87h at ES:SI, or at a linear address, decoded."""

    name = "gdt"

    def lines(self, argument: str) -> Iterator[str]:
        registers = GUEST.registers()
        address = _linear(argument) if argument else registers.address("es", "esi")
        table = GUEST.memory(address, TABLE_BYTES)
        yield f"block-move table at {_address(address)}{_symbol(address)}"
        for number, name in enumerate(ENTRIES):
            raw = table[8 * number : 8 * number + 8]
            yield f"  {8 * number:02x} {name:<12} {raw.hex()}  {descriptor(raw)}"


class Moves(Command):
    """moves [COUNT | all]
    Show the last block moves, 10 without a COUNT. The one marked with > is about to be made."""

    name = "moves"

    def lines(self, argument: str) -> Iterator[str]:
        moves = HISTORY.moves
        count = len(moves) if argument == "all" else _number(argument) if argument else _SHOWN
        first = max(len(moves) - count, 0)
        if not moves:
            yield "No block move so far."
        elif first:
            yield f"  ... {first:,} before"
        last = HISTORY.calls[-1] if HISTORY.calls else None
        to_come = last is not None and GUEST.registers().linear == last.site
        for index, move in enumerate(moves[first:], first):
            mark = ">" if index == len(moves) - 1 and to_come and _is_move(last) else " "
            line = (
                f"{mark} {index:4}  0x{move.source:06x} -> 0x{move.destination:07x}  "
                f"{move.bytes:6,} bytes  {move.table[0x18:0x20].hex()}"
            )
            if move.misplaced:
                line += f"  the payload goes on at 0x{move.wanted:07x}"
            yield line


class Bios(Command):
    """bios [next]
    Decode the BIOS call that is about to be made, or the result of the one just made.
    `bios next' makes the call at the next instruction and shows its result."""

    name = "bios"

    def lines(self, argument: str) -> Iterator[str]:
        registers = GUEST.registers()
        number = _int_at(registers)
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
        elif not HISTORY.calls:
            yield "No BIOS call so far."
        else:
            last = HISTORY.calls[-1]
            returned = registers.linear == last.behind
            found = result(last.number, registers, FACTS["status"]) if returned else "?"
            yield f"{'just made' if returned else 'last'}: {last} = {found}"


class Header(Command):
    """header
    Show the setup header of the kernel in memory, by the boot protocol's names, and what the
    kernel's file has where that is something else."""

    name = "header"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        base = _real_mode_kernel()
        memory = GUEST.memory(base, 0x270)
        file = disk_bytes(FACTS["kernel_lba"], 0x270) if FACTS["kernel_lba"] is not None else memory
        yield f"setup header of the real-mode kernel at {_address(base)}"
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
    """placed
    Show what of the boot lies where in memory, compared with the files on the disk image."""

    name = "placed"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        yield _comparison("loader", FACTS["origin"], _loader_bytes())
        try:
            base = _real_mode_kernel()
        except gdb.GdbError as error:
            yield f"  {error}"
            return
        lba, size = FACTS["kernel_lba"], FACTS["real_mode_bytes"]
        if lba is None:
            yield f"  real-mode kernel      {_address(base)}, with no file to compare it with"
            return
        yield _comparison("real-mode kernel", base, disk_bytes(lba, size), FACTS["loader_fields"])
        header = GUEST.memory(base, 0x270)

        def field(offset: int) -> int:
            return int.from_bytes(header[offset : offset + 4], "little")

        payload = disk_bytes(lba, size + FACTS["payload_bytes"])[size:]
        yield _comparison("protected-mode kernel", field(0x214), payload)
        if FACTS["initrd_lba"] is not None:
            initrd = disk_bytes(FACTS["initrd_lba"], FACTS["initrd_bytes"])
            yield _comparison("initrd", FACTS["initrd_address"], initrd)
        if field(0x228):
            line = GUEST.memory(field(0x228), 2048).split(b"\0")[0].decode("latin-1")
            yield f"  command line          {_address(field(0x228))}  {line!r}"


class Seg(Command):
    """seg SEGMENT:OFFSET | ADDRESS
    Show the linear address of a segment and an offset, or how a linear address is written with
    segments, and what lies there. Both may be expressions: `seg $es:$si'. Segments are those of
    real mode: 16 bytes apart."""

    name = "seg"

    def lines(self, argument: str) -> Iterator[str]:
        linear = _linear(argument)
        yield f"{_address(linear)}  {linear >> 4:04x}:{linear & 15:04x}  {_room(linear)}"


class Mode(Command):
    """mode [16 | 32 | 64]
    Show the mode that the CPU is in and where it is, and let gdb decode accordingly; with a number
    let gdb decode code of that width until the next stop. The linear address of the next
    instruction is in `$linear': `x/5i $linear'."""

    name = "mode"

    def lines(self, argument: str) -> Iterator[str]:
        if argument not in ("", "16", "32", "64"):
            raise gdb.GdbError("The width of code is 16, 32 or 64.")
        registers = GUEST.registers()
        GUEST.follow(int(argument or registers.bits))
        yield where(registers)


class UntilMove(Command):
    """until-move NUMBER
    Run until a block move is about to be made, by its number; the first one is 0. No breakpoint
    of yours stops the machine before."""

    name = "until-move"

    def lines(self, argument: str) -> Iterator[str]:
        going.until_move(_number(argument))
        yield from _stop()


class UntilHandoff(Command):
    """until-handoff
    Run until the kernel is entered, at the first instruction of its setup code. No breakpoint of
    yours stops the machine before."""

    name = "until-handoff"

    def lines(self, argument: str) -> Iterator[str]:
        del argument
        going.until_handoff()
        yield from _stop()


class UntilAddress(Command):
    """until-address SEGMENT:OFFSET | ADDRESS
    Run until the CPU comes to a place, in whatever segment. No breakpoint of yours stops the
    machine before."""

    name = "until-address"

    def lines(self, argument: str) -> Iterator[str]:
        going.until_address(_linear(argument))
        yield from _stop()


OURS = (Gdt, Moves, Bios, Header, Placed, Seg, Mode, UntilMove, UntilHandoff, UntilAddress)


class BeforeRunning(gdb.Command):
    """What is done before the machine runs on: gdb calls it."""

    RUNNING = ("continue", "stepi", "nexti", "step", "next", "until", "advance", "finish", "jump")

    def __init__(self) -> None:
        super().__init__("before-running", gdb.COMMAND_OBSCURE)
        for command in self.RUNNING:
            gdb.execute(f"define hook-{command}\nbefore-running {command}\nend")

    def invoke(self, argument: str, from_tty: bool) -> None:
        del from_tty
        GUEST.write_back()
        GUEST.check_going()
        if argument == "continue":
            GUEST.get_off()


def where(registers: Registers) -> str:
    """Say where the CPU is, and what it does next."""
    linear = registers.linear
    head = f"{registers.width}, {registers.place()}, linear {_address(linear)}: {_room(linear)}"
    try:
        text = gdb.execute(f"x/i {linear:#x}", to_string=True).partition(":")[2].strip()
    except gdb.error as error:
        text = str(error)
    return f"{head}\n=> {text}"


def _room(linear: int) -> str:
    """Say what a linear address belongs to."""
    if _in_loader(linear):
        return f"the loader{_symbol(linear)}"
    if linear < 0x500:
        return "interrupt vectors and BIOS data"
    if 0xC0000 <= linear < 0x100000:
        return "the BIOS or an option ROM"
    entry = HISTORY.kernel_entry
    if entry is not None and 0 <= linear - (entry - 0x200) < (FACTS["real_mode_bytes"] or 0):
        offset = linear - (entry - 0x200)
        return f"real-mode kernel + 0x{offset:x}{', its entry' if linear == entry else ''}"
    start, size = FACTS["load_address"], FACTS["payload_bytes"]
    if start is not None and 0 <= linear - start < size:
        named = {0: ", its 32-bit entry", 0x200: ", its 64-bit entry"}
        offset = linear - start
        entered = named.get(offset, "") if FACTS["wide_kernel"] or not offset else ""
        return f"protected-mode kernel + 0x{offset:x}{entered}"
    if linear >= 0xFFFFFFFF80000000:
        return "the kernel"
    return "memory"


def _in_loader(linear: int) -> bool:
    origin: int = FACTS["origin"]
    size: int = FACTS["loader_bytes"]
    return origin <= linear < origin + size


def _symbol(linear: int) -> str:
    """Write the loader's label before an address: `` <load_high+5>``."""
    below = [(at, name) for name, at in FACTS["symbols"].items() if at <= linear]
    if not below or not _in_loader(linear):
        return ""
    at, name = max(below)
    return f" <{name}+{linear - at}>" if linear > at else f" <{name}>"


def _address(linear: int) -> str:
    return f"0x{linear:06x}"


def _linear(argument: str) -> int:
    """Return a linear address written as an expression, or as SEGMENT:OFFSET of two of them."""
    if not argument:
        raise gdb.GdbError("Give an address, or SEGMENT:OFFSET.")
    segment, colon, offset = argument.rpartition(":")
    if not colon:
        return _value(argument) & 0xFFFFFFFFFFFFFFFF
    return (_value(segment, hexadecimal=True) & 0xFFFF) * 16 + (
        _value(offset, hexadecimal=True) & 0xFFFF
    )


def _value(text: str, *, hexadecimal: bool = False) -> int:
    if hexadecimal and re.fullmatch(r"[0-9a-fA-F]{1,4}", text.strip()):
        return int(text, 16)
    return int(gdb.parse_and_eval(re.sub(r"\$([a-ds][ix lp])\b", r"$e\1", text)))


def _number(argument: str) -> int:
    if not re.fullmatch(r"\d+", argument):
        raise gdb.GdbError("Give a number.")
    return int(argument)


def _int_at(registers: Registers) -> int | None:
    code = GUEST.memory(registers.linear, 2)
    return code[1] if code[0] == _INT else None


def _is_move(call: object) -> bool:
    return (call.number, call.function) == (0x15, 0x87)  # type: ignore[attr-defined]


def _real_mode_kernel() -> int:
    """Return where the real-mode kernel lies: as it is entered, or where there is its magic."""
    if HISTORY.kernel_entry is not None:
        return HISTORY.kernel_entry - 0x200
    start, end = 0x500, 0x9F000
    while True:
        found = gdb.selected_inferior().search_memory(start, end - start, b"HdrS")
        if found is None:
            raise gdb.GdbError("There is no setup header in memory yet.")
        base = int(found) - 0x202
        # loaders compare with the magic, and so have it in their code
        if base > 0 and GUEST.memory(base + 0x1FE, 3) == b"\x55\xaa\xeb":
            return base
        start = int(found) + 1


def _loader_bytes() -> bytes:
    return disk_bytes(0, min(FACTS["loader_bytes"], 512))


def _comparison(
    what: str, address: int, wanted: bytes, apart: tuple[tuple[int, int], ...] = ()
) -> str:
    """Compare memory with bytes; ``apart`` are offsets and sizes that a loader is to change."""
    differ, first = 0, None
    for start in range(0, len(wanted), _BLOCK):
        expected = bytearray(wanted[start : start + _BLOCK])
        try:
            found = GUEST.memory(address + start, len(expected))
        except gdb.MemoryError:
            found = bytes(byte ^ 0xFF for byte in expected)
        for at, size in apart:
            if start <= at < start + _BLOCK:
                expected[at - start : at - start + size] = found[at - start : at - start + size]
        if found != expected:
            here = int.from_bytes(expected, "big") ^ int.from_bytes(found, "big")
            differences = here.to_bytes(len(expected), "big")
            differ += len(differences) - differences.count(0)
            if first is None:
                first = address + start + len(differences) - len(differences.lstrip(b"\0"))
    line = f"  {what:<21} {_address(address)}  "
    if first is None:
        return f"{line}all {len(wanted):,} bytes equal the file"
    equal, where = len(wanted) - differ, f"{_address(first)}{_symbol(first)}"
    return f"{line}{equal:,} of {len(wanted):,} bytes equal the file, the first other at {where}"


def _stop() -> Iterator[str]:
    """Show a stop as gdb does, where it can tell; elsewhere `_tell` does."""
    registers = GUEST.registers()
    if registers.flat and _in_loader(registers.linear):
        yield gdb.execute("frame", to_string=True).rstrip()


def _tell(_event: object = None) -> None:
    """Before a prompt: where the machine is, if gdb itself could not tell."""
    GUEST.write_back()
    if not GUEST.news:
        return
    GUEST.news = False
    if GUEST.ended():
        print(
            "The guest has been reset or switched off. Registers and memory are as they were; "
            "it goes no further."
        )
    registers = GUEST.registers()
    if not (registers.flat and _in_loader(registers.linear)):
        print(where(registers))


def begin(socket: str) -> None:
    """Connect gdb to the machine, and take up the work."""
    GUEST.connect(socket)
    gdb.events.before_prompt.connect(_tell)
    for command in (*OURS, BeforeRunning):
        command()
    for address, number in FACTS["sites"]:
        SITES[address] = Site(address, number)
    names = ", ".join(each.name for each in OURS)
    print(f"{FACTS['what']}\nbesides gdb's own commands: {names} (help NAME)")


def break_at_labels() -> None:
    """Set a breakpoint at every label of the loader's code.

    QEMU has as many hardware breakpoints as one likes. At one of the other kind gdb supposes
    that the CPU stops behind it, and with two of them side by side it is mistaken.
    """
    for address in FACTS["labels"]:
        gdb.execute(f"hbreak *{address:#x}", to_string=True)
