"""What mbr/resident.asm sends over a serial line, among whatever else is said there.

    frame    1e kind chain  body  sums
             chain: how many frames came before, and the bytes of all that is short, modulo 256
             sums:  of all bytes so far, and the sum of those sums, each modulo 256
    80  installed  version 1, port 2, segment 2, drive 1
    81  read       caller, DL 1, sectors 2, offset 2, segment 2, LBA 4     INT 13h AH=42h
    82  move       caller, CX 2, source 8, destination 8                   INT 15h AH=87h
                   the other four descriptors are those of the table before, zeros at first
    83  call       number 1, AH 1, caller, registers
    84             the same, disk address packet 16;  85  the same, block-move table 48
    86  return     number 1, AH at the call 1, caller, lower byte of FLAGS 1, registers
    87  handoff    number 1, - 1, caller, lower byte of FLAGS 1, FS 2, GS 2, registers
    88  memory     address 4, count 2, the bytes
    89  sums       address 4, bytes 4, and of each 64 KiB the sum of its dwords and that of the sums
    8a  end        frames so far 4: nothing more is recorded
    8b  writer     10h, AH, caller: who writes what follows
    8c  failed     the disk's boot sector was not had: status 2
    caller         CS 2, IP 2, upper byte of FLAGS 1, its bit 7 set where A20 is closed, SS 2, SP 2
    registers      ES 2, DS 2, EDI ESI EBP ESP EBX EDX ECX EAX 8 x 4
    short    1f c      a character was written;  1c DL DH  the cursor was set
             1d sp     the read or move that was called with this lower byte of SP came back well

Before a recorder is installed and after its end all bytes are text of others; in between only a
mark is not. `struct` reads it, as in formats/record.py.
"""

import struct
from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.formats.bioscall import DiskAddressPacket, Registers
from bootharness.formats.gdt import BlockMoveTable
from bootharness.formats.record import Record

__all__ = [
    "PIECE_BYTES",
    "End",
    "Event",
    "Failed",
    "Installed",
    "Memory",
    "SerialDecoder",
    "Sums",
    "Text",
    "sums_of",
]

PIECE_BYTES = 1 << 16
"""So much is summed at a time."""

