"""A guest's end of a TCP connection and the wire to it, with a clock that nobody waits for.

Written from RFC 9293 and from what boot programs do: iPXE acknowledges whatever comes and queues
what is early, lwIP opens its window only by quarters, a loader that copies takes nothing meanwhile.
"""

import heapq
from collections.abc import Iterable
from random import Random

from msgspec import Struct, field

from bootharness.network.tcp import ACK, FIN, RESET, SYN, Segment
from bootharness.network.tcp_connection import TcpConnection
from tests.support.tcp_service import Service

__all__ = ["ASKS", "Course", "Habits", "course"]

ASKS = b"GET /a HTTP/1.1\r\n\r\n"
_MASK = 0xFFFFFFFF
_HALF = 1 << 31
_SERVER, _GUEST = bytes.fromhex("52550a000201"), bytes.fromhex("525400123401")
_AGAIN_S = 0.3
_TICK_S = 0.05
_LIMIT_S = 600.0


class Habits(Struct, frozen=True):
    """What a guest and the wire to it are like; chances are of each frame.

    ``reads`` bytes are taken by the program in a tick, and with them the window opens; a window
    that has opened by less than ``tells`` bytes is not told. ``rests`` is for how long it takes no
    frame at all, from when it has ``rests_at`` bytes on. ``ends_at`` is when it has said all.
    """

    size: int = 50_000
    begins: int = 1000
    own_begins: int = 500
    window: int = 65_535
    mss: int = 1460
    scale: int | None = None
    room: int | None = None
    keeps_early: bool = True
    every: int = 1
    reads: int = 1 << 30
    tells: int = 1
    rests_at: int = 1 << 40
    rests: float = 0.0
    ring: int = 1 << 30
    loss: float = 0.0
    swap: float = 0.0
    twice: float = 0.0
    ends_first: bool = False
    delay: float = 0.001


class Course(Struct):
    """What became of a connection."""

    came: bytes
    wanted: bytes
    heard: bytes
    seconds: float
    sent_bytes: int
    over: bool
    guest_over: bool
    longest_silence: float


class _Guest(Struct):
    """The client: RFC 9293, 3.10, as far as one needs that asks once and takes all."""

    habits: Habits
    number: int
    expected: int | None = None
    came: bytearray = field(default_factory=bytearray)
    early: dict[int, bytes] = field(default_factory=dict)
    unread: int = 0
    told: int = 0
    acked: int = 0
    fin_sent: bool = False
    peer_ended: bool = False
    fin_acked: bool = False
    owed: int = 0
    reset: bool = False

    def segment(self, flags: int, payload: bytes = b"", at: int | None = None) -> Segment:
        habits = self.habits
        sequence = self.number if at is None else at
        scale = habits.scale or 0
        self.told = self.free
        options = b""
        if flags & SYN:
            options = b"\2\4" + habits.mss.to_bytes(2, "big")
            if habits.scale is not None:
                options += bytes((1, 3, 3, habits.scale))
            scale = 0
        return Segment(
            _SERVER, _GUEST, b"\n\0\2\x0f", b"\n\0\2\1", 5000, 80, sequence & _MASK,
            (self.expected or 0) & _MASK, flags, min(self.free >> scale, 0xFFFF), options, payload,
        )  # fmt: skip

    @property
    def free(self) -> int:
        """How many bytes it would take."""
        return max(self.habits.window - self.unread, 0)

    def asks(self) -> Segment:
        """Return what it says next, or again."""
        if self.expected is None:
            return self.segment(SYN, at=self.habits.own_begins)
        said = ASKS[self.acked :]
        flags = ACK | (FIN if self.fin_sent else 0)
        return self.segment(flags, said, at=self.habits.own_begins + 1 + self.acked)

    @property
    def waits(self) -> bool:
        """Whether something of what it said has to be acknowledged yet."""
        return (
            self.expected is None
            or self.acked < len(ASKS)
            or (self.fin_sent and not self.fin_acked)
        )

    def end(self) -> Segment:
        self.fin_sent = True
        self.number = (self.habits.own_begins + 2 + len(ASKS)) & _MASK
        return self.asks()

    def take(self, segment: Segment) -> list[Segment]:
        """Return what it answers at once."""
        if segment.flags & RESET:
            self.reset = True
            return []
        if self.expected is None:
            if segment.flags & (SYN | ACK) == SYN | ACK:
                self.expected = (segment.sequence + 1) & _MASK
                self.number = (self.habits.own_begins + 1 + len(ASKS)) & _MASK
                return [self.segment(ACK, at=self.habits.own_begins + 1), self.asks()]
            return []
        base = self.habits.own_begins + 1
        got = (segment.acknowledged - base) & _MASK
        if got <= len(ASKS) + 1:
            self.acked = max(self.acked, min(got, len(ASKS)))
            self.fin_acked |= self.fin_sent and got == len(ASKS) + 1
        if segment.flags & SYN:
            return [self.segment(ACK)]
        fresh = self._in_order(segment)
        if not segment.payload and not segment.flags & FIN:
            # what lies before the window is answered, what is right is not
            behind = segment.sequence != self.expected
            return [self.segment(ACK)] if behind else []
        self.owed += 1
        if not fresh or self.owed >= self.habits.every or segment.flags & FIN:
            self.owed = 0
            return [self.segment(ACK)]
        return []

    def _in_order(self, segment: Segment) -> bool:
        assert self.expected is not None
        at, data, ended = segment.sequence, segment.payload, bool(segment.flags & FIN)
        ahead = (at - self.expected) & _MASK
        if ahead and ahead < _HALF:
            if self.habits.keeps_early and ahead < 1 << 20 and len(self.early) < 200:
                self.early[at] = data
            return False
        self._accept(data[(self.expected - at) & _MASK :], at, len(data), ended=ended)
        while self.expected in self.early and not self.peer_ended:
            self._accept(self.early.pop(self.expected), self.expected, 0, ended=False)
        return True

    def _accept(self, data: bytes, at: int, size: int, *, ended: bool) -> None:
        assert self.expected is not None
        data = data[: self.free]
        self.came += data
        self.unread += len(data)
        self.expected = (self.expected + len(data)) & _MASK
        if ended and not self.peer_ended and self.expected == (at + size) & _MASK:
            self.peer_ended = True
            self.expected = (self.expected + 1) & _MASK

    def read(self) -> Segment | None:
        """Let the program take what has come, and tell of the window where that is worth it."""
        self.unread -= min(self.unread, self.habits.reads)
        if self.expected is not None and self.free - self.told >= self.habits.tells:
            return self.segment(ACK)
        if self.owed:
            self.owed = 0
            return self.segment(ACK)
        return None


