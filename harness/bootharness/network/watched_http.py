"""What goes between a guest and HTTP servers that are not ours, on whatever port they are."""

from collections import deque

from msgspec import Struct, field

from bootharness.formats.ethernet import ip_text
from bootharness.network.arrived import Arrived, ArrivedFile
from bootharness.network.events import Journal
from bootharness.network.http_messages import HttpRequests, HttpResponse, HttpResponses
from bootharness.network.tcp import RESET, SYN, Segment
from bootharness.network.tcp_stream import TcpStream
from bootharness.trace.network_facts import NetEventKind, NetFile

__all__ = ["WatchedHttp"]

_ACK = 0x10
_CONNECTIONS = 64
_LIMIT = 1000
"""Responses of one boot; it has about five."""
_PIPELINED = 64
_STALLED_S = 1.5
# a longer step was not the server's silence: the harness was stopped
_LONGEST_STEP_S = 0.2
_REFUSED, _REDIRECTED = 400, 300


class _Transfer(Struct):
    """One response; ``ends_at`` is where in the stream its body is over."""

    name: str
    requested_at: float
    last_at: float
    content: ArrivedFile
    bodiless: bool = False
    status: int = 0
    promised: int | None = None
    part: str = ""
    begins_at: int = 0
    ends_at: int | None = None
    arrived: int = 0
    outcome: str = "open"
    stalled: bool = False


class _Connection(Struct):
    server: str
    to_server: TcpStream = field(default_factory=TcpStream)
    to_guest: TcpStream = field(default_factory=TcpStream)
    requests: HttpRequests = field(default_factory=HttpRequests)
    responses: HttpResponses = field(default_factory=HttpResponses)
    waiting: deque[_Transfer] = field(default_factory=deque)
    current: _Transfer | None = None
    data_at: float = 0.0
    active_at: float = 0.0
    quiet_s: float = 0.0
    answered: bool = False
    over: bool = False


