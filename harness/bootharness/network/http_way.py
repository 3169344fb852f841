"""A guest's way to HTTP: its connections, and the responses that went over them.

The server knows what it has written, and only the wire what has arrived.
"""

from collections.abc import Callable, Container, Iterator

from bootharness.network.events import Journal
from bootharness.network.http_server import HttpTransfer
from bootharness.network.tcp import ACK, FIN, RESET, SYN, Segment
from bootharness.network.tcp_connection import Stream, TcpConnection
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEventKind, NetFile

__all__ = ["HttpWay", "Opens"]

_HTTP_STALLED_S = 1.5
# a longer step was not the server's silence: the harness was stopped
_LONGEST_STEP_S = 0.2
_CONNECTIONS = 64
_BEGINS = (SYN, ACK | FIN | RESET | SYN)
"""What there is of these flags in a segment that begins a connection."""
_NUMBERS_APART = 0x10_0001
"""So far apart begin two connections, that neither takes a late segment for its own."""

_Key = tuple[bytes, int, bytes, int]
"""The addresses and ports of a connection, the guest's first."""

Opens = Callable[[int, bool], Stream]
"""Open what serves a connection, by its number, over TLS or not. Raises OSError for one too many.
"""


class HttpWay:
    """What is known of a guest's HTTP: its connections, those to the ``tls_ports`` over TLS, and
    the responses."""

    def __init__(
        self,
        transfers: list[HttpTransfer],
        opens: Opens,
        tls_ports: Container[int],
        journal: Journal,
        faults: Faults,
        room: int | None,
    ) -> None:
        self.transfers = transfers
        self._opens = opens
        self._tls_ports = tls_ports
        self._journal = journal
        self._faults = faults
        self._may_reset = "http-reset" in faults
        self._room = room
        self._connections: dict[_Key, TcpConnection] = {}
        self._numbers: dict[int, TcpConnection] = {}
        """By its number, each connection that there is, or that a response went over."""
        self._over_tls: set[int] = set()
        self._begun = 0
        self._over = 0
        """So many of the transfers, from the first on, are over."""
        self._data_at = 0.0
        self._active_at = 0.0
        self._looked_at = 0.0
        self._quiet_s = 0.0

    def knows(self, segment: Segment) -> bool:
        """Return whether a segment is one of a connection that there is."""
        return not segment.flags & SYN and _key(segment) in self._connections

    def take(self, segment: Segment, now: float) -> Iterator[bytes]:
        """Take a guest's segment and yield the frames that go out to it."""
        key = _key(segment)
        known = self._connections.get(key)
        begins = segment.flags & _BEGINS[1] == _BEGINS[0]
        if begins and (known is None or not known.began_with(segment)):
            self._forget(key)
            known = self._begin(segment)
            if known is None:
                yield segment.refused()
                return
            self._connections[key] = known
        if known is None:
            if not segment.flags & RESET:
                yield segment.refused()
            return
        yield from known.take(segment, now)
        yield from self._say(known, now)

    def say(self, now: float) -> Iterator[bytes]:
        """Yield the frames for which it is time."""
        for known in list(self._connections.values()):
            yield from known.due(now)
            yield from self._say(known, now)
        for key in [key for key, known in self._connections.items() if known.over]:
            self._forget(key)

    def close(self) -> None:
        """End every connection."""
        for known in self._connections.values():
            known.break_off()

    def _forget(self, key: _Key) -> None:
        if ended := self._connections.pop(key, None):
            ended.break_off()
            self._forget_numbers()

    def _forget_numbers(self) -> None:
        kept = {each.connection for each in list(self.transfers)}
        for number in [each for each, known in self._numbers.items() if known.over]:
            if number not in kept:
                del self._numbers[number]
                self._over_tls.discard(number)

    def _begin(self, segment: Segment) -> TcpConnection | None:
        if not self._has_room():
            return None
        number, over_tls = self._begun + 1, segment.target_port in self._tls_ports
        try:
            stream = self._opens(number, over_tls)
        except OSError:
            return None
        self._begun = number
        begins = (number * _NUMBERS_APART) & 0xFFFFFFFF
        begun = self._numbers[number] = TcpConnection(segment, stream, begins, self._room)
        if over_tls:
            self._over_tls.add(number)
        return begun

    def _has_room(self) -> bool:
        """Return whether there may be another connection, for which one of no use may go."""
        if len(self._connections) >= _CONNECTIONS:
            of_no_use = (key for key, known in self._connections.items() if known.may_go)
            if (key := next(of_no_use, None)) is not None:
                self._forget(key)
        return len(self._connections) < _CONNECTIONS

    def _say(self, known: TcpConnection, now: float) -> Iterator[bytes]:
        sent = known.sent
        for frame in known.say(now):
            if self._may_reset and self._is_to_be_reset(known, now):
                yield known.break_off()
                return
            yield frame
        if known.sent != sent:
            self._data_at = now

    def _is_to_be_reset(self, known: TcpConnection, now: float) -> bool:
        current = self.transfers[-1] if self.transfers else None
        if current is None or self._numbers.get(current.connection) is not known:
            return False
        for fault in self._faults.of("http-reset"):
            if current.name == fault.file and self._passed_of(current) > fault.bytes:
                if current.outcome != "reset":
                    current.outcome = "reset"
                    text = "the connection was reset"
                    self._journal.note(now, NetEventKind.HTTP_CLOSED, current.name, text=text)
                return True
        return False

    def _passed_of(self, transfer: HttpTransfer) -> int:
        """Return how many bytes of a response's body were on their way to the guest."""
        known = self._numbers.get(transfer.connection)
        return known.sent - transfer.begins if known else 0

    def _arrived_of(self, transfer: HttpTransfer) -> int:
        """Return how many bytes of a response's body the guest has; over TLS, of which more bytes
        go over the wire than are written, all only where nothing is to come."""
        known = self._numbers.get(transfer.connection)
        if known is None:
            return 0
        most = transfer.written
        if transfer.connection in self._over_tls and not known.all_arrived:
            most -= 1
        return max(0, min(known.acked - transfer.begins, most))

    def take_served(self, now: float) -> list[str]:
        """Note the responses of which the guest has all by now, and return their names."""
        names = []
        while self._over < len(self.transfers) and self.transfers[self._over].over:
            self._over += 1
        for transfer in self.transfers[self._over :]:
            if transfer.outcome == "written" and self._arrived_of(transfer) == transfer.written:
                transfer.outcome, transfer.last_at = "served", now
                names.append(transfer.name)
                text = f"http {transfer.written:,} bytes"
                if transfer.part:
                    text += f", {transfer.part} of {transfer.file_bytes:,}"
                self._journal.note(now, NetEventKind.FILE_SERVED, transfer.name, text=text)
        return names

    def watch(self, now: float) -> None:
        """Tell when a response stops in mid-body though the guest would take more."""
        step, self._looked_at = min(now - self._looked_at, _LONGEST_STEP_S), now
        active = max([self._data_at, *(each.last_at for each in self.transfers)])
        if active > self._active_at:
            self._active_at, self._quiet_s = active, 0.0
        else:
            self._quiet_s += step
        for transfer in list(self.transfers):
            waits = transfer.outcome == "open" and not transfer.blocked
            if waits and not transfer.stalled and self._quiet_s >= _HTTP_STALLED_S:
                transfer.stalled = True
                self._journal.note(
                    now,
                    NetEventKind.HTTP_STALLED,
                    transfer.name,
                    text=f"no data for {self._quiet_s:.1f} s, and the connection is open",
                )

    def files(self, mac: str) -> Iterator[NetFile]:
        """Yield the responses as they are now."""
        for transfer in list(self.transfers):
            on_its_way = transfer.outcome == "written"
            sha256 = transfer.digest.hexdigest() if transfer.outcome == "served" else ""
            yield NetFile(
                name=transfer.name,
                protocol="http",
                mac=mac,
                file_bytes=transfer.file_bytes,
                file_sha256=sha256,
                requested_at=transfer.requested_at,
                last_at=max(transfer.last_at, self._data_at) if on_its_way else transfer.last_at,
                sent_bytes=self._arrived_of(transfer),
                outcome="open" if on_its_way else transfer.outcome,
                promised_bytes=None if transfer.part else transfer.file_bytes,
                sha256=sha256,
                part=transfer.part,
            )

    def finish(self) -> None:
        """Close the books: what was all sent, and nobody broke off, only lacks its last
        acknowledgement."""
        for transfer in self.transfers:
            if transfer.outcome == "written" and self._passed_of(transfer) >= transfer.written:
                transfer.outcome = "served"


def _key(segment: Segment) -> _Key:
    return segment.source_ip, segment.source_port, segment.target_ip, segment.target_port
