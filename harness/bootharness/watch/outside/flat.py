"""What a loop looks at whose addresses are physical ones: a UEFI's and its programs', in long mode
(UEFI specification 2.10, 2.3.4), and that of a boot manager in protected mode.

    0                                    end of RAM
    | a page is copied when it is looked at | devices
"""

import re
from collections.abc import Callable

from unicorn import UC_MODE_32, UC_MODE_64, x86_const

from bootharness.watch.outside.copied_cpu import ANSWERS, CopiedCpu, values_in

__all__ = ["flat_looks_at"]

# a UEFI asks a keyboard, a serial line and an event for a key, each by a driver of its own
_CODE_BYTES = 1 << 16
_PAGE = 4096
_STACK = range(-1 << 10, 1 << 14)
_SEGMENT_BASE = re.compile(r"\b[CDES]S *=[0-9a-f]{4} ([0-9a-f]{8,16})\b")
_LEGACY = {f"E{name}": f"UC_X86_REG_E{name}"
           for name in ("AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP", "IP")}  # fmt: skip
_WIDE = {f"R{name[1:]}": f"UC_X86_REG_R{name[1:]}" for name in _LEGACY}
_WIDE |= {f"R{number}": f"UC_X86_REG_R{number}" for number in range(8, 16)}
_FLAGS = {"EFL": "UC_X86_REG_EFLAGS", "RFL": "UC_X86_REG_EFLAGS"}
_REGISTERS = {
    name: getattr(x86_const, constant) for name, constant in (_LEGACY | _WIDE | _FLAGS).items()
}
# OSFXSR and OSXMMEXCPT: a UEFI's programs may use SSE
_SSE_ON = 1 << 9 | 1 << 10
RamAt = Callable[[int, int], bytes]


def flat_looks_at(ram_at: RamAt, dump: str, *, wide: bool) -> str | None:
    """Return what a guest looks at again and again that changes without it, or might; None for one
    that uses segments.

    ``ram_at`` gives its memory by physical address and bytes, less of it where that is no RAM;
    ``dump`` is QEMU's ``info registers``.
    """
    if not wide and any(int(base, 16) for base in _SEGMENT_BASE.findall(dump)):
        return None
    seen = (_FlatCpu(ram_at, dump, answer, wide=wide).looks_at() for answer in ANSWERS)
    return next(filter(None, seen), None)


class _FlatCpu(CopiedCpu):
    def __init__(self, ram_at: RamAt, dump: str, answer: int, *, wide: bool) -> None:
        super().__init__(UC_MODE_64 if wide else UC_MODE_32, answer, _CODE_BYTES)
        self._ram_at, self._copied = ram_at, set[int]()
        self._at = x86_const.UC_X86_REG_RIP if wide else x86_const.UC_X86_REG_EIP
        self._stack_at = x86_const.UC_X86_REG_RSP if wide else x86_const.UC_X86_REG_ESP
        self._uc.reg_write(x86_const.UC_X86_REG_CR4,
                           self._uc.reg_read(x86_const.UC_X86_REG_CR4) | _SSE_ON)  # fmt: skip
        for name, value in values_in(dump).items():
            if name in _REGISTERS:
                self._uc.reg_write(_REGISTERS[name], value)

    @property
    def _linear(self) -> int:
        return int(self._uc.reg_read(self._at))

    @property
    def _nowhere(self) -> int:
        return 1  # where no code of anybody's is

    def _changing(self, at: int) -> str:
        """Who has the timer's interrupt may have it write anywhere; but to what is on a stack that
        is in use."""
        near = at - int(self._uc.reg_read(self._stack_at))
        return "" if near in _STACK else f"the memory at {at:#x}"

    def _maps(self, at: int, count: int) -> bool:
        for page in sorted({at & -_PAGE, at + count - 1 & -_PAGE} - self._copied):
            content = self._ram_at(page, _PAGE)
            if len(content) < _PAGE:
                return False
            self._uc.mem_map(page, _PAGE)
            self._uc.mem_write(page, content)
            self._copied.add(page)
        return True
