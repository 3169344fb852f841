"""What a loop in real mode looks at, in a copy of the guest's first MiB."""

import struct

from unicorn import UC_HOOK_INTR, UC_MODE_16, Uc, x86_const

from bootharness.watch.outside.copied_cpu import ANSWERS, CopiedCpu, values_in

__all__ = ["COPIED_BYTES", "real_looks_at"]

COPIED_BYTES = 0x110000
"""All that real mode can address."""
_CODE_BYTES = 4096
# the BIOS data area, where the ticks are counted; and the screen's memory
_CHANGING = (range(0x400, 0x600), range(0xA0000, 0xC0000))
_CLOCK = range(0x46C, 0x471)
_ROM_FROM = 0xC0000
# of the timer, the keyboard and other devices, the user's part of the timer's, the clock, the disks
_INTERRUPT_VECTORS = (*range(0x08, 0x10), 0x1C, *range(0x70, 0x78))
# carry and zero, by which a BIOS answers
_RETURNED = 1 << 0 | 1 << 6
_NAMES = ("EAX", "EBX", "ECX", "EDX", "ESI", "EDI", "EBP", "ESP", "EIP", "EFLAGS",
          "CS", "DS", "ES", "FS", "GS", "SS")  # fmt: skip
_REGISTERS = {name: getattr(x86_const, f"UC_X86_REG_{name}") for name in _NAMES}
_LONG = {"EFL": "EFLAGS", "RFL": "EFLAGS"} | {f"R{name[1:]}": name for name in _NAMES}


def real_looks_at(memory: bytes, dump: str) -> str | None:
    """Return what a guest in real mode looks at again and again that changes without it, or might.

    ``memory`` is the guest's from address 0 on, ``dump`` QEMU's ``info registers``.
    """
    seen = (_RealCpu(memory, dump, answer).looks_at() for answer in ANSWERS)
    return next(filter(None, seen), None)


class _RealCpu(CopiedCpu):
    def __init__(self, memory: bytes, dump: str, answer: int) -> None:
        super().__init__(UC_MODE_16, answer, _CODE_BYTES)
        self._uc.mem_map(0, COPIED_BYTES)
        self._uc.mem_write(0, memory[:COPIED_BYTES])
        for name, value in values_in(dump).items():
            register = _LONG.get(name, name)
            if register in _REGISTERS:
                self._uc.reg_write(_REGISTERS[register], value & 0xFFFFFFFF)
        vectors = struct.iter_unpack("<2H", memory[:1024])
        lowest = [segment * 16 + offset for offset, segment in vectors]
        self._own_handlers = any(lowest[each] < _ROM_FROM for each in _INTERRUPT_VECTORS)
        self._uc.hook_add(UC_HOOK_INTR, self._on_interrupt)

    @property
    def _linear(self) -> int:
        return self._register("CS") * 16 + self._register("EIP")

    @property
    def _nowhere(self) -> int:
        return COPIED_BYTES

    def _register(self, name: str) -> int:
        return int(self._uc.reg_read(_REGISTERS[name]))

    def _on_interrupt(self, uc: Uc, number: int, _data: object) -> None:
        self._look(f"what INT {number:02x}h returns")
        flags = self._register("EFLAGS") & ~_RETURNED | self._answer & _RETURNED
        uc.reg_write(_REGISTERS["EFLAGS"], flags)

    def _changing(self, at: int) -> str:
        if not self._own_handlers and not any(at in each for each in _CHANGING):
            return ""
        return "the BIOS's clock" if at in _CLOCK else f"the memory at {at:#x}"
