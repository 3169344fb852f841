"""The server's end of a TCP connection, as a pure machine: RFC 9293, RFC 5681, RFC 6582.

Segments and the time go in, frames come out. Between a guest and us nothing but a fault or a full
card loses a frame: there is no slow start, and the window is the guest's own.

    acked              sent               read          what the guest has, what is on its way,
      |-- on its way ---|---- to be sent --|            and what the service has said so far;
      |------------- _kept ----------------|            offsets in bytes from the first one
"""

from collections.abc import Iterator
from typing import Protocol

from bootharness.network.tcp import ACK, FIN, MSS, RESET, SCALE, SYN, Head, Segment, options

__all__ = ["SEGMENT_BYTES", "Stream", "TcpConnection"]

SEGMENT_BYTES = 1460
"""The most that fits a frame over IPv4: RFC 9293, 3.7.1."""
_SEGMENT_BYTES_IPV6 = 1440
_LEAST_SEGMENT_BYTES = 64
_DEFAULT_SEGMENT_BYTES = 536
_MOST_AHEAD = 128
"""Segments on their way: fewer than a guest's queue keeps."""
_READ_SEGMENTS = 32
_OWN_WINDOW = 0xFFFF
_MASK = 0xFFFFFFFF
_HALF = 1 << 31
_NO_OPERATION = 1
_MOST_SCALE = 14
_DUPLICATES = 3
_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 1.0
"""Nobody shares the wire, and who hears nothing for ten seconds is called idle."""
_LINGER_S = 2.0
"""For so long an end that is said again has its answer: the guest resends sooner."""


class Stream(Protocol):
    """What serves a connection; nothing of it waits."""

    def read(self, most: int) -> bytes | None:
        """Return what it says next, None where there is nothing yet, no bytes at its end."""

    def write(self, data: bytes) -> int:
        """Take what the guest says, and return how much of it."""

    def finish(self) -> None:
        """Know that the guest says no more."""

    def close(self) -> None:
        """Know that the connection is gone."""


