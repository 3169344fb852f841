"""A copy of a guest's CPU that goes on apart from it, and tells what it looks at."""

import re
from abc import ABC, abstractmethod

from unicorn import (
    UC_ARCH_X86,
    UC_HOOK_BLOCK,
    UC_HOOK_INSN,
    UC_HOOK_MEM_READ,
    UC_HOOK_MEM_UNMAPPED,
    Uc,
    UcError,
    x86_const,
)

from bootharness.host.deadline import Deadline

__all__ = ["ANSWERS", "CopiedCpu", "values_in"]

ANSWERS = (0, 0xFFFFFFFF)
"""Of a device or a BIOS: no bit is set, or all are; one of them is not what a loop waits for."""
_INSTRUCTIONS = 100_000
_FOLLOWED_S = 0.1
_INTERRUPTS_ON = 1 << 9
_HLT = 0xF4
# RDTSC and RDTSCP
_READS_CYCLES = (b"\x0f\x31", b"\x0f\x01\xf9")
_VALUE = re.compile(r"\b([A-Z]{2,3}|R\d{1,2}) *=([0-9a-f]{4,16})\b")


def values_in(dump: str) -> dict[str, int]:
    """Return the registers of QEMU's ``info registers`` by the names that it has for them."""
    return {name: int(value, 16) for name, value in _VALUE.findall(dump)}


class CopiedCpu(ABC):
    """A CPU and a memory apart from the guest's; all devices give one ``answer``.

    ``code_bytes`` is more than the code that a loop has which waits: who runs through so much has
    lost its way.
    """

    def __init__(self, mode: int, answer: int, code_bytes: int) -> None:
        self._answer, self._code_bytes = answer, code_bytes
        self._outside: str | None = None
        self._entry, self._block = 0, 0
        self._blocks: dict[int, int] = {}
        self._looked_from: dict[int, int] = {}
        self._uc = Uc(UC_ARCH_X86, mode)
        self._uc.hook_add(UC_HOOK_BLOCK, self._on_block)
        self._uc.hook_add(UC_HOOK_MEM_READ, self._on_read)
        self._uc.hook_add(UC_HOOK_MEM_UNMAPPED, self._on_unmapped)
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
            self._uc.emu_start(self._linear, self._nowhere, count=_INSTRUCTIONS)
            halted = self._uc.mem_read(max(self._linear - 1, 0), 1)[0] == _HLT
        except UcError:  # as for an exception, or a jump into memory that was not looked at
            return False
        lost = sum(self._blocks.values()) > self._code_bytes
        return halted and self._interrupts_on and not self._outside and not lost

    @property
    @abstractmethod
    def _linear(self) -> int:
        """Where it is."""

    @property
    @abstractmethod
    def _nowhere(self) -> int:
        """An address that it does not come to."""

    @abstractmethod
    def _changing(self, at: int) -> str:
        """Return what changes at an address while interrupts are on, empty where nothing does."""

    def _maps(self, _at: int, _count: int) -> bool:
        """Copy memory that is not there yet, and return whether it is now."""
        return False

    @property
    def _interrupts_on(self) -> bool:
        return bool(int(self._uc.reg_read(x86_const.UC_X86_REG_EFLAGS)) & _INTERRUPTS_ON)

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
            elif sum(self._blocks.values()) > self._code_bytes:
                uc.emu_stop()

    def _on_in(self, _uc: Uc, port: int, *_: object) -> int:
        self._look(f"port {port:02x}h")
        return self._answer

    def _on_read(self, _uc: Uc, _access: int, at: int, *_: object) -> None:
        if (what := self._changing(at)) and self._interrupts_on:
            self._look(what)

    def _on_unmapped(self, _uc: Uc, _access: int, at: int, count: int, *_: object) -> bool:
        """Stop at what is no RAM: it may be a device, or be written by one."""
        if self._maps(at, count):
            return True
        self._waits_for(f"the memory at {at:#x}")
        return False