def course(habits: Habits, seed: int) -> Course:
    """Run a connection to its end, or until nothing of it comes any more."""
    return _Run(habits, Random(seed)).course()


class _Run:
    """The two ends, the frames between them, and the time."""

    def __init__(self, habits: Habits, chance: Random) -> None:
        self.habits, self.chance = habits, chance
        self.wanted = chance.randbytes(habits.size)
        self.service = Service(b"", stays=True)
        self.guest = _Guest(habits, habits.own_begins + 1)
        self.made: TcpConnection | None = None
        self.now = self.last_came = self.silence = 0.0
        self.order = self.sent_bytes = 0
        self.to_guest: list[tuple[float, int, Segment]] = []
        self.to_server: list[tuple[float, int, Segment]] = []
        self.rests_until: float | None = None
        self.again_at = _AGAIN_S

    def course(self) -> Course:
        self.put(self.to_server, self.guest.asks())
        next_tick = _TICK_S
        while self.now < _LIMIT_S and not self.over:
            times = [next_tick, *(each[0][0] for each in (self.to_server, self.takes) if each)]
            self.now = max(self.now, min(times))
            if self.to_server and self.to_server[0][0] <= self.now:
                self.serve(heapq.heappop(self.to_server)[2])
            elif self.takes and self.takes[0][0] <= self.now:
                self.hear(heapq.heappop(self.to_guest)[2])
            else:
                next_tick = self.now + _TICK_S
                self.tick()
        return Course(
            bytes(self.guest.came), self.wanted, self.service.heard, self.now, self.sent_bytes,
            bool(self.made and self.made.over), self.guest.peer_ended, self.silence,
        )  # fmt: skip

    @property
    def rests(self) -> bool:
        return self.rests_until is not None and self.now < self.rests_until

    @property
    def takes(self) -> list[tuple[float, int, Segment]]:
        """The frames that the guest would take now."""
        return [] if self.rests else self.to_guest

    @property
    def over(self) -> bool:
        guest = self.guest
        done = guest.reset or (guest.peer_ended and guest.fin_acked)
        gone = self.made is not None and self.made.over
        return done and gone and not self.to_server and not self.to_guest

    def put(self, where: list[tuple[float, int, Segment]], each: Segment) -> None:
        chance, habits = self.chance, self.habits
        for _ in range(1 + (chance.random() < habits.twice)):
            if chance.random() < habits.loss:
                continue
            self.order += 1
            late = habits.delay * (20 if chance.random() < habits.swap else 1)
            heapq.heappush(where, (self.now + late, self.order, each))

    def out(self, frames: Iterable[bytes]) -> None:
        """Put the server's frames on the wire; of the card's queue the rest is lost."""
        for frame in frames:
            each = Segment.parse(frame)
            assert each
            self.sent_bytes += each.size
            if len(self.to_guest) < self.habits.ring:
                self.put(self.to_guest, each)

    def say(self, made: TcpConnection) -> None:
        for frame in made.say(self.now):
            assert made.sent - made.acked <= max(self.habits.window, 1)
            self.out([frame])

    def serve(self, each: Segment) -> None:
        if self.made is None and each.flags & SYN:
            self.made = TcpConnection(each, self.service, self.habits.begins, self.habits.room)
        if self.made is None or self.made.over:
            if not each.flags & RESET:
                self.out([each.refused()])
            return
        self.out(self.made.take(each, self.now))
        if self.service.heard == ASKS and self.service.stays:
            self.service.said, self.service.stays = self.wanted, False
        self.say(self.made)

    def hear(self, each: Segment) -> None:
        guest, habits, before = self.guest, self.habits, len(self.guest.came)
        for answer in guest.take(each):
            self.put(self.to_server, answer)
        if len(guest.came) > before:
            self.silence = max(self.silence, self.now - self.last_came)
            self.last_came = self.now
        if self.rests_until is None and len(guest.came) >= habits.rests_at:
            self.rests_until = self.now + habits.rests
            self.silence, self.last_came = 0.0, self.rests_until
        ready = habits.ends_first or guest.peer_ended
        if ready and guest.acked == len(ASKS) and not guest.fin_sent:
            self.put(self.to_server, guest.end())
            self.again_at = self.now + _AGAIN_S

    def tick(self) -> None:
        guest = self.guest
        if not self.rests and not guest.reset:
            if guest.waits and self.now >= self.again_at:
                self.again_at = self.now + _AGAIN_S
                self.put(self.to_server, guest.asks())
            if told := guest.read():
                self.put(self.to_server, told)
        if self.made is not None and not self.made.over:
            self.out(self.made.due(self.now))
            self.say(self.made)
