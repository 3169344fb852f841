"""One direction of a TCP connection that others make, put together in order; it is bounded."""

from msgspec import Struct, field

from bootharness.network.tcp import FIN, SYN, Segment

__all__ = ["TcpStream"]

_MASK = 0xFFFFFFFF
_WINDOW_LIMIT = 1 << 24
_HELD_BYTES, _HELD_PIECES = 1 << 18, 1024


class TcpStream(Struct):
    """What one side sends: ``size`` bytes came in order, ``arrived`` of them are acknowledged."""

    begins: int | None = None
    size: int = 0
    arrived: int = 0
    ended: bool = False
    _ends_at: int | None = None
    _held: dict[int, bytes] = field(default_factory=dict)
    _held_bytes: int = 0

    def take(self, segment: Segment) -> bytes:
        """Return what a segment brings that is next."""
        if segment.flags & SYN:
            if self.begins is None:
                self.begins = (segment.sequence + 1) & _MASK
            return b""
        if self.begins is None:
            return b""
        at, payload = (segment.sequence - self.begins) & _MASK, segment.payload
        if segment.flags & FIN:
            end = (at + len(payload)) & _MASK
            if self._ends_at is None and end - self.size < _WINDOW_LIMIT:
                self._ends_at = end
        fresh = self._next(at, payload)
        self.ended = self._ends_at is not None and self._ends_at <= self.size
        return fresh

    def acknowledge(self, number: int) -> None:
        """Note the other side's acknowledgement; the end of the connection is no byte."""
        if self.begins is not None:
            acknowledged = (number - self.begins) & _MASK
            if acknowledged <= self.size + 1:
                self.arrived = max(self.arrived, min(acknowledged, self.size))

    def _next(self, at: int, payload: bytes) -> bytes:
        ahead = (at - self.size) & _MASK
        behind = (self.size - at) & _MASK
        if payload and 0 < ahead < _WINDOW_LIMIT:
            room = self._held_bytes + len(payload) <= _HELD_BYTES and len(self._held) < _HELD_PIECES
            if room and at not in self._held:
                self._held[at] = payload
                self._held_bytes += len(payload)
            return b""
        if not payload or behind >= len(payload):
            return b""
        fresh = bytearray(payload[behind:])
        self.size += len(fresh)
        while self._held:
            first = min(self._held)
            if first > self.size:
                break
            piece = self._held.pop(first)
            self._held_bytes -= len(piece)
            rest = piece[self.size - first :]
            fresh += rest
            self.size += len(rest)
        return bytes(fresh)
