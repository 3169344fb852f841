"""What goes between a guest and TFTP servers that are not ours, followed block by block.

Frames that got lost between us and the guest are sent again by the server, so blocks come in
order here; a number that is not the next one tells nothing new. Block numbers wrap; inside they
are counted on.
"""

from msgspec import Struct, field

from bootharness.formats.ethernet import Datagram, ip_text
from bootharness.formats.tftp import (
    ACK,
    DATA,
    ERROR,
    OACK,
    TftpError,
    TftpRequest,
    opcode,
)
from bootharness.network.arrived import Arrived, ArrivedFile
from bootharness.network.events import Journal
from bootharness.trace.network_facts import NetEventKind, NetFile

__all__ = ["TFTP_PORT", "WatchedTftp"]

TFTP_PORT = 69
_DEFAULT_BLOCK = 512
_REPEAT_S = 0.05
_OPEN_LIMIT = 64
_LIMIT = 1000
"""Transfers of one boot; it has about twenty."""
_MASK = 0xFFFF
_LARGEST_WINDOW = 64


class _Transfer(Struct):
    """One file on its way; ``sent`` and ``acked`` are blocks, 0 is the answer to the request."""

    name: str
    client_port: int
    server_ip: bytes
    requested_at: float
    content: ArrivedFile
    server_port: int = 0
    block_bytes: int = _DEFAULT_BLOCK
    window: int = 1
    promised: int | None = None
    sent: int = 0
    acked: int = 0
    last_block: int | None = None
    heard_at: float = 0.0
    acked_bytes: int = 0
    repeats: int = 0
    all_repeats: int = 0
    outcome: str = "open"

    @property
    def arrived_bytes(self) -> int:
        """How much of the file the guest has."""
        return min(self.acked * self.block_bytes, self.content.size)


