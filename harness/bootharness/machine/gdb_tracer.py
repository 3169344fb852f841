"""Runs inside gdb, which sources this file: record a loader's BIOS calls by breakpoints.

Every stop makes QEMU throw its translated code away and costs about a millisecond, so there
are as few as can be, and gdb does not step over one where that can be avoided (a step is one
more stop):

    INT 13h   stops behind the instruction, where status and disk address packet are known;
              at the instruction only when the last call was a read too
    INT 15h   stops at the instruction, with the block-move table
    others    stop at the instruction

The log has one JSON object a line; gdb_log.py reads it.
"""

import json
import time
from typing import Any, Dict, List, Optional, Tuple  # noqa: UP035 - gdb's Python may be old

import gdb

from bootharness.formats.loading import SETUP_AT, setup_code_at

REGISTERS = (
    "eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp",
    "ds", "es", "ss", "fs", "gs", "cs", "eip", "eflags",
)  # fmt: skip
INT_BYTES = 2
PACKET_BYTES = 16
TABLE_BYTES = 48
EXTENDED = (0x42, 0x43, 0x44)
GAVE_UP = (0x18, 0x19)
CARRY = 1


class CallTracer:
    """The breakpoints of one boot and the log that they write."""

    def __init__(
        self,
        sites: List[Tuple[int, int]],  # noqa: UP006
        labels: List[Tuple[str, int]],  # noqa: UP006
        log: str,
    ) -> None:
        self.log = open(log, "w", buffering=1)  # noqa: PTH123, SIM115 - open as long as gdb runs
        self.memory = gdb.selected_inferior()
        self.kernel_entry: Optional[int] = None  # noqa: UP045
        self.in_the_way: List[Own] = []  # noqa: UP006
        self.last_call: Optional[Dict[str, int]] = None  # noqa: UP006, UP045
        self.reads: List[Read] = []  # noqa: UP006
        self.breakpoints: List[gdb.Breakpoint] = []  # noqa: UP006
        for address, interrupt in sites:
            if interrupt == 0x13:
                self.reads.append(Read(self, address))
            else:
                CallSite(self, address, interrupt)
        for name, address in labels:
            Label(self, address, name)

    def delete(self) -> None:
        """Delete all breakpoints."""
        for each in self.breakpoints:
            if each.is_valid():
                each.delete()

    def write(self, kind: str, **fields: Any) -> None:
        """Write a line to the log."""
        self.log.write(json.dumps({"kind": kind, "at": time.monotonic(), **fields}) + "\n")

    def stopped(self) -> None:
        """Do at a breakpoint what gdb does not: it takes IP for the address, whatever CS is.

        What remains is a step over the instruction, and then `passed`.
        """
        registers = self.registers()
        here = registers["cs"] * 16 + registers["eip"]
        found = [each for each in self.breakpoints if isinstance(each, Own)]
        for each in found:
            if each.address == here and each.enabled:
                each.stop()
        self.in_the_way = [each for each in found if each.address == here and each.enabled]
        for each in self.in_the_way:
            each.enabled = False

    def passed(self) -> None:
        """Set the breakpoint again that was in the way of a step."""
        for each in self.in_the_way:
            each.enabled = True

    def registers(self) -> Dict[str, int]:  # noqa: UP006
        """Read the registers of the stopped machine."""
        frame = gdb.newest_frame()
        return {name: int(frame.read_register(name)) & 0xFFFFFFFF for name in REGISTERS}

    def bytes_at(self, linear: int, count: int) -> bytes:
        """Read guest memory."""
        return bytes(self.memory.read_memory(linear, count))

    def again(self, registers: Dict[str, int]) -> bool:  # noqa: UP006
        """Whether the INT of the last stop has not been executed yet.

        On a busy host QEMU at times ends a single step before the instruction. An INT that
        was executed has left its frame below the stack.
        """
        last, self.last_call = self.last_call, registers
        if registers != last:
            return False
        stack = registers["ss"] * 16 + (registers["esp"] - 6 & 0xFFFF)
        frame = (registers["eip"] + INT_BYTES).to_bytes(2, "little")
        frame += registers["cs"].to_bytes(2, "little")
        return self.bytes_at(stack, 4) != frame

    def packet(self, registers: Dict[str, int]) -> bytes:  # noqa: UP006
        """Read the disk address packet that an extended INT 13h is given."""
        return self.bytes_at(registers["ds"] * 16 + (registers["esi"] & 0xFFFF), PACKET_BYTES)

    def look_for_kernel(self, packet: bytes) -> None:
        """Break where the kernel will be entered, once a read has brought its setup code."""
        buffer = int.from_bytes(packet[6:8], "little") * 16 + int.from_bytes(packet[4:6], "little")
        entry = setup_code_at(buffer, self.bytes_at)
        if entry is None:
            return
        self.kernel_entry = entry
        for place in (entry, entry - SETUP_AT):  # where a mistaken loader may go
            self.breakpoints.append(gdb.Breakpoint(f"*{place:#x}", internal=True))


