"""A caller's registers, as a BIOS service reads and changes them."""

from operator import attrgetter

from msgspec import Struct

from bootharness.formats.bioscall import CARRY, Registers

__all__ = ["INTERRUPTS", "ZERO", "Frame", "register_values", "registers"]

ZERO = 0x0040
INTERRUPTS = 0x0200

_WORD = 0xFFFF
_PE = 1


class Frame(Struct):
    """All registers of the CPU; at a BIOS call ``ip`` is behind the INT."""

    eax: int = 0
    ebx: int = 0
    ecx: int = 0
    edx: int = 0
    esi: int = 0
    edi: int = 0
    ebp: int = 0
    esp: int = 0
    ds: int = 0
    es: int = 0
    flags: int = 0
    cs: int = 0
    ip: int = 0
    ss: int = 0
    fs: int = 0
    gs: int = 0
    cr0: int = 0

    @property
    def ax(self) -> int:
        """Bits 0 to 15 of EAX."""
        return self.eax & _WORD

    @ax.setter
    def ax(self, value: int) -> None:
        self.eax = self.eax & ~_WORD | value & _WORD

    @property
    def ah(self) -> int:
        """Bits 8 to 15 of EAX."""
        return self.eax >> 8 & 0xFF

    @ah.setter
    def ah(self, value: int) -> None:
        self.eax = self.eax & ~0xFF00 | value << 8

    @property
    def al(self) -> int:
        """Bits 0 to 7 of EAX."""
        return self.eax & 0xFF

    @al.setter
    def al(self, value: int) -> None:
        self.eax = self.eax & ~0xFF | value & 0xFF

    @property
    def bx(self) -> int:
        """Bits 0 to 15 of EBX."""
        return self.ebx & _WORD

    @bx.setter
    def bx(self, value: int) -> None:
        self.ebx = self.ebx & ~_WORD | value & _WORD

    @property
    def cx(self) -> int:
        """Bits 0 to 15 of ECX."""
        return self.ecx & _WORD

    @cx.setter
    def cx(self, value: int) -> None:
        self.ecx = self.ecx & ~_WORD | value & _WORD

    @property
    def dx(self) -> int:
        """Bits 0 to 15 of EDX."""
        return self.edx & _WORD

    @dx.setter
    def dx(self, value: int) -> None:
        self.edx = self.edx & ~_WORD | value & _WORD

    @property
    def drive(self) -> int:
        """DL: the BIOS's number of a drive."""
        return self.edx & 0xFF

    @property
    def real_mode(self) -> bool:
        """Whether the CPU is in real mode, unreal mode included."""
        return not self.cr0 & _PE

    @property
    def linear(self) -> int:
        """The address of the next instruction; in protected mode that of a flat segment."""
        return self.cs * 16 + self.ip if self.real_mode else self.ip

    def far(self, segment: int, offset: int) -> int:
        """Return the linear address of ``segment:offset``, of which 16 bits count."""
        return segment * 16 + (offset & _WORD)

    def set_flag(self, bit: int, *, on: bool) -> None:
        """Set or clear a bit of FLAGS."""
        self.flags = self.flags | bit if on else self.flags & ~bit

    def answer(self, status: int) -> None:
        """Return a status in AH, and with it CF unless it is 0."""
        self.ah = status
        self.set_flag(CARRY, on=status != 0)


register_values = attrgetter(*Frame.__struct_fields__)
"""All registers of a frame as a tuple, in the order of its fields."""


def registers(values: tuple[int, ...]) -> Registers:
    """Return a frame's values as a trace keeps them."""
    eax, ebx, ecx, edx, esi, edi, ebp, esp, ds, es, flags, cs, ip, ss, fs, gs, _ = values
    return Registers(
        eax, ebx, ecx, edx, esi, edi, ebp, esp, ds, es, flags & _WORD, cs, ip, ss, fs, gs
    )