class TcpConnection:
    """A connection that a guest has begun with ``syn``; ``begins`` is our first sequence number,
    ``room`` how many segments the guest's card has room for, None for enough."""

    def __init__(self, syn: Segment, stream: Stream, begins: int, room: int | None = None) -> None:
        self._head = Head.answering(syn)
        self._stream = stream
        self._begins = begins
        self._expected = (syn.sequence + 1) & _MASK
        self._syn_sequence = syn.sequence
        said = dict(options(syn.options))
        most = _SEGMENT_BYTES_IPV6 if self._head.over_ipv6 else SEGMENT_BYTES
        asked = int.from_bytes(said.get(MSS, _DEFAULT_SEGMENT_BYTES.to_bytes(2, "big")), "big")
        self._segment_bytes = max(min(asked, most), _LEAST_SEGMENT_BYTES)
        self._scales = SCALE in said
        self._scale = min(said.get(SCALE, b"\0")[0], _MOST_SCALE)
        self._ahead = min(room or _MOST_AHEAD, _MOST_AHEAD) * self._segment_bytes
        self._window = syn.window
        self._window_told = (syn.sequence, begins)
        self.opened = False
        self.acked = 0
        """How many bytes the guest has."""
        self.sent = 0
        """How many bytes were on their way to it."""
        self.over = False
        self.lingers = False
        """Whether both have ended it, and only the last acknowledgement may be lost."""
        self._read = 0
        self._kept = bytearray()
        self._said_all = False
        self._end_sent = False
        self._end_acked = False
        self._ended_first = False
        self._guest_ended = False
        self._duplicates = 0
        self._recovers_to = -1
        self._wait_s = _FIRST_WAIT_S
        self._due: float | None = None

    def accept(self, now: float) -> bytes:
        """Return the frame that takes the connection up."""
        most = _SEGMENT_BYTES_IPV6 if self._head.over_ipv6 else SEGMENT_BYTES
        said = bytes((MSS, 4)) + most.to_bytes(2, "big")
        if self._scales:
            said += bytes((_NO_OPERATION, SCALE, 3, 0))
        self._due = now + self._wait_s
        return self._head.frame(self._begins, self._expected, SYN | ACK, _OWN_WINDOW, options=said)

    def began_with(self, syn: Segment) -> bool:
        """Return whether a SYN is the one that has begun it, once more."""
        return syn.sequence == self._syn_sequence

    @property
    def all_arrived(self) -> bool:
        """Whether the guest has all that the service has said so far."""
        return self.acked == self._read

    @property
    def may_go(self) -> bool:
        """Whether another one may have its place: it has not come about, or we have ended it."""
        return not self.opened or self._end_acked

    def take(self, segment: Segment, now: float) -> Iterator[bytes]:
        """Take a segment of the guest's and yield what it has to be answered with at once.

        RFC 9293, 3.10.7.
        """
        if segment.flags & RESET:
            # a late one of an earlier connection is none of this; what is within the window is
            if (segment.sequence - self._expected + 1) & _MASK <= _OWN_WINDOW:
                # a UEFI that has all ends so, and tells how far it came, though it need not
                fresh = (segment.acknowledged - self._number(self.acked)) & _MASK
                if fresh <= self.sent - self.acked:
                    self.acked += fresh
                self._close()
            return
        if segment.flags & SYN:
            yield self._bare(ACK) if self.opened else self.accept(now)
            return
        if not segment.flags & ACK:
            return
        ahead = (segment.acknowledged - self._number(self.sent + self._end_sent)) & _MASK
        if not self.opened and ahead:
            yield segment.refused()
            return
        early = (segment.sequence - self._expected) & _MASK
        in_order = not early
        if 0 < ahead < _HALF or _OWN_WINDOW < early < _HALF:
            yield self._bare(ACK)
            return
        yield from self._acknowledged(segment, now)
        if segment.payload or segment.flags & FIN or not in_order:
            self._hear(segment)
            yield self._bare(ACK)
        if self._end_acked and self._guest_ended and not self.lingers:
            self._end(now)

    def say(self, now: float) -> Iterator[bytes]:
        """Yield the frames of what the service says, as far as the guest takes it now."""
        if not self.opened or self.over or self._end_sent:
            return
        most = self._segment_bytes
        may_reach = self.acked + min(self._window, self._ahead)
        while rest := self._read - self.sent or self._read_more():
            room = min(rest, may_reach - self.sent)
            # of a window that opens by little, little is taken only if nothing else is on its way
            if room <= 0 or (room < min(rest, most) and self.sent > self.acked):
                if self._due is None:
                    self._start(now)
                return
            if self.sent == self.acked:
                self._start(now)
            size = min(room, most)
            at = self.sent - self.acked
            run = self._kept[at : at + room // size * size]
            number = self._number(self.sent)
            for frame in self._head.run(number, self._expected, _OWN_WINDOW, run, size):
                self.sent += size
                yield frame
        if self._said_all:
            self._end_sent, self._ended_first = True, not self._guest_ended
            self._start(now)
            yield self._bare(FIN | ACK)

    def due(self, now: float) -> Iterator[bytes]:
        """Yield what has to be sent again, for its answer does not come."""
        if self._due is None or now < self._due or self.over:
            return
        if self.lingers:
            self._close()
            return
        self._wait_s = min(self._wait_s * 2, _LONGEST_WAIT_S)
        self._due = now + self._wait_s
        if not self.opened:
            yield self.accept(now)
        elif self._flies:
            self._recovers_to = self.sent
            yield self._first()
        elif self._end_sent:
            yield self._bare(FIN | ACK)
        else:
            # the window is closed: what is before it has the guest say how it is: RFC 9293, 3.8.6.1
            yield self._bare(ACK, behind=1)

    def break_off(self) -> bytes:
        """End the connection where it stands, and return the frame that says so."""
        self._close()
        return self._bare(RESET | ACK)

    def _end(self, now: float) -> None:
        """Know that both have said all; who ended it first waits: RFC 9293, 3.6."""
        if not self._ended_first:
            self._close()
            return
        self.lingers, self._due = True, now + _LINGER_S
        self._stream.close()

    def _close(self) -> None:
        self.over, self._due = True, None
        self._kept.clear()
        self._stream.close()

    def _acknowledged(self, segment: Segment, now: float) -> Iterator[bytes]:
        self.opened = True
        fresh = (segment.acknowledged - self._number(self.acked + self._end_acked)) & _MASK
        if fresh > self.sent - self.acked + self._end_sent - self._end_acked:
            return  # what it said before
        same = self._tell_window(segment)
        if fresh:
            self._advance(fresh, now)
            if self._flies and self.acked < self._recovers_to:
                yield self._first()
        elif self._flies and same and not segment.payload:
            self._duplicates += 1
            if self._duplicates == _DUPLICATES and self.acked >= self._recovers_to:
                self._recovers_to = self.sent
                yield self._first()
        if not self._flies and not self._end_sent:
            self._due = None

    def _tell_window(self, segment: Segment) -> bool:
        """Note the guest's window, and return whether it is as before; what was said before the
        last word does not count, nor what comes early: RFC 9293, 3.10.7.4."""
        sequence, acknowledged = self._window_told
        if 0 < (segment.sequence - self._expected) & _MASK < _HALF:
            return False
        since = (segment.sequence - sequence) & _MASK
        if since >= _HALF or (not since and (segment.acknowledged - acknowledged) & _MASK >= _HALF):
            return False
        window = segment.window << self._scale
        same = window == self._window
        self._window, self._window_told = window, (segment.sequence, segment.acknowledged)
        return same

    def _advance(self, fresh: int, now: float) -> None:
        reached = self.acked + fresh
        if reached > self.sent:
            self._end_acked, reached = True, self.sent
        del self._kept[: reached - self.acked]
        self.acked = reached
        self._duplicates = 0
        self._start(now)
        if self._end_acked:
            self._due = None

    def _hear(self, segment: Segment) -> None:
        behind = (self._expected - segment.sequence) & _MASK
        if behind >= _HALF or self._guest_ended:
            return
        fresh = segment.payload[behind:]
        taken = self._stream.write(fresh) if fresh else 0
        self._expected = (self._expected + taken) & _MASK
        if segment.flags & FIN and taken == len(fresh) and behind <= len(segment.payload):
            self._expected = (self._expected + 1) & _MASK
            self._guest_ended = True
            self._stream.finish()

    def _read_more(self) -> int:
        """Return how much more the service has said."""
        said = None if self._said_all else self._stream.read(_READ_SEGMENTS * self._segment_bytes)
        if said is None:
            return 0
        self._said_all = not said
        self._kept += said
        self._read += len(said)
        return len(said)

    def _start(self, now: float) -> None:
        self._wait_s = _FIRST_WAIT_S
        self._due = now + self._wait_s

    def _number(self, offset: int) -> int:
        return (self._begins + 1 + offset) & _MASK

    @property
    def _flies(self) -> bool:
        """Whether something is on its way."""
        return self.sent > self.acked and not self.over

    def _first(self) -> bytes:
        """Return the first segment of what is on its way, once more."""
        return self._frame(self.acked, min(self.sent - self.acked, self._segment_bytes))

    def _frame(self, begins: int, size: int) -> bytes:
        at = begins - self.acked
        payload = self._kept[at : at + size]
        return self._head.frame(self._number(begins), self._expected, ACK, _OWN_WINDOW, payload)

    def _bare(self, flags: int, behind: int = 0) -> bytes:
        """Return a segment without payload, behind all that was sent."""
        at = self.sent - behind + (self._end_sent and not flags & FIN)
        return self._head.frame(self._number(at), self._expected, flags, _OWN_WINDOW)