_FRAME, _WRITTEN, _RETURNED, _CURSOR = 0x1E, 0x1F, 0x1D, 0x1C
_SHORT = {_WRITTEN: 2, _RETURNED: 2, _CURSOR: 3}
_INSTALLED, _READ, _MOVE, _CALL, _CALL_PACKET, _CALL_TABLE, _RETURN, _HANDOFF = range(0x80, 0x88)
_MEMORY, _SUMS, _END, _WRITER, _FAILED = range(0x88, 0x8D)
_HEAD, _TAIL = 3, 2
_CALLER = struct.Struct("<HHBHH")
_REGISTERS = struct.Struct("<HH8I")
_READ_BODY = struct.Struct("<BHHHI")
_INSTALLED_BODY = struct.Struct("<BHHB")
_AREA = struct.Struct("<II")
_TEXT = struct.Struct("<IH")
_WHOLE = 2 + _CALLER.size + _REGISTERS.size
_BODIES = {
    _INSTALLED: _INSTALLED_BODY.size,
    _READ: _CALLER.size + _READ_BODY.size,
    _MOVE: _CALLER.size + 2 + 16,
    _CALL: _WHOLE,
    _CALL_PACKET: _WHOLE + DiskAddressPacket.SIZE,
    _CALL_TABLE: _WHOLE + BlockMoveTable.SIZE,
    _RETURN: _WHOLE + 1,
    _HANDOFF: _WHOLE + 5,
    _MEMORY: _TEXT.size,
    _SUMS: _AREA.size,
    _END: 4,
    _WRITER: 2 + _CALLER.size,
    _FAILED: 2,
}
_MOST_TEXT, _MOST_SUMMED = 2048, 1 << 20
_OPEN_CALLS = 64
_CLOSED = 0x8000
_NO_REGISTERS = Registers(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class Text(Struct, frozen=True):
    """What others have written to the line."""

    data: bytes


class Installed(Struct, frozen=True):
    """A recorder has begun: a second one is a machine that was reset."""

    version: int
    port: int
    segment: int
    drive: int


class Memory(Struct, frozen=True):
    """Bytes that lie at a linear address at the handoff."""

    address: int
    data: bytes


class Sums(Struct, frozen=True):
    """What `sums_of` says of memory at the handoff, from a linear address on."""

    address: int
    size: int
    sums: tuple[tuple[int, int], ...]


class End(Struct, frozen=True):
    """The recorder has told all, in so many frames."""

    frames: int


class Failed(Struct, frozen=True):
    """The recorder could not have the disk's boot sector; AX as the BIOS returned it."""

    status: int


Event = Record | Installed | Memory | Sums | End | Failed | Text


def sums_of(data: bytes) -> tuple[tuple[int, int], ...]:
    """Return of each 64 KiB the sum of its dwords and the sum of those sums, modulo 2 ** 32."""
    return tuple(
        _sum(data[start : start + PIECE_BYTES]) for start in range(0, len(data), PIECE_BYTES)
    )


def _sum(piece: bytes) -> tuple[int, int]:
    words = struct.unpack(f"<{-(-len(piece) // 4)}I", piece + bytes(-len(piece) % 4))
    twice = sum(map(int.__mul__, words, range(len(words), 0, -1)))
    return sum(words) & 0xFFFFFFFF, twice & 0xFFFFFFFF


class SerialDecoder(Struct):
    """Turns bytes, in pieces as they come, into what they say, and text between it.

    ``damaged`` counts frames whose sums are wrong, ``lost`` how often something is missing in
    between: of a boot with one of them not all is known. A wrong frame is ``doubtful`` until
    another follows: one that is followed by a recorder that begins was cut by a reset.
    ``a20_closed`` is whether the gate was closed at the last call.
    """

    recording: bool = False
    damaged: int = 0
    lost: int = 0
    doubtful: int = 0
    frames: int = 0
    a20_closed: bool = False
    _pending: bytes = b""
    _chain: int = 0
    _writer: Record | None = None
    _open: list[Record] = field(default_factory=list)
    _table: bytes = bytes(BlockMoveTable.SIZE)

    def feed(self, data: bytes, ticks: int) -> list[Event]:
        """Return what these bytes complete; ``ticks`` is when they came."""
        data, at, text, events = self._pending + data, 0, bytearray(), list[Event]()
        while at < len(data):
            mark = data[at]
            size = self._size(data, at)
            if size == 0:
                text.append(mark)
                at += 1
                continue
            if len(data) - at < (size or _HEAD):
                break
            if text:
                events.append(Text(bytes(text)))
                text.clear()
            item = data[at : at + (size or 0)]
            if mark == _FRAME and not _sums_right(item):
                self.doubtful += self.recording
                at += 1
                continue
            at += len(item)
            events += self._frame(item, ticks) if mark == _FRAME else self._short(item, ticks)
        if text:
            events.append(Text(bytes(text)))
        self._pending = data[at:]
        return events

    def _size(self, data: bytes, at: int) -> int | None:
        """Return how long what begins here is: 0 for text, None where that is not seen yet."""
        if data[at] != _FRAME:
            return _SHORT.get(data[at], 0) if self.recording else 0
        if len(data) - at < 2:
            return None
        kind = data[at + 1]
        if kind not in _BODIES or not (self.recording or kind == _INSTALLED):
            return 0
        size = _HEAD + _BODIES[kind] + _TAIL
        body = data[at + _HEAD : at + _HEAD + _BODIES[kind]]
        if kind not in (_MEMORY, _SUMS):
            return size
        if len(body) < _BODIES[kind]:
            return size
        if kind == _MEMORY:
            count = _TEXT.unpack(body)[1]
            return size + count if count <= _MOST_TEXT else 0
        count = _AREA.unpack(body)[1]
        return size + 8 * -(-count // PIECE_BYTES) if count <= _MOST_SUMMED else 0

    def _frame(self, item: bytes, ticks: int) -> list[Event]:
        kind, body = item[1], item[_HEAD:-_TAIL]
        if kind == _INSTALLED:
            self.recording, self.frames, self.doubtful = True, 1, 0
            self._chain, self._writer, self._open = item[2] + 1, None, []
            self._table = bytes(BlockMoveTable.SIZE)
            return [Installed(*_INSTALLED_BODY.unpack(body))]
        self.damaged += self.doubtful
        self.lost += not self.doubtful and item[2] != self._chain & 0xFF
        self.doubtful = 0
        self._chain = item[2] + 1
        self.frames += 1
        if kind == _MEMORY:
            return [Memory(_TEXT.unpack_from(body)[0], body[_TEXT.size :])]
        if kind == _SUMS:
            address, size = _AREA.unpack_from(body)
            pairs = struct.iter_unpack("<II", body[_AREA.size :])
            return [Sums(address, size, tuple((one, two) for one, two in pairs))]
        if kind == _FAILED:
            return [Failed(int.from_bytes(body, "little"))]
        if kind == _END:
            frames = int.from_bytes(body, "little")
            self.lost += frames != self.frames
            self.recording = False
            return [End(frames)]
        record = _record(kind, body, ticks)
        self.a20_closed = bool(record.registers.flags & _CLOSED)
        record = replace(record, registers=_without_gate(record.registers))
        if kind == _MOVE:
            extra = self._table[:16] + body[_CALLER.size + 2 :] + self._table[32:]
            record = replace(record, extra=extra)
        elif kind == _CALL_TABLE:
            self._table = record.extra
        if kind == _WRITER:
            self._writer = record
            return []
        if record.tag == "C":
            self._open = [*self._open[-_OPEN_CALLS:], record]
        return [record]

    def _short(self, item: bytes, ticks: int) -> list[Event]:
        self._chain += sum(item)
        if item[0] == _RETURNED:
            for at in range(len(self._open) - 1, -1, -1):
                call = self._open[at]
                if call.registers.esp & 0xFF == item[1] and _comes_back_short(call):
                    del self._open[at:]
                    eax = call.registers.eax & ~0xFF00
                    back = replace(call.registers, eax=eax, flags=call.registers.flags & ~1)
                    return [replace(call, tag="R", ticks=ticks, registers=back, extra=b"")]
            self.lost += not self.doubtful
            return []
        return [*self._written(item, ticks)]

    def _written(self, item: bytes, ticks: int) -> Iterator[Record]:
        """Yield a call of INT 10h, and its return."""
        if self._writer is None:
            self.lost += not self.doubtful
            return
        function, registers = self._writer.function, self._writer.registers
        if item[0] == _CURSOR:
            function, edx = 0x02, int.from_bytes(item[1:], "little")
            registers = replace(registers, eax=0x0200, edx=edx)
        else:
            registers = replace(registers, eax=function << 8 | item[1], ecx=1)
        call = Record("C", ticks, 0x10, function, registers, b"")
        yield call
        if function == 0x0E:
            yield replace(call, tag="R")


def _sums_right(item: bytes) -> bool:
    one = two = 0
    for byte in item[:-_TAIL]:
        one += byte
        two += one
    return item[-_TAIL:] == bytes((one & 0xFF, two & 0xFF))


def _without_gate(registers: Registers) -> Registers:
    return replace(registers, flags=registers.flags & ~_CLOSED)


def _comes_back_short(call: Record) -> bool:
    return (call.number, call.function) in ((0x13, 0x02), (0x13, 0x42), (0x15, 0x87))


def _record(kind: int, body: bytes, ticks: int) -> Record:
    if kind == _READ:
        drive, *packet = _READ_BODY.unpack(body[_CALLER.size :])
        registers = replace(_caller(body), eax=0x4200, edx=drive)
        extra = DiskAddressPacket(16, 0, *packet).build()
        return Record("C", ticks, 0x13, 0x42, registers, extra)
    if kind == _MOVE:
        count = int.from_bytes(body[_CALLER.size :][:2], "little")
        registers = replace(_caller(body), eax=0x8700, ecx=count)
        return Record("C", ticks, 0x15, 0x87, registers, b"")
    number, function, body = body[0], body[1], body[2:]
    registers, body = _caller(body), body[_CALLER.size :]
    if kind in (_RETURN, _HANDOFF):
        registers, body = replace(registers, flags=registers.flags | body[0]), body[1:]
    if kind == _HANDOFF:
        fs, gs = struct.unpack("<HH", body[:4])
        registers, body = replace(registers, fs=fs, gs=gs), body[4:]
    if kind == _WRITER:
        return Record("C", ticks, number, function, registers, b"")
    es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax = _REGISTERS.unpack_from(body)
    registers = replace(
        registers, es=es, ds=ds, edi=edi, esi=esi, ebp=ebp, esp=esp, ebx=ebx, edx=edx, ecx=ecx,
        eax=eax,
    )  # fmt: skip
    tag = {_RETURN: "R", _HANDOFF: "H"}.get(kind, "C")
    return Record(tag, ticks, number, function, registers, body[_REGISTERS.size :])


def _caller(body: bytes) -> Registers:
    cs, ip, flags, ss, sp = _CALLER.unpack_from(body)
    return replace(_NO_REGISTERS, cs=cs, ip=ip, flags=flags << 8, ss=ss, esp=sp)