class Own(gdb.Breakpoint):
    """A breakpoint of the tracer's own; whether the machine goes on is for `stop` to say."""

    def __init__(self, tracer: CallTracer, address: int) -> None:
        super().__init__(f"*{address:#x}", internal=True)
        self.tracer = tracer
        self.address = address
        tracer.breakpoints.append(self)


class CallSite(Own):
    """At an INT whose input is all that is looked at."""

    def __init__(self, tracer: CallTracer, address: int, interrupt: int) -> None:
        super().__init__(tracer, address)
        self.interrupt = interrupt

    def stop(self) -> bool:
        """Record the call."""
        registers = self.tracer.registers()
        if self.tracer.again(registers):
            return False
        fields = {}
        if self.interrupt == 0x15 and registers["eax"] >> 8 & 0xFF == 0x87:
            table = registers["es"] * 16 + (registers["esi"] & 0xFFFF)
            fields["extra"] = self.tracer.bytes_at(table, TABLE_BYTES).hex()
            for read in self.tracer.reads:
                read.expect_return()
        self.tracer.write("call", number=self.interrupt, registers=registers, **fields)
        return self.interrupt in GAVE_UP


class Read:
    """An INT 13h: a breakpoint at it and one behind it, one of them enabled at a time."""

    def __init__(self, tracer: CallTracer, address: int) -> None:
        self.tracer = tracer
        self.function: Optional[int] = None  # noqa: UP045
        self.called: Optional[Dict[str, int]] = None  # noqa: UP006, UP045
        self.packet = b""
        self.at_call = ReadCall(self, address)
        self.at_return = ReadReturn(self, address + INT_BYTES)
        self.expect_call()

    def expect_call(self) -> None:
        """Stop at the instruction next."""
        self.at_return.enabled, self.at_call.enabled = False, True

    def expect_return(self) -> None:
        """Stop behind the instruction next, if it is known which function it calls."""
        if self.function is not None:
            self.at_return.enabled, self.at_call.enabled = True, False


class ReadCall(Own):
    """At an INT 13h."""

    def __init__(self, read: Read, address: int) -> None:
        super().__init__(read.tracer, address)
        self.read = read

    def stop(self) -> bool:
        """Keep what the call is given."""
        read, tracer = self.read, self.tracer
        read.called = tracer.registers()
        read.function = read.called["eax"] >> 8 & 0xFF
        read.packet = tracer.packet(read.called) if read.function in EXTENDED else b""
        read.expect_return()
        return False


class ReadReturn(Own):
    """Behind an INT 13h."""

    def __init__(self, read: Read, address: int) -> None:
        super().__init__(read.tracer, address)
        self.read = read

    def stop(self) -> bool:
        """Record the call with its result."""
        read, tracer = self.read, self.tracer
        registers = tracer.registers()
        packet = read.packet
        if read.called is None and read.function in EXTENDED:
            packet = tracer.packet(registers)  # of a read that failed the count is the BIOS's
        tracer.write(
            "return",
            number=0x13,
            function=read.function,
            called=read.called,
            registers=registers,
            extra=packet.hex(),
        )
        if packet and tracer.kernel_entry is None and not registers["eflags"] & CARRY:
            tracer.look_for_kernel(packet)
        read.called = tracer.last_call = None
        read.expect_call()
        return False


class Label(Own):
    """The first time that a label of the loader is reached."""

    def __init__(self, tracer: CallTracer, address: int, name: str) -> None:
        super().__init__(tracer, address)
        self.name = name

    def stop(self) -> bool:
        """Record it."""
        self.tracer.write("label", name=self.name)
        self.enabled = False
        return False
