"""Runs inside gdb, which sources this file: record a loader's BIOS calls by breakpoints.

Every stop makes QEMU throw its translated code away and costs about a millisecond, so there
are as few as can be, and gdb does not step over one where that can be avoided (a step is one
more stop):

    INT 13h   stops behind the instruction, where status and disk address packet are known;
              at the instruction only when the last call was a read too
    INT 15h   stops at the instruction, with the block-move table
    others    stop at the instruction

The log has one JSON object a line; harness/machine/gdb_log.py reads it.
"""

import json
import time
from pathlib import Path

import gdb

REGISTERS = (
    "eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp",
    "ds", "es", "ss", "fs", "gs", "cs", "eip", "eflags",
)  # fmt: skip
INT_BYTES = 2
PACKET_BYTES = 16
TABLE_BYTES = 48
MAGIC = b"HdrS"
GAVE_UP = (0x18, 0x19)


class Tracer:
    """The breakpoints of one boot and the log that they write."""

    def __init__(self, sites, labels, log):
        self.log = Path(log).open("w", buffering=1)
        self.memory = gdb.selected_inferior()
        self.kernel_entry = None
        self.reads = []
        self.breakpoints = []
        for address, interrupt in sites:
            if interrupt == 0x13:
                self.reads.append(Read(self, address))
            else:
                Call(self, address, interrupt)
        for name, address in labels:
            Label(self, address, name)

    def delete(self):
        for each in self.breakpoints:
            if each.is_valid():
                each.delete()

    def write(self, kind, **fields):
        self.log.write(json.dumps({"kind": kind, "at": time.monotonic(), **fields}) + "\n")

    def registers(self):
        frame = gdb.newest_frame()
        return {name: int(frame.read_register(name)) & 0xFFFFFFFF for name in REGISTERS}

    def bytes_at(self, linear, count):
        return bytes(self.memory.read_memory(linear, count))

    def look_for_kernel(self, packet):
        """Break where the kernel will be entered, once a read has brought its setup code."""
        buffer = int.from_bytes(packet[6:8], "little") * 16 + int.from_bytes(packet[4:6], "little")
        for entry in (buffer, buffer + 0x200):
            if self.bytes_at(entry + 2, 4) == MAGIC:
                self.kernel_entry = entry
                self.breakpoints.append(gdb.Breakpoint(f"*{entry:#x}", internal=True))


class Silent(gdb.Breakpoint):
    """A breakpoint of the tracer's own; whether the machine goes on is for `stop` to say."""

    def __init__(self, tracer, address):
        super().__init__(f"*{address:#x}", internal=True)
        self.tracer = tracer
        tracer.breakpoints.append(self)


class Call(Silent):
    """At an INT whose input is all that is looked at."""

    def __init__(self, tracer, address, interrupt):
        super().__init__(tracer, address)
        self.interrupt = interrupt

    def stop(self):
        registers = self.tracer.registers()
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

    def __init__(self, tracer, address):
        self.tracer, self.function, self.called = tracer, None, None
        self.entry = ReadEntry(self, address)
        self.exit = ReadReturn(self, address + INT_BYTES)
        self.expect_call()

    def expect_call(self):
        self.exit.enabled, self.entry.enabled = False, True

    def expect_return(self):
        if self.function is not None:
            self.exit.enabled, self.entry.enabled = True, False


class ReadEntry(Silent):
    def __init__(self, read, address):
        super().__init__(read.tracer, address)
        self.read = read

    def stop(self):
        read = self.read
        read.called = read.tracer.registers()
        read.function = read.called["eax"] >> 8 & 0xFF
        read.expect_return()
        return False


class ReadReturn(Silent):
    def __init__(self, read, address):
        super().__init__(read.tracer, address)
        self.read = read

    def stop(self):
        read, tracer = self.read, self.read.tracer
        registers = tracer.registers()
        fields = {"function": read.function, "called": read.called}
        if read.function in (0x42, 0x43, 0x44):
            packet = registers["ds"] * 16 + (registers["esi"] & 0xFFFF)
            fields["extra"] = tracer.bytes_at(packet, PACKET_BYTES).hex()
        tracer.write("return", number=0x13, registers=registers, **fields)
        if "extra" in fields and tracer.kernel_entry is None and not registers["eflags"] & 1:
            tracer.look_for_kernel(bytes.fromhex(fields["extra"]))
        read.called = None
        read.expect_call()
        return False


class Label(Silent):
    """The first time that a label of the loader is reached."""

    def __init__(self, tracer, address, name):
        super().__init__(tracer, address)
        self.name = name

    def stop(self):
        self.tracer.write("label", name=self.name)
        self.enabled = False
        return False