class WatchedHttp(Struct):
    """The connections of one guest."""

    journal: Journal
    files: Arrived
    transfers: list[_Transfer] = field(default_factory=list)
    _connections: dict[tuple[int, bytes, int], _Connection] = field(default_factory=dict)
    _looked_at: float = 0.0

    def asked(self, segment: Segment, now: float) -> None:
        """Take a segment that a guest sends."""
        key = (segment.source_port, segment.target_ip, segment.target_port)
        known = self._connections.get(key)
        if segment.flags & SYN and (known is None or known.over or known.answered):
            self._settle(now)
            if len(self._connections) >= _CONNECTIONS:
                self._connections.pop(next(iter(self._connections)))
            self._connections.pop(key, None)
            server = f"{ip_text(segment.target_ip)} port {segment.target_port}"
            known = self._connections[key] = _Connection(server, data_at=now, active_at=now)
        if known is None:
            return
        if segment.flags & RESET:
            self._broken(known, "the client broke the connection off", "aborted", now)
            return
        fresh = known.to_server.take(segment)
        for request in known.requests.take(fresh):
            known.data_at = now
            if len(known.waiting) >= _PIPELINED or len(self.transfers) >= _LIMIT:
                continue
            name = request.target.removeprefix("/")
            bodiless = request.method == "HEAD"
            transfer = _Transfer(name, now, now, self.files.begin(name), bodiless)
            known.waiting.append(transfer)
            self.transfers.append(transfer)
            text = f"http {request.method} from {request.host or known.server}"
            asks = NetEventKind.FILE_SIZE_ASKED if bodiless else NetEventKind.FILE_REQUESTED
            self.journal.note(now, asks, name, text=text)
        if segment.flags & _ACK:
            known.to_guest.acknowledge(segment.acknowledged)
            self._arrived(known, now)
        if known.to_server.ended and not known.over and (known.current or known.waiting):
            self._broken(known, "the client broke the connection off", "aborted", now)

    def answered(self, segment: Segment, now: float) -> None:
        """Take a segment that a server sends."""
        key = (segment.target_port, segment.source_ip, segment.source_port)
        known = self._connections.get(key)
        if known is None:
            return
        if segment.flags & RESET:
            if not known.answered and not known.over:
                text = f"the connection to {known.server} was refused"
                self.journal.note(now, NetEventKind.HTTP_REFUSED, text=text)
            else:
                self._broken(known, "the connection was reset", "reset", now)
            known.over = True
            return
        known.answered = True
        before = known.to_guest.size
        fresh = known.to_guest.take(segment)
        if fresh:
            known.data_at = now
            self._read(known, fresh, before, now)
        if known.to_guest.ended and not known.over:
            self._ended(known, now)

    def tick(self, now: float) -> None:
        """Tell when a response stops in mid-body though the guest would take more."""
        step, self._looked_at = min(now - self._looked_at, _LONGEST_STEP_S), now
        for each in self._connections.values():
            if each.data_at > each.active_at:
                each.active_at, each.quiet_s = each.data_at, 0.0
                continue
            stream = each.to_guest
            waits = not each.over and (each.current or each.waiting)
            if not waits or stream.arrived < stream.size:
                continue
            each.quiet_s += step
            if each.quiet_s < _STALLED_S:
                continue
            transfer = each.current or each.waiting[0]
            if not transfer.stalled:
                transfer.stalled = True
                what = "no data" if transfer.status else "no answer"
                text = f"{what} for {each.quiet_s:.1f} s, and the connection is open"
                self.journal.note(now, NetEventKind.HTTP_STALLED, transfer.name, text=text)

    def snapshots(self) -> list[NetFile]:
        """Return the transfers as they are now."""
        files = (each for each in self.transfers if not each.bodiless)
        return [self._snapshot(each) for each in files if each.status < _REDIRECTED]

    def _snapshot(self, transfer: _Transfer) -> NetFile:
        done = transfer.outcome == "served"
        digest = transfer.content.digest.hexdigest() if done else ""
        size = transfer.content.size
        return NetFile(
            name=transfer.name,
            protocol="http",
            mac=self.journal.mac,
            file_bytes=size if done else max(transfer.promised or 0, size),
            file_sha256=digest,
            requested_at=transfer.requested_at,
            last_at=transfer.last_at,
            sent_bytes=size if done else min(transfer.arrived, size),
            outcome=transfer.outcome,
            promised_bytes=transfer.promised,
            sha256=digest,
            part=transfer.part,
        )

    def _read(self, known: _Connection, fresh: bytes, before: int, now: float) -> None:
        head = bool(known.waiting) and known.waiting[0].bodiless
        for each in known.responses.take(fresh, bodiless=head):
            if isinstance(each, HttpResponse):
                if each.status >= 200:
                    self._response(known, each, now)
            elif known.current is None:
                continue
            elif each is None:
                known.current.ends_at = known.to_guest.size
                known.current.content.done = True
                self._arrived(known, now)
            else:
                if not known.current.content.size:
                    known.current.begins_at = max(known.to_guest.size - len(each), before)
                known.current.content.add(each)
                known.current.last_at = now

    def _response(self, known: _Connection, response: HttpResponse, now: float) -> None:
        if not known.waiting:
            return
        transfer = known.current = known.waiting.popleft()
        transfer.status, transfer.last_at = response.status, now
        transfer.promised, transfer.part = response.size, response.part
        if response.status >= _REDIRECTED:
            to = f" to {response.location}" if response.location else ""
            text = f"{response.status} {response.reason}{to}"
            self.journal.note(now, NetEventKind.HTTP_STATUS, transfer.name, text=text)

    def _arrived(self, known: _Connection, now: float) -> None:
        transfer = known.current
        if transfer is None:
            return
        transfer.arrived = max(known.to_guest.arrived - transfer.begins_at, 0)
        if transfer.ends_at is None or known.to_guest.arrived < transfer.ends_at:
            return
        transfer.last_at = now
        self._over(known, transfer, now)

    def _over(self, known: _Connection, transfer: _Transfer, now: float) -> None:
        known.current = None
        transfer.outcome = "served"
        if transfer.status < _REDIRECTED and not transfer.bodiless:
            part = f", {transfer.part}" if transfer.part else ""
            text = f"http {transfer.content.size:,} bytes{part}"
            self.journal.note(now, NetEventKind.FILE_SERVED, transfer.name, text=text)

    def _settle(self, now: float) -> None:
        """Take what only lacks its last acknowledgements for served: a client that has all may go
        on at once and never send them."""
        for each in self._connections.values():
            if each.current and each.current.ends_at is not None:
                self._over(each, each.current, now)

    def _ended(self, known: _Connection, now: float) -> None:
        """The server has closed the connection."""
        known.over = True
        transfer = known.current
        if transfer and transfer.ends_at is not None:
            return
        if transfer and known.responses.until_the_end:
            transfer.ends_at = known.to_guest.size
            transfer.content.done = True
            self._over(known, transfer, now)
        else:
            self._broken(known, "the server closed the connection early", "ended", now)

    def _broken(self, known: _Connection, text: str, outcome: str, now: float) -> None:
        known.over = True
        transfer, known.current = known.current, None
        if transfer and transfer.ends_at is not None:
            self._over(known, transfer, now)
            return
        if transfer is None and known.waiting:
            transfer = known.waiting.popleft()
        if transfer is None:
            return
        transfer.outcome, transfer.content.done = outcome, True
        self.journal.note(now, NetEventKind.HTTP_CLOSED, transfer.name, text=text)
