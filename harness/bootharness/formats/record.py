"""The recorder's log: what mbr/recorder.asm sends, byte by byte.

    time      4   time stamp counter / 256
    es ds     2 2
    edi esi ebp esp ebx edx ecx eax   8 x 4
    -         2   a return address of the recorder's own
    tag       2   'C'all, 'R'eturn, 'H'andoff, 'I'nstalled
    number    1   of the interrupt, 0 when installed
    function  1   AH at the call
    ip cs     2 2 return address: behind the INT; at the handoff the entry point itself
    flags     2   at the call; as the BIOS returned them
    extra         call of INT 13h AH=42h..44h: disk address packet, 16
                  call of INT 15h AH=87h: block-move table, 48
                  call of INT 19h, installed: ACPI timer, 4
                  handoff: ss fs gs, 3 x 2

`struct` reads it, not construct: a boot sends a thousand of these, and half of the time to
a verdict would go into parsing them.
"""

import struct
from collections.abc import Callable, Iterable

from msgspec import Struct, field

from bootharness.errors import FormatError
from bootharness.formats.bioscall import BiosCall, DiskAddressPacket, Registers
from bootharness.formats.gdt import BlockMoveTable

__all__ = ["Decoder", "Pairing", "Record"]

_FRAME = struct.Struct("<IHH8IHHBBHHH")
_HANDOFF = struct.Struct("<HHH")
# From the caller's INT down to the PUSHAD: the interrupt's frame, number, tag, return address.
_STACKED = 6 + 2 + 2 + 2
_TAGS = {ord(tag) for tag in "CRHI"}


class Record(Struct, frozen=True):
    """One record; ``ticks`` are 256 cycles of the time stamp counter, counted on from the first."""

    tag: str
    ticks: int
    number: int
    function: int
    registers: Registers
    extra: bytes

    @property
    def exact(self) -> bool:
        """Whether a handoff was caught at the entry point, not at the kernel's first call."""
        return self.number == 0x01

    @property
    def table_hex(self) -> str:
        """The block-move table that a call carries, empty without one."""
        return self.extra.hex() if len(self.extra) == BlockMoveTable.SIZE else ""

    @property
    def pm_timer(self) -> int | None:
        """The ACPI timer where the record carries it and the machine has one."""
        if len(self.extra) != 4:
            return None
        value = int.from_bytes(self.extra, "little")
        return None if value == 0xFFFFFFFF else value & 0xFFFFFF


class Decoder(Struct):
    """Turns bytes, in pieces as they come, into records."""

    pending: bytes = b""
    offset: int = 0
    ticks: int = 0

    def feed(self, data: bytes) -> list[Record]:
        """Return the records that these bytes complete.

        Raises FormatError, with the offset, when the log cannot be the recorder's.
        """
        data = self.pending + data
        records, at = [], 0
        while len(data) - at >= _FRAME.size:
            time, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, _, tag, number, function, \
                ip, cs, flags = _FRAME.unpack_from(data, at)  # fmt: skip
            if tag not in _TAGS:
                raise FormatError(f"no record begins at byte {self.offset + at} of the log")
            size = _extra_bytes(chr(tag), number, function)
            if len(data) - at < _FRAME.size + size:
                break
            extra = data[at + _FRAME.size : at + _FRAME.size + size]
            ss, fs, gs = _HANDOFF.unpack(extra) if chr(tag) == "H" else (None, None, None)
            self.ticks += (time - self.ticks) & 0xFFFFFFFF
            records.append(
                Record(
                    chr(tag),
                    self.ticks,
                    number,
                    function,
                    Registers(
                        eax=eax,
                        ebx=ebx,
                        ecx=ecx,
                        edx=edx,
                        esi=esi,
                        edi=edi,
                        ebp=ebp,
                        esp=esp & 0xFFFF0000 | (esp + _STACKED) & 0xFFFF,
                        ds=ds,
                        es=es,
                        flags=flags,
                        cs=cs,
                        ip=ip,
                        ss=ss,
                        fs=fs,
                        gs=gs,
                    ),
                    extra,
                )
            )
            at += _FRAME.size + size
        self.pending, self.offset = data[at:], self.offset + at
        return records


def _extra_bytes(tag: str, number: int, function: int) -> int:
    if tag == "H":
        return _HANDOFF.size
    if tag == "I" or (tag == "C" and number == 0x19):
        return 4
    if tag == "C" and number == 0x13 and 0x42 <= function <= 0x44:
        return DiskAddressPacket.SIZE
    if tag == "C" and number == 0x15 and function == 0x87:
        return BlockMoveTable.SIZE
    return 0


class _Entry(Struct):
    call: Record
    packet: DiskAddressPacket | None
    table_hex: str
    returned: Record | None = None


class Pairing(Struct):
    """Joins calls with their returns, in the order of the calls.

    A return belongs to the last open call of the same interrupt from the same place; calls
    inside it that never returned stay open (a BIOS that boots the next device, for example).
    """

    _entries: list[_Entry] = field(default_factory=list)
    _open: list[_Entry] = field(default_factory=list)

    def feed(self, records: Iterable[Record]) -> None:
        """Take records in their order."""
        for record in records:
            if record.tag == "C":
                packet = len(record.extra) == DiskAddressPacket.SIZE
                entry = _Entry(
                    record,
                    DiskAddressPacket.parse(record.extra) if packet else None,
                    record.table_hex,
                )
                self._entries.append(entry)
                self._open.append(entry)
                if entry.table_hex:  # parsed while the machine runs; the result is kept there
                    BlockMoveTable.parse(record.extra)
            elif record.tag == "R":
                self._close(record)

    def _close(self, record: Record) -> None:
        for index in range(len(self._open) - 1, -1, -1):
            call = self._open[index].call
            if (call.number, call.registers.cs, call.registers.ip) == (
                record.number,
                record.registers.cs,
                record.registers.ip,
            ):
                self._open[index].returned = record
                del self._open[index:]
                return

    def calls(self, seconds: Callable[[int], float]) -> tuple[BiosCall, ...]:
        """Return the calls so far; ``seconds`` turns ticks into seconds since launch."""
        return tuple(
            BiosCall(
                number=entry.call.number,
                function=entry.call.function,
                registers_in=entry.call.registers,
                registers_out=entry.returned.registers if entry.returned else None,
                called_at=seconds(entry.call.ticks),
                returned_at=seconds(entry.returned.ticks) if entry.returned else None,
                packet=entry.packet,
                table_hex=entry.table_hex,
            )
            for entry in self._entries
        )