class WatchedTftp(Struct):
    """The transfers of one guest."""

    journal: Journal
    arrived: Arrived
    transfers: list[_Transfer] = field(default_factory=list)
    _open: dict[int, _Transfer] = field(default_factory=dict)

    def asked(self, datagram: Datagram, now: float) -> None:
        """Take what a guest sends to port 69. Raises FormatError when it is no read request."""
        request = TftpRequest.parse(datagram.payload)
        name = request.file.removeprefix("/")
        again = self._open.get(datagram.source_port)
        if again and again.name == name and again.server_ip == datagram.target_ip:
            if not again.acked:
                self._count_repeat(again, now)
            return
        self._settle(now)
        if again:
            self._open.pop(datagram.source_port, None)
        if len(self._open) >= _OPEN_LIMIT or len(self.transfers) >= _LIMIT:
            return
        transfer = _Transfer(
            name, datagram.source_port, datagram.target_ip, now, self.arrived.begin(name),
            heard_at=now,
        )  # fmt: skip
        self._open[datagram.source_port] = transfer
        self.transfers.append(transfer)
        said = " ".join(f"{key}={value}" for key, value in request.options.items())
        text = f"tftp {said}".strip()
        self.journal.note(now, NetEventKind.FILE_REQUESTED, name, text=text)

    def heard(self, datagram: Datagram, now: float) -> None:
        """Take what a guest sends to the port of a transfer."""
        transfer = self._open.get(datagram.source_port)
        if transfer is None or transfer.server_port != datagram.target_port:
            return
        kind = opcode(datagram.payload)
        if kind == ACK and len(datagram.payload) >= 4:
            self._acknowledged(transfer, int.from_bytes(datagram.payload[2:4], "big"), now)
        elif kind == ERROR:
            error = TftpError.parse(datagram.payload)
            transfer.outcome, transfer.content.done = "aborted", True
            self._open.pop(transfer.client_port, None)
            asked = transfer.acked <= 0
            what = NetEventKind.FILE_SIZE_ASKED if asked else NetEventKind.FILE_ABORTED
            text = f"tftp error {error.code} {error.text}".strip()
            self.journal.note(now, what, transfer.name, text=text)

    def answered(self, datagram: Datagram, now: float) -> None:
        """Take what a server sends to a guest."""
        transfer = self._open.get(datagram.target_port)
        if transfer is None or datagram.source_ip != transfer.server_ip:
            return
        if transfer.server_port and transfer.server_port != datagram.source_port:
            return
        transfer.server_port = datagram.source_port
        kind, payload = opcode(datagram.payload), datagram.payload
        if kind == OACK:
            self._accepted(transfer, payload)
        elif kind == DATA and len(payload) >= 4:
            self._came(transfer, int.from_bytes(payload[2:4], "big"), payload[4:])
        elif kind == ERROR:
            self._refused(transfer, TftpError.parse(payload), now)

    def finish(self, now: float) -> None:
        """Close the books: what only lacks its last acknowledgement has been served."""
        self._settle(now)

    def snapshots(self) -> list[NetFile]:
        """Return the transfers as they are now."""
        return [self._snapshot(each) for each in self.transfers if each.outcome != "missing"]

    def _snapshot(self, transfer: _Transfer) -> NetFile:
        done = transfer.outcome == "served"
        digest = transfer.content.digest.hexdigest() if done else ""
        size = transfer.content.size
        return NetFile(
            name=transfer.name,
            protocol="tftp",
            mac=self.journal.mac,
            file_bytes=size if done else max(transfer.promised or 0, size),
            file_sha256=digest,
            requested_at=transfer.requested_at,
            last_at=transfer.heard_at,
            sent_bytes=transfer.arrived_bytes,
            outcome=transfer.outcome,
            promised_bytes=transfer.promised,
            sha256=digest,
            block_bytes=transfer.block_bytes,
            window=transfer.window,
            repeats=transfer.all_repeats,
        )

    @staticmethod
    def _accepted(transfer: _Transfer, payload: bytes) -> None:
        words = [word.decode("ascii", "replace") for word in payload[2:].split(b"\0")]
        options = dict(zip([word.lower() for word in words[::2]], words[1::2], strict=False))
        numbers = {name: int(each) for name, each in options.items()
                   if each.isascii() and each.isdigit() and len(each) < 20}  # fmt: skip
        transfer.block_bytes = max(numbers.get("blksize", _DEFAULT_BLOCK), 1)
        transfer.window = min(max(numbers.get("windowsize", 1), 1), _LARGEST_WINDOW)
        transfer.promised = numbers.get("tsize")

    @staticmethod
    def _came(transfer: _Transfer, number: int, data: bytes) -> None:
        if number != (transfer.sent + 1) & _MASK or transfer.last_block is not None:
            return
        transfer.sent += 1
        transfer.content.add(data)
        if len(data) < transfer.block_bytes:
            transfer.last_block = transfer.sent
            transfer.content.done = True

    def _refused(self, transfer: _Transfer, error: TftpError, now: float) -> None:
        self._open.pop(transfer.client_port, None)
        if transfer.sent:
            transfer.outcome = "ended"
            text = f"tftp error {error.code} {error.text}, from the server".strip()
            self.journal.note(now, NetEventKind.FILE_ABORTED, transfer.name, text=text)
            return
        transfer.outcome = "missing"
        text = f"tftp error {error.code} {error.text}, by {ip_text(transfer.server_ip)}"
        self.journal.note(now, NetEventKind.FILE_MISSING, transfer.name, text=text)

    def _acknowledged(self, transfer: _Transfer, number: int, now: float) -> None:
        ahead = (number - transfer.acked) & _MASK
        if ahead == 0:
            if transfer.acked or transfer.sent:
                self._count_repeat(transfer, now)
        elif ahead <= transfer.sent - transfer.acked:
            transfer.acked += ahead
            transfer.repeats, transfer.heard_at = 0, now
            if transfer.acked == transfer.last_block:
                self._finished(transfer, now)

    def _count_repeat(self, transfer: _Transfer, now: float) -> None:
        """Count what the client says again; what comes in a burst was under way already."""
        if now - transfer.heard_at < _REPEAT_S:
            return
        transfer.heard_at = now
        transfer.repeats += 1
        transfer.all_repeats += 1
        self.journal.note(
            now, NetEventKind.REPEATED, transfer.name, block=transfer.acked + 1,
            repeats=transfer.repeats, text=f"tftp from {ip_text(transfer.server_ip)}",
        )  # fmt: skip

    def _finished(self, transfer: _Transfer, now: float) -> None:
        transfer.outcome = "served"
        self._open.pop(transfer.client_port, None)
        text = f"tftp {transfer.content.size:,} bytes"
        self.journal.note(now, NetEventKind.FILE_SERVED, transfer.name, text=text)

    def _settle(self, now: float) -> None:
        """Take transfers for served that only lack the last acknowledgement.

        A client that has all may go on at once and never send it.
        """
        for transfer in list(self._open.values()):
            last = transfer.last_block
            if (
                last is not None
                and last - transfer.acked <= transfer.window
                and not transfer.repeats
            ):
                transfer.acked = last
                self._finished(transfer, now)
