"""One call of a BIOS service, with the names that the services and their errors have."""

import struct
from functools import lru_cache
from typing import ClassVar, Self

from msgspec import Struct
from msgspec.structs import astuple

from bootharness.errors import FormatError
from bootharness.formats.gdt import BlockMoveTable
from bootharness.text import seg_off

__all__ = [
    "BIOS_SEGMENTS",
    "SERVICES",
    "STATUS",
    "BiosCall",
    "DiskAddressPacket",
    "Registers",
]

BIOS_SEGMENTS = 0xC000
"""Code in this segment or above is the BIOS or an option ROM."""

CARRY = 0x0001
_TELETYPE = (0x10, 0x0E)

SERVICES = {
    (0x10, 0x02): "set cursor",
    (0x10, 0x09): "write character",
    (0x10, 0x0E): "teletype output",
    (0x13, 0x00): "reset disk",
    (0x13, 0x02): "read sectors",
    (0x13, 0x08): "get drive parameters",
    (0x13, 0x15): "get disk type",
    (0x13, 0x41): "EDD extensions check",
    (0x13, 0x42): "extended read",
    (0x13, 0x43): "extended write",
    (0x13, 0x44): "verify sectors",
    (0x13, 0x48): "extended drive parameters",
    (0x13, 0x4B): "emulation status of a CD",
    (0x15, 0x24): "A20 gate",
    (0x15, 0x87): "block move",
    (0x15, 0x88): "extended memory size",
    (0x15, 0xE8): "memory map",
    (0x15, 0xE9): "SpeedStep",
    (0x15, 0xEC): "expected mode",
    (0x15, 0x53): "APM",
    (0x15, 0xC0): "system configuration",
    (0x16, 0x00): "read key",
    (0x16, 0x02): "shift flags",
    (0x16, 0x03): "typematic rate",
    (0x16, 0x10): "read extended key",
    (0x18, 0x00): "boot failed",
    (0x19, 0x00): "bootstrap loader",
}
"""Names by interrupt and AH."""

STATUS = {
    0x13: {
        0x01: "invalid function or parameter",
        0x02: "address mark not found",
        0x03: "write-protected",
        0x04: "sector not found",
        0x05: "reset failed",
        0x06: "disk changed",
        0x07: "drive parameter activity failed",
        0x08: "DMA overrun",
        0x09: "DMA across a 64 KiB boundary",
        0x0A: "bad sector",
        0x0B: "bad track",
        0x0C: "media type not found",
        0x0D: "invalid number of sectors",
        0x10: "uncorrectable ECC error",
        0x11: "corrected ECC error",
        0x20: "controller failed",
        0x31: "no media",
        0x40: "seek failed",
        0x80: "timed out",
        0xAA: "drive not ready",
        0xBB: "undefined error",
        0xCC: "write fault",
        0xE0: "status error",
        0xFF: "sense failed",
    },
    0x15: {
        0x01: "parity error",
        0x02: "exception interrupt",
        0x03: "A20 gate failed",
        0x86: "not supported",
    },
}
"""AH as returned with CF set, by interrupt (EDD, AT BIOS interface)."""

_PACKET = struct.Struct("<BBHHHQ")


class DiskAddressPacket(Struct, frozen=True):
    """What INT 13h AH=42h is to read where (EDD): sectors of the drive to segment:offset."""

    size: int
    reserved: int
    sectors: int
    offset: int
    segment: int
    lba: int

    SIZE: ClassVar[int] = 16

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Parse 16 bytes. Raises FormatError for another length."""
        if len(raw) != cls.SIZE:
            raise FormatError(f"a disk address packet has {cls.SIZE} bytes, not {len(raw)}")
        return cls(*_PACKET.unpack(raw))

    def build(self) -> bytes:
        """Return the packet's 16 bytes."""
        return _PACKET.pack(*astuple(self))

    @property
    def buffer(self) -> int:
        """The buffer's linear address."""
        return self.segment * 16 + self.offset


