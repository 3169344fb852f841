"""The CPU: unicorn, and a quick way to its registers."""

import ctypes
import struct

from unicorn import UC_ARCH_X86, UC_HOOK_CODE, UC_MODE_16, Uc, x86_const
from unicorn.unicorn_const import UC_CTL_IO_WRITE, UC_CTL_TB_REMOVE_CACHE
from unicorn.unicorn_py3.unicorn import uclib

from bootharness.predictor.frame import Frame

__all__ = ["Cpu"]

_NAMES = {"ip": "EIP", "flags": "EFLAGS"}
_IDS = tuple(
    getattr(x86_const, f"UC_X86_REG_{_NAMES.get(name, name.upper())}")
    for name in Frame.__struct_fields__
)
_COUNT = len(_IDS)
_VALUES = struct.Struct(f"<{_COUNT}Q")
_FORGET = UC_CTL_IO_WRITE << 30 | 2 << 26 | UC_CTL_TB_REMOVE_CACHE
_IP = 0xFFFF
# nothing is there: emulation has no address to end at
_NOWHERE = 0xFFFF_FFF0


class Cpu:
    """An x86 CPU in real mode; whoever holds it hooks what it does.

    The binding takes 60 us to read these registers, and every BIOS call needs them twice: so
    what is done at every call goes through the C library's own functions.
    """

    def __init__(self) -> None:
        self.uc = Uc(UC_ARCH_X86, UC_MODE_16)
        self._engine = self.uc._uch
        self._values = (ctypes.c_uint64 * _COUNT)()
        self._all = self._chosen(tuple(range(_COUNT)))
        self._written: dict[tuple[int, ...], _Chosen] = {}

    def frame(self) -> Frame:
        """Return all registers."""
        uclib.uc_reg_read_batch(self._engine, *self._all)
        return Frame(*_VALUES.unpack(self._values))

    def set(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        """Set the registers that have changed; the order is that of `register_values`."""
        changed = tuple(index for index in range(_COUNT) if before[index] != after[index])
        for index in changed:
            self._values[index] = after[index]
        if changed not in self._written:
            self._written[changed] = self._chosen(changed)
        uclib.uc_reg_write_batch(self._engine, *self._written[changed])

    def interrupt_table(self) -> tuple[int, int]:
        """Return the base and the limit in IDTR."""
        _, base, limit, _ = self.uc.reg_read(x86_const.UC_X86_REG_IDTR)
        return base, limit

    def forget(self, start: int, end: int) -> None:
        """Forget what code was at these addresses: somebody else wrote there."""
        uclib.uc_ctl(self._engine, _FORGET, ctypes.c_uint64(start), ctypes.c_uint64(end))

    def run(self, instructions: int) -> None:
        """Run on for so many instructions at the most.

        Raises UcError for what a CPU would raise an exception for.
        """
        frame = self.frame()
        if frame.ip > _IP and not frame.real_mode:
            self._go_on_above(frame.ip)
            instructions += 1
        # unicorn takes CS * 16 + IP also where CS is a selector
        self.uc.emu_start(frame.cs * 16 + frame.ip, _NOWHERE, count=instructions)

    def _go_on_above(self, eip: int) -> None:
        """Have the CPU go on there: unicorn, made for real mode, starts it at the lower 16 bits.

        That takes one instruction more, which is not carried out.
        """
        low = eip & _IP

        def jump(uc: Uc, _at: int, _size: int, _data: object) -> None:
            uc.hook_del(hook)
            uc.reg_write(x86_const.UC_X86_REG_EIP, eip)

        hook = self.uc.hook_add(UC_HOOK_CODE, jump, begin=low, end=low)
        self.forget(low, low + 1)

    def _chosen(self, indices: tuple[int, ...]) -> "_Chosen":
        """Return registers as the C library wants them: numbers, places of values, how many."""
        count, first = len(indices), ctypes.addressof(self._values)
        return (
            (ctypes.c_int * count)(*[_IDS[index] for index in indices]),
            (ctypes.c_void_p * count)(*[first + 8 * index for index in indices]),
            count,
        )


_Chosen = tuple[ctypes.Array[ctypes.c_int], ctypes.Array[ctypes.c_void_p], int]
