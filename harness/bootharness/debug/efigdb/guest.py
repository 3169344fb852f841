"""The stopped machine: its memory, and services of its firmware called in it."""

from __future__ import annotations

import struct

import gdb

_SAVED = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14", "r15", "rip", "eflags")  # fmt: skip
_BELOW = 0xC000
"""How far below its stack a call has its own: a UEFI's stack has 128 KiB."""
_BUFFER_BYTES = 0x4000
_SHADOW = 0x20
_SYSTEM_TABLE = b"IBI SYST"
_SIGNATURES = {"boot": (0x60, b"BOOTSERV"), "runtime": (0x58, b"RUNTSERV")}


def memory(address: int, count: int) -> bytes:
    """Read memory. Raises gdb.MemoryError where there is none."""
    return bytes(gdb.selected_inferior().read_memory(address, count))


def register(name: str) -> int:
    """Return a register."""
    return int(gdb.parse_and_eval(f"${name}")) & (2**64 - 1)


def service(system_table: int, table: str, offset: int) -> int:
    """Return where a service of the firmware is: ``table`` is ``boot`` or ``runtime``."""
    if memory(system_table, 8) != _SYSTEM_TABLE:
        raise gdb.GdbError("The firmware's table is not in memory any more.")
    at, signature = _SIGNATURES[table]
    found = _number(system_table + at)
    if memory(found, 8) != signature:
        raise gdb.GdbError("The firmware's services are not there any more.")
    return _number(found + offset)


class Buffer:
    """A piece of the machine's stack, unused while a service is called."""

    def __init__(self) -> None:
        self.rsp = (register("rsp") - _BELOW) & ~0xF
        self.start = self.rsp + _SHADOW * 4
        self.bytes = _BUFFER_BYTES

    def write(self, offset: int, content: bytes) -> int:
        """Write into it, and return the address."""
        gdb.selected_inferior().write_memory(self.start + offset, content)
        return self.start + offset


def called(function: int, *arguments: int, buffer: Buffer) -> int:
    """Call a function of the firmware in the machine, as it stands, and return what it returns.

    All registers are afterwards as they were. (Microsoft's x64 calling convention.)
    """
    saved = {name: register(name) for name in _SAVED}
    back, rsp = saved["rip"], buffer.rsp - 8
    stack = struct.pack("<Q", back) + bytes(_SHADOW)
    stack += b"".join(struct.pack("<Q", each) for each in arguments[4:])
    gdb.selected_inferior().write_memory(rsp, stack)
    for name, value in zip(("rcx", "rdx", "r8", "r9"), arguments, strict=False):
        _set(name, value)
    _set("rsp", rsp)
    _set("rip", function)
    disabled = [each for each in gdb.breakpoints() if each.enabled]
    for each in disabled:
        each.enabled = False
    there = gdb.Breakpoint(f"*{back:#x}", gdb.BP_HARDWARE_BREAKPOINT, internal=True)
    there.silent = True
    try:
        gdb.execute("continue", to_string=True)
        if register("rip") != back:
            raise gdb.GdbError("The firmware did not come back from the call.")
        return register("rax")
    finally:
        there.delete()
        for each in disabled:
            each.enabled = True
        for name, value in saved.items():
            _set(name, value)


def _set(name: str, value: int) -> None:
    gdb.execute(f"set var ${name} = {value:#x}", to_string=True)


def _number(address: int) -> int:
    found: int = struct.unpack("<Q", memory(address, 8))[0]
    return found