class Registers(Struct, frozen=True):
    """Registers of the calling code; ``sp`` as before the INT, None where not recorded."""

    eax: int
    ebx: int
    ecx: int
    edx: int
    esi: int
    edi: int
    ebp: int
    esp: int
    ds: int
    es: int
    flags: int
    cs: int
    ip: int
    ss: int | None = None
    fs: int | None = None
    gs: int | None = None

    @property
    def ah(self) -> int:
        """Bits 8 to 15 of EAX."""
        return self.eax >> 8 & 0xFF

    @property
    def al(self) -> int:
        """Bits 0 to 7 of EAX."""
        return self.eax & 0xFF

    @property
    def carry(self) -> bool:
        """The carry flag, by which BIOS services report an error."""
        return bool(self.flags & CARRY)

    @property
    def interrupts(self) -> bool:
        """The interrupt flag."""
        return bool(self.flags & 0x0200)


class BiosCall(Struct, frozen=True):
    """One call of the BIOS: what went in, what came out, when."""

    number: int
    """The interrupt: 0x13."""
    function: int
    """AH as the caller had it."""
    registers_in: Registers
    """The registers at the call."""
    registers_out: Registers | None
    """The registers at the return, None for a call that did not return, or whose return the tracer
    does not look at."""
    called_at: float
    """Seconds since launch."""
    returned_at: float | None
    """Seconds since launch, None without a return."""
    packet: DiskAddressPacket | None = None
    """What an extended read is to read, parsed."""
    table_hex: str = ""
    """The 48 bytes of a block-move table."""

    @property
    def table(self) -> BlockMoveTable | None:
        """The block-move table at ES:SI, as it was when the BIOS was called."""
        return _table(self.table_hex) if self.table_hex else None

    @property
    def from_bios(self) -> bool:
        """Whether the BIOS or an option ROM made the call."""
        return self.registers_in.cs >= BIOS_SEGMENTS

    @property
    def failed(self) -> bool:
        """Whether the service returned an error; keyboard and video services have no way to."""
        reports = self.number in (0x13, 0x15)
        return reports and self.registers_out is not None and self.registers_out.carry

    @property
    def status(self) -> int | None:
        """AH as returned, None for a call that did not return."""
        return None if self.registers_out is None else self.registers_out.ah

    @property
    def status_name(self) -> str:
        """The status in words."""
        if self.registers_out is None:
            return "did not return"
        if not self.failed:
            return "ok"
        status = self.registers_out.ah
        return STATUS[self.number].get(status, f"status 0x{status:02x}")

    @property
    def service(self) -> str:
        """The service in words, empty where it has no name here."""
        function = 0 if self.number in (0x18, 0x19) else self.function
        return SERVICES.get((self.number, function), "")

    def __str__(self) -> str:
        """Write the call in one line, in the manner of strace."""
        regs = self.registers_in
        caller = seg_off(regs.cs, regs.ip)
        head = f"{self.called_at:8.4f} {caller} INT {self.number:02x}h AH={self.function:02x}h"
        return f"{head} {self.service}{self._arguments()} = {self._result()}"

    def _arguments(self) -> str:
        regs = self.registers_in
        if self.packet:
            packet = self.packet
            return (
                f"(drive 0x{regs.edx & 0xFF:02x}, LBA {packet.lba}, {packet.sectors} sectors, "
                f"to {seg_off(packet.segment, packet.offset)})"
            )
        if table := self.table:
            return (
                f"(0x{table.source.base:06x} -> 0x{table.destination.base:06x}, "
                f"{(regs.ecx & 0xFFFF) * 2} bytes)"
            )
        if (self.number, self.function) in ((0x10, 0x09), _TELETYPE):
            return f"({chr(regs.al)!r})"
        return f"(eax=0x{regs.eax:x}, ebx=0x{regs.ebx:x}, ecx=0x{regs.ecx:x}, edx=0x{regs.edx:x})"

    def _result(self) -> str:
        if self.registers_out is None:
            return "?"
        return f"CF=1 AH={self.registers_out.ah:02x}h {self.status_name}" if self.failed else "ok"


@lru_cache(maxsize=1 << 14)  # more than fill 512 MiB: a cache that is a little too small is none
def _table(text: str) -> BlockMoveTable:
    return BlockMoveTable.parse(bytes.fromhex(text))
