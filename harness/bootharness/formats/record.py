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

import re
import struct
from collections.abc import Callable, Iterable

from msgspec import Struct, field

from bootharness.formats.bioscall import BiosCall, DiskAddressPacket, Registers
from bootharness.formats.gdt import BlockMoveTable

__all__ = ["Decoder", "Pairing", "Record"]

_FRAME = struct.Struct("<IHH8IHHBBHHH")
_HANDOFF = struct.Struct("<HHH")
# From the caller's INT down to the PUSHAD: the interrupt's frame, number, tag, return address.
_STACKED = 6 + 2 + 2 + 2
_TAGS = {ord(tag) for tag in "CRHI"}
_NUMBERS = (0x00, 0x01, 0x10, 0x13, 0x15, 0x16, 0x18, 0x19)
_NOTED = ((0x10, 0x02), (0x10, 0x09))
_OWN_AT, _MARK_AT = 40, 42
_RECORD_MARK = re.compile(rb"[CRHI]\0[\x00\x01\x10\x13\x15\x16\x18\x19]", re.DOTALL)
# of a guest that calls and calls, so many calls from the beginning and as many of the last are
# kept: more than a loader needs that moves a GiB
_KEPT_CALLS = 15_000
_SPARE_CALLS = 4096
_OPEN_CALLS = 64


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
    """Turns bytes, in pieces as they come, into records.

    ``returns`` are the return addresses that the recorder's own code can leave in a record; empty
    where they are not known. What is no record was written by the guest to the same port: it is
    passed over, and counted in ``foreign_bytes``.
    """

    returns: frozenset[int] = frozenset()
    pending: bytes = b""
    ticks: int = 0
    foreign_bytes: int = 0

    def feed(self, data: bytes) -> list[Record]:
        """Return the records that these bytes complete."""
        data = self.pending + data
        records, at = [], 0
        while len(data) - at >= _FRAME.size:
            time, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, own, tag, number, function, \
                ip, cs, flags = _FRAME.unpack_from(data, at)  # fmt: skip
            if (
                tag not in _TAGS
                or number not in _NUMBERS
                or (self.returns and own not in self.returns)
            ):
                begins = self._next(data, at + 1)
                self.foreign_bytes += begins - at
                at = begins
                continue
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
        self.pending = data[at:]
        return records

    def _next(self, data: bytes, start: int) -> int:
        """Return where, from ``start`` on, a record may begin, or the rest is too short to say."""
        for found in _RECORD_MARK.finditer(data, start + _MARK_AT):
            at = found.start() - _MARK_AT
            if not self.returns or int.from_bytes(data[at + _OWN_AT : at + _MARK_AT], "little") in (
                self.returns
            ):
                return at
        return max(start, len(data) - _FRAME.size + 1)


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
    ``left_out`` is how many calls were not kept, from the middle of too many.
    """

    total: int = 0
    left_out: int = 0
    _entries: list[_Entry] = field(default_factory=list)
    _open: list[_Entry] = field(default_factory=list)
    _fresh: list[_Entry] = field(default_factory=list)

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
                self.total += 1
                self._entries.append(entry)
                self._fresh.append(entry)
                if (record.number, record.function) in _NOTED:
                    entry.returned = record  # nothing comes back from these
                else:
                    self._open.append(entry)
                if entry.table_hex:  # parsed while the machine runs; the result is kept there
                    BlockMoveTable.parse(record.extra)
            elif record.tag == "R":
                self._close(record)
        del self._open[:-_OPEN_CALLS]
        surplus = len(self._entries) - 2 * _KEPT_CALLS
        if surplus > _SPARE_CALLS:
            del self._entries[_KEPT_CALLS : _KEPT_CALLS + surplus]
            self.left_out += surplus

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

    def kept(self, calls: int) -> int:
        """Return how many of the first so many calls are kept."""
        return calls if calls <= _KEPT_CALLS else max(calls - self.left_out, _KEPT_CALLS)

    def calls(self, seconds: Callable[[int], float]) -> tuple[BiosCall, ...]:
        """Return the calls that are kept; ``seconds`` turns ticks into seconds since launch."""
        return tuple(_call(entry, seconds) for entry in self._entries)

    def fresh(self, seconds: Callable[[int], float]) -> tuple[BiosCall, ...]:
        """Return the calls since this was asked last."""
        fresh, self._fresh = self._fresh, []
        return tuple(_call(entry, seconds) for entry in fresh)

    def last(self, seconds: Callable[[int], float]) -> BiosCall | None:
        """Return the last call, None where there was none."""
        return _call(self._entries[-1], seconds) if self._entries else None


def _call(entry: _Entry, seconds: Callable[[int], float]) -> BiosCall:
    return BiosCall(
        number=entry.call.number,
        function=entry.call.function,
        registers_in=entry.call.registers,
        registers_out=entry.returned.registers if entry.returned else None,
        called_at=seconds(entry.call.ticks),
        returned_at=seconds(entry.returned.ticks) if entry.returned else None,
        packet=entry.packet,
        table_hex=entry.table_hex,
    )
