"""The stopped machine: its registers and memory, and gdb's idea of both.

gdb takes the instruction pointer for a linear address. In a segment that does not begin at 0
it therefore knows neither where the machine is nor that it has come to a breakpoint: what is
asked here is QEMU's monitor, which does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gdb

from .decode import CpuRegisters
from .facts import FACTS, FOLDER

_DESCRIPTIONS = {16: "target-16.xml", 32: "target-32.xml"}
_ENDED = "shutdown"
_GENERAL = ("eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip")
_OTHERS = ("eflags", "cs", "ss", "ds", "es", "fs", "gs")


class Guest:
    """The machine that gdb is connected to."""

    def __init__(self) -> None:
        self.bits = 64
        self.signal = ""
        self.at_breakpoint = False
        self.news = False
        self.written: dict[str, int] = {}

    def connect(self, socket: str) -> None:
        """Connect gdb to the machine."""
        # in QEMU's own words first: without them QEMU up to 8 takes no single register
        # where it stands is told in its own words, when gdb knows the mode
        gdb.execute("set suppress-cli-notifications on")
        gdb.execute(f"target remote {socket}", to_string=True)
        gdb.execute("set suppress-cli-notifications off")
        self.follow(self.registers().bits)
        gdb.events.stop.connect(self.stopped)
        gdb.events.register_changed.connect(self.register_changed)

    @property
    def there(self) -> bool:
        """Whether gdb is still connected to it."""
        return bool(gdb.selected_inferior().pid)

    def stopped(self, event: gdb.StopEvent) -> None:
        """Take note of a stop, and let gdb decode as the CPU does."""
        self.signal = event.stop_signal if isinstance(event, gdb.SignalEvent) else ""
        self.at_breakpoint = isinstance(event, gdb.BreakpointEvent)
        self.news = True
        registers = self.registers()
        self.follow(registers.bits)
        gdb.set_convenience_variable("linear", registers.linear)

    def registers(self) -> CpuRegisters:
        """Read the registers."""
        return CpuRegisters.parse(monitor("info registers"))

    def memory(self, linear: int, count: int) -> bytes:
        """Read memory. Raises gdb.MemoryError where there is none."""
        return bytes(gdb.selected_inferior().read_memory(linear, count))

    def ended(self) -> bool:
        """Whether the guest has reset itself or switched itself off: QEMU goes no further."""
        return _ENDED in monitor("info status")

    def follow(self, bits: int) -> None:
        """Let gdb decode code of this width.

        A description of the registers stands for the architecture; QEMU's own is that of
        64-bit code.
        """
        if bits == self.bits:
            return
        self.bits = bits
        if bits == 64:
            gdb.execute("unset tdesc filename", to_string=True)
        else:
            gdb.execute(f"set tdesc filename {FOLDER / _DESCRIPTIONS[bits]}", to_string=True)

    def register_changed(self, event: gdb.RegisterChangedEvent) -> None:
        """Take note of what the person has written to registers, which gdb is about to forget.

        Through the description with halves QEMU has not heard of it.
        """
        if self.bits == 64 or not FACTS["wide"]:
            return
        held = self.registers()
        for name in _GENERAL + _OTHERS:
            value = int(event.frame.read_register(name)) & 0xFFFFFFFF
            before = held.ip if name == "eip" else held["efl" if name == "eflags" else name]
            if value != before:
                self.written[name] = value

    def write_back(self) -> None:
        """Write the registers that the person has changed, in QEMU's own words."""
        if not self.written:
            return
        bits = self.bits
        self.follow(64)
        for name, value in self.written.items():
            wide = f"r{name[1:]}" if name in _GENERAL else name
            gdb.execute(f"set var ${wide} = {value:#x}", to_string=True)
        self.written.clear()
        self.follow(bits)

    def on_breakpoint(self, linear: int) -> bool:
        """Whether an enabled breakpoint is at a linear address."""
        return any(
            location.address == linear
            for each in gdb.breakpoints()
            if each.enabled
            for location in each.locations
        )

    def watches(self) -> bool:
        """Whether it is to stop for what is written to memory."""
        return any(
            each.enabled and each.type == gdb.BP_HARDWARE_WATCHPOINT for each in gdb.breakpoints()
        )

    def check_going(self) -> None:
        """Refuse to run a machine that has stopped for good: gdb would wait for it for ever."""
        if self.ended():
            raise gdb.GdbError(
                "The guest has been reset or switched off, and QEMU has stopped it for good: "
                "look around, and start again to run it again."
            )

    def get_off(self) -> None:
        """Get off a breakpoint that gdb does not know it is at."""
        registers = self.registers()
        if not registers.flat and self.on_breakpoint(registers.linear):
            gdb.execute("stepi", to_string=True)

    def go(self) -> CpuRegisters:
        """Let the machine run to its next stop."""
        gdb.execute("continue", to_string=True)
        return self.registers()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Disable the person's own breakpoints for a while."""
    disabled = [each for each in gdb.breakpoints() if each.enabled and each.visible]
    for each in disabled:
        each.enabled = False
    try:
        yield
    finally:
        for each in disabled:
            if each.is_valid():
                each.enabled = True


@contextmanager
def in_words() -> Iterator[None]:
    """Say what fails in a sentence."""
    if not GUEST.there:
        raise gdb.GdbError("The machine is gone: leave gdb.")
    try:
        yield
    except gdb.error as error:
        raise gdb.GdbError(f"{error}".rstrip(".") + ".") from None


def monitor(command: str) -> str:
    """Ask QEMU's monitor."""
    return gdb.execute(f"monitor {command}", to_string=True)


GUEST = Guest()
