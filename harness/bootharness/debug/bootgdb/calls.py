"""The BIOS calls so far, recorded at the loader's INT instructions."""

from __future__ import annotations

from dataclasses import dataclass

import gdb

from bootharness.formats.loading import MAGIC, MAGIC_AT, SETUP_AT, Destinations, setup_code_at

from .decode import TABLE_BYTES, CpuRegisters, arguments, base_of
from .facts import FACTS
from .guest import GUEST

_PACKET_BYTES = 16
_INT, _INT_BYTES = 0xCD, 2
_MAGIC_BEHIND = MAGIC_AT - SETUP_AT


@dataclass(frozen=True)
class LoaderCall:
    """A BIOS call as it was about to be made; ``extra`` is its packet or table."""

    number: int
    registers: CpuRegisters
    extra: bytes

    @property
    def site(self) -> int:
        """The linear address of the INT instruction."""
        return self.registers.linear

    @property
    def behind(self) -> int:
        """The linear address that it returns to."""
        return self.site + _INT_BYTES

    @property
    def function(self) -> int:
        """AH."""
        return self.registers["eax"] >> 8 & 0xFF

    def __str__(self) -> str:
        """Write it as bootharness does."""
        name = FACTS["services"].get(f"{self.number:02x}{self.function:02x}", "")
        given = arguments(self.number, self.registers, self.extra)
        return f"INT {self.number:02x}h AH={self.function:02x}h {name}{given}"


@dataclass(frozen=True)
class Move:
    """A block move: its table, and the linear address that it should go to."""

    table: bytes
    bytes: int
    wanted: int

    @property
    def source(self) -> int:
        """The linear address that it copies from."""
        return base_of(self.table[0x10:0x18])

    @property
    def destination(self) -> int:
        """The linear address that it copies to."""
        return base_of(self.table[0x18:0x20])

    @property
    def misplaced(self) -> bool:
        """Whether it goes elsewhere than it should."""
        return self.wanted != self.destination


class CallHistory:
    """The calls in their order, the block moves among them, and the kernel's entry once known."""

    def __init__(self) -> None:
        self.forget()
        self.complete = True
        """Whether all calls so far are known: not in a recording that was gone back in."""

    def forget(self) -> None:
        """Begin anew, for a machine that has gone back."""
        self.complete = False
        self.calls: list[LoaderCall] = []
        self.moves: list[Move] = []
        self.last_move: LoaderCall | None = None
        self.kernel_entry: int | None = FACTS["kernel_entry"]
        self._buffer: int | None = None
        self._begin_destinations()

    def _begin_destinations(self) -> None:
        start, initrd = FACTS["load_address"], FACTS["initrd_address"]
        starts = [place for place in (start, initrd) if place is not None]
        end = None if start is None else start + FACTS["payload_bytes"]
        self._destinations = Destinations(starts, end)

    @property
    def kernel_is_there(self) -> bool:
        """Whether it is known where the kernel is entered, and its setup code is there by now."""
        entry = self.kernel_entry
        return entry is not None and GUEST.memory(entry + _MAGIC_BEHIND, len(MAGIC)) == MAGIC

    def catch_up(self, moves: list[tuple[str, int]]) -> None:
        """Take over the block moves that were made so far, each its table and how many bytes."""
        self.forget()
        self.moves = [self._move(bytes.fromhex(table), count) for table, count in moves]
        self.complete = True
        registers = GUEST.registers()
        number = interrupt_at(registers.linear)
        if number is not None and registers.linear in SITES:
            self.see(number)

    def see(self, number: int) -> LoaderCall:
        """Record the call that is about to be made."""
        registers = GUEST.registers()
        last = self.calls[-1] if self.calls else None
        if last and last.registers == registers and not _made(last):
            return last  # on a busy host QEMU at times stops a step too early, and then again
        call = call_at(registers, number)
        self.calls.append(call)
        self._look_for_kernel(call)
        if (number, call.function) == (0x15, 0x87):
            self._add_move(call)
        return call

    def _add_move(self, call: LoaderCall) -> None:
        self.last_move = call
        self.moves.append(self._move(call.extra, (call.registers["ecx"] & 0xFFFF) * 2))

    def _move(self, table: bytes, count: int) -> Move:
        wanted = self._destinations.wanted(base_of(table[0x18:0x20]), count)
        return Move(table, count, wanted)

    def _look_for_kernel(self, call: LoaderCall) -> None:
        """See whether the last read has brought the kernel's setup code."""
        if self._buffer is not None and self.kernel_entry is None:
            self.kernel_entry = setup_code_at(self._buffer, GUEST.memory)
        self._buffer = None
        if call.number == 0x13 and len(call.extra) == _PACKET_BYTES:
            offset, segment = (int.from_bytes(call.extra[at : at + 2], "little") for at in (4, 6))
            self._buffer = segment * 16 + offset


def interrupt_at(linear: int) -> int | None:
    """Return the number of the INT at an address, None of another instruction."""
    code = GUEST.memory(linear, _INT_BYTES)
    return code[1] if code[0] == _INT else None


def call_at(registers: CpuRegisters, number: int) -> LoaderCall:
    """Return the call that the INT at the next instruction makes."""
    function = registers["eax"] >> 8 & 0xFF
    extra = b""
    if number == 0x13 and function in (0x42, 0x43, 0x44):
        extra = GUEST.memory(registers.address("ds", "esi"), _PACKET_BYTES)
    elif number == 0x15 and function == 0x87:
        extra = GUEST.memory(registers.address("es", "esi"), TABLE_BYTES)
    return LoaderCall(number, registers, extra)


def _made(call: LoaderCall) -> bool:
    """Whether an INT has been executed: then its frame lies below the stack."""
    registers = call.registers
    frame = (registers.ip + _INT_BYTES).to_bytes(2, "little") + registers["cs"].to_bytes(
        2, "little"
    )
    stack = registers.bases["ss"] + (registers["esp"] - 6 & 0xFFFF)
    return GUEST.memory(stack, len(frame)) == frame


class Site(gdb.Breakpoint):
    """An INT of the loader's: the call is recorded, and the machine goes on unless it is the
    one that is waited for.

    Which interrupt it is is looked up each time: there are loaders that change that.
    """

    def __init__(self, address: int) -> None:
        super().__init__(f"*{address:#x}", gdb.BP_HARDWARE_BREAKPOINT, internal=True)
        self.address = address
        self.silent = True

    def stop(self) -> bool:
        """Record the call."""
        number = interrupt_at(self.address)
        if number is None:  # the loader is gone, and this is somebody else's code
            return False
        HISTORY.see(number)
        return WAITED_FOR[0]()


HISTORY = CallHistory()
SITES: dict[int, Site] = {}
"""The INT instructions that are watched, by their linear address."""
WAITED_FOR = [lambda: False]
"""What to stop for at a call."""


def watch_calls(*, watch: bool) -> None:
    """Have the machine stop at the INT instructions, or not, as on its way back: each stop there is
    played to from the beginning."""
    for site in SITES.values():
        if site.enabled != watch:
            site.enabled = watch


def see_unrecognised(_event: object) -> None:
    """Record the call at a stop that gdb takes for one of nobody's."""
    registers = GUEST.registers()
    if not registers.flat and registers.linear in SITES:
        SITES[registers.linear].stop()
