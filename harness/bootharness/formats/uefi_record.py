"""The records of mbr/uefi_recorder.asm, which says how each is made."""

import struct

from msgspec import Struct

__all__ = ["Decoder", "Record"]

_FRAME = struct.Struct("<BBHIQQQ5Q8s")
"""mark, kind, bytes that follow, ACPI timer, ticks, caller, status, values, end"""
_MARK, _END = 0xEB, b"UEFIcall"
_END_AT = _FRAME.size - len(_END)
_KINDS = frozenset(b"IQLSTXEAVZPROFDW")
_MOST_EXTRA = 0x4000


class Record(Struct, frozen=True):
    """One record: what was asked, who asked (where the call returns to), and what came of it.

    ``values`` are five, and mean by ``kind`` what the assembly source says; ``extra`` is what
    follows: a name, a device path, text. ``ticks`` are 256
    cycles of the time stamp counter.
    """

    kind: str
    ticks: int
    pm_timer: int | None
    caller: int
    status: int
    values: tuple[int, ...]
    extra: bytes


class Decoder(Struct):
    """Turns bytes, in pieces as they come, into records.

    What is no record was written by the guest to the same port: it is passed over, and counted in
    ``foreign_bytes``.
    """

    pending: bytes = b""
    foreign_bytes: int = 0

    def feed(self, data: bytes) -> list[Record]:
        """Return the records that these bytes complete."""
        data = self.pending + data
        records, at = [], 0
        while len(data) - at >= _FRAME.size:
            mark, kind, size, timer, ticks, caller, status, *values, end = _FRAME.unpack_from(
                data, at
            )
            if mark != _MARK or end != _END or kind not in _KINDS or size > _MOST_EXTRA:
                begins = self._next(data, at + 1)
                self.foreign_bytes += begins - at
                at = begins
                continue
            stop = at + _FRAME.size + size
            if len(data) < stop:
                break
            pm_timer = None if timer == 0xFFFFFFFF else timer & 0xFFFFFF
            extra = data[at + _FRAME.size : stop]
            records.append(
                Record(chr(kind), ticks >> 8, pm_timer, caller, status, tuple(values), extra)
            )
            at = stop
        self.pending = data[at:]
        return records

    def _next(self, data: bytes, start: int) -> int:
        """Return where, from ``start`` on, a record may begin, or the rest is too short to say."""
        found = data.find(_END, start + _END_AT)
        return found - _END_AT if found >= 0 else max(start, len(data) - _FRAME.size + 1)
