"""Does a loop in real mode look at what changes by itself: the time, a device, a handler's memory?

Then it may be waiting, and only time tells that from a hang. It is told by letting copies of the
guest's first MiB and of its registers go on for a while, apart from the guest.
"""

import re
import struct

from unicorn import (
    UC_ARCH_X86,
    UC_HOOK_BLOCK,
    UC_HOOK_INSN,
    UC_HOOK_INTR,
    UC_HOOK_MEM_READ,
    UC_HOOK_MEM_UNMAPPED,
    UC_MODE_16,
    Uc,
    UcError,
    x86_const,
)

from bootharness.host.deadline import Deadline

__all__ = ["COPIED_BYTES", "looks_at"]

COPIED_BYTES = 0x110000
"""All that real mode can address."""
_INSTRUCTIONS = 100_000
# no loop that waits has more code: who runs through that has lost its way
_CODE_BYTES = 4096
_FOLLOWED_S = 0.1
# the BIOS data area, where the ticks are counted; and the screen's memory
_CHANGING = (range(0x400, 0x600), range(0xA0000, 0xC0000))
_CLOCK = range(0x46C, 0x471)
_ROM_FROM = 0xC0000
# of the timer, the keyboard and other devices, the user's part of the timer's, the clock, the disks
_INTERRUPT_VECTORS = (*range(0x08, 0x10), 0x1C, *range(0x70, 0x78))
_INTERRUPTS_ON = 1 << 9
# carry and zero, by which a BIOS answers
_RETURNED = 1 << 0 | 1 << 6
# of a device or a BIOS: no bit is set, or all are; one of them is not what a loop waits for
_ANSWERS = (0, 0xFFFFFFFF)
_HLT = 0xF4
# RDTSC and RDTSCP
_READS_CYCLES = (b"\x0f\x31", b"\x0f\x01\xf9")
_NAMES = ("EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "ESP", "EIP", "EFLAGS",
          "CS", "DS", "ES", "FS", "GS", "SS")  # fmt: skip
_REGISTERS = {name: getattr(x86_const, f"UC_X86_REG_{name}") for name in _NAMES}
_LONG = {"EFL": "EFLAGS", "RFL": "EFLAGS"} | {f"R{name[1:]}": name for name in _NAMES}
_VALUE = re.compile(r"\b([A-Z]{2,3}) ?=([0-9a-f]{4,16})\b")


def looks_at(memory: bytes, dump: str) -> str | None:
    """Return what a guest in real mode looks at again and again that changes without it, or might.

    ``memory`` is the guest's from address 0 on, ``dump`` QEMU's ``info registers``.
    """
    seen = (_Copy(memory, dump, answer).looks_at() for answer in _ANSWERS)
    return next(filter(None, seen), None)


class _Copy:
    """A CPU and a memory apart from the guest's; all devices give one ``answer``."""

    def __init__(self, memory: bytes, dump: str, answer: int) -> None:
        self._outside: str | None = None
        self._answer = answer
        self._entry, self._block = 0, 0
        self._blocks: dict[int, int] = {}
        self._looked_from: dict[int, int] = {}
        self._uc = Uc(UC_ARCH_X86, UC_MODE_16)
        self._uc.mem_map(0, COPIED_BYTES)
        self._uc.mem_write(0, memory[:COPIED_BYTES])
        for name, value in _VALUE.findall(dump):
            register = _LONG.get(name, name)
            if register in _REGISTERS:
                self._uc.reg_write(_REGISTERS[register], int(value, 16) & 0xFFFFFFFF)
        vectors = struct.iter_unpack("<2H", memory[:1024])
        lowest = [segment * 16 + offset for offset, segment in vectors]
        self._own_handlers = any(lowest[each] < _ROM_FROM for each in _INTERRUPT_VECTORS)
        self._uc.hook_add(UC_HOOK_BLOCK, self._on_block)
        self._uc.hook_add(UC_HOOK_MEM_READ, self._on_read)
        self._uc.hook_add(UC_HOOK_MEM_UNMAPPED, self._on_unmapped)
        self._uc.hook_add(UC_HOOK_INTR, self._on_interrupt)
        self._uc.hook_add(UC_HOOK_INSN, self._on_in, aux1=x86_const.UC_X86_INS_IN)

    def looks_at(self) -> str | None:
        """Return what it looks at, as far as it is followed."""
        deadline = Deadline.after(_FOLLOWED_S)
        while self._goes_on() and not deadline.expired:
            pass
        return self._outside

    def _goes_on(self) -> bool:
        """Go on for a while, to the next HLT at most, and return whether there is more to see."""
        try:
            self._uc.emu_start(self._linear, COPIED_BYTES, count=_INSTRUCTIONS)
        except UcError:  # as for an exception, which no BIOS does anything about
            return False
        halted = self._uc.mem_read(max(self._linear - 1, 0), 1)[0] == _HLT
        lost = sum(self._blocks.values()) > _CODE_BYTES
        return halted and self._interrupts_on and not self._outside and not lost

    @property
    def _linear(self) -> int:
        return self._register("CS") * 16 + self._register("EIP")

    @property
    def _interrupts_on(self) -> bool:
        return bool(self._register("EFLAGS") & _INTERRUPTS_ON)

    def _register(self, name: str) -> int:
        return int(self._uc.reg_read(_REGISTERS[name]))

    def _look(self, what: str) -> None:
        """Note a look: one that is made again from the same place is one of a loop."""
        if self._looked_from.setdefault(self._block, self._entry) != self._entry:
            self._waits_for(what)

    def _waits_for(self, what: str) -> None:
        self._outside = what
        self._uc.emu_stop()

    def _on_block(self, uc: Uc, at: int, size: int, _data: object) -> None:
        self._entry, self._block = self._entry + 1, at
        if at not in self._blocks:
            self._blocks[at] = size
            code = bytes(uc.mem_read(at, size))
            if any(each in code for each in _READS_CYCLES):
                self._waits_for("the CPU's cycle counter")
            elif sum(self._blocks.values()) > _CODE_BYTES:
                uc.emu_stop()

    def _on_in(self, _uc: Uc, port: int, *_: object) -> int:
        self._look(f"port {port:02x}h")
        return self._answer

    def _on_interrupt(self, uc: Uc, number: int, _data: object) -> None:
        self._look(f"what INT {number:02x}h returns")
        flags = self._register("EFLAGS") & ~_RETURNED | self._answer & _RETURNED
        uc.reg_write(_REGISTERS["EFLAGS"], flags)

    def _on_read(self, _uc: Uc, _access: int, at: int, *_: object) -> None:
        changing = self._own_handlers or any(at in each for each in _CHANGING)
        if changing and self._interrupts_on:
            self._look("the BIOS's clock" if at in _CLOCK else f"the memory at {at:#x}")

    def _on_unmapped(self, _uc: Uc, _access: int, at: int, *_: object) -> bool:
        """Stop at what is above: it may be a device, or be written by one."""
        self._waits_for(f"the memory at {at:#x}")
        return False
