"""A TFTP server for clients that boot: a pure event machine.

iPXE puts blocks together in any order, and acknowledges each; it is sent some blocks ahead
though it asks for no window, for what a block costs is waiting for the acknowledgement. More
than its card has room for would be lost, and every loss costs it 0.25 s.

A block that is acknowledged twice is sent again only when the last sending was a while
ago, so that one duplicate does not double the rest of the transfer (the Sorcerer's
Apprentice). Block numbers wrap; inside they are counted on.
"""

import hashlib
from collections.abc import Callable

from msgspec import Struct, field

from bootharness.errors import FormatError
from bootharness.formats.ethernet import Datagram, ip_text
from bootharness.formats.ipv6 import Headers, answering
from bootharness.formats.tftp import (
    ACK,
    ERROR,
    TftpError,
    TftpRequest,
    build_data,
    build_error,
    build_oack,
    opcode,
    parse_ack,
)
from bootharness.network.events import Journal
from bootharness.network.files import Content, Files
from bootharness.plan.fault import Fault, Faults
from bootharness.trace.network_facts import NetEventKind, NetFile

__all__ = ["TFTP_PORT", "TftpServer", "Transfer"]

TFTP_PORT = 69

_FIRST_PORT = 49152
_PORTS = 16384
_DEFAULT_BLOCK = 512
_SMALLEST_BLOCK = 8
_LARGEST_BLOCK = 1468
_LARGEST_BLOCK_OVER_IPV6 = 1448
"""What fits a frame: nobody who boots puts fragments together."""
_LARGEST_WINDOW = 16
_IPXE_ASKS = ("blksize", "tsize")
_RESEND_AFTER_S = 0.1
_REPEAT_S = 0.05
_REFUSED_ONCE_S = 1.0
"""A busy host keeps an answer from a guest for long; one that was lost is asked for again later."""
_TIMEOUT_S = 1.0
_TIMEOUTS = 7
"""In all that is longer than any client asks on."""
_TOLD_AFTER = 2
"""By then nothing has been heard of a client for 3 s."""
_OPEN_LIMIT = 64
_LIMIT = 1000
"""Transfers of one boot; it has about twenty."""
_MASK = 0xFFFF

Send = Callable[[float, bytes], None]
"""Put a frame on the wire at a time."""


class Transfer(Struct):
    """One file on its way; blocks count from 1, 0 is the answer to the request.

    ``size`` is how much of it is meant to be sent; ``sent`` goes back to ``acked`` when blocks are
    sent again, ``highest`` never does. ``restarts_at`` is the number that comes behind 65,535, and
    is to be 0.
    """

    name: str
    content: Content
    file_bytes: int
    size: int
    headers: Headers
    client_ip: bytes
    client_port: int
    server_port: int
    requested_at: float
    block_bytes: int
    window: int
    promised: int | None
    ahead: int
    last_block: int
    oack: bytes | None
    faults: list[Fault]
    oack_faults: list[Fault]
    restarts_at: int
    file_sha256: str = ""
    acked: int = 0
    sent: int = 0
    highest: int = 0
    sent_at: float = 0.0
    heard_at: float = 0.0
    paced_until: float = 0.0
    repeats: int = 0
    all_repeats: int = 0
    timeouts: int = 0
    outcome: str = "open"
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    altered: dict[int, bytes] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    marks: dict[int, float] = field(default_factory=dict)

    def data(self, block: int) -> bytes | memoryview:
        """Return what is sent as a block."""
        if self.altered and block in self.altered:
            return self.altered[block]
        return self.content[(block - 1) * self.block_bytes : block * self.block_bytes]

    def number(self, block: int) -> int:
        """Return the number of a block on the wire."""
        if block <= _MASK or not self.restarts_at:
            return block & _MASK
        return (block - 1) % _MASK + self.restarts_at

    def ahead_of_acked(self, number: int) -> int:
        """Return how far a number on the wire is ahead of what has arrived, in blocks."""
        if not self.restarts_at:
            return (number - self.acked) & _MASK
        blocks = range(self.acked, self.highest + 1)
        return next((each - self.acked for each in blocks if self.number(each) == number), _MASK)

    @property
    def sha256(self) -> str:
        """The digest of what was sent."""
        return self.digest.hexdigest()

    @property
    def acked_bytes(self) -> int:
        """How much of the file has arrived."""
        return min(max(self.acked, 0) * self.block_bytes, self.size)


class TftpServer(Struct):
    """Serves a table of files to the clients of one port."""

    files: Files
    mac: bytes
    addresses: tuple[bytes, ...]
    journal: Journal
    send: Send
    faults: Faults = field(default_factory=Faults)
    ahead: int = 1
    to_ipxe: bool = False
    served: set[str] = field(default_factory=set)
    transfers: list[Transfer] = field(default_factory=list)
    _open: dict[int, Transfer] = field(default_factory=dict)
    _next_port: int = 0
    _refused: tuple[bytes, int, bytes] | None = None
    _refused_at: float = 0.0

    def request(self, asked: Datagram, now: float) -> None:
        """Take what came to port 69. Raises FormatError when it is no read request."""
        # who asked again before it had the answer would take a second one for that to its next
        again = (asked.source_ip, asked.source_port, asked.payload) == self._refused
        if again and now - self._refused_at < _REFUSED_ONCE_S:
            return None
        try:
            request = TftpRequest.parse(asked.payload)
        except FormatError:
            self._refuse(asked, now, TftpError.ILLEGAL, "only reading is served")
            raise
        for transfer in self._open.values():
            if (transfer.client_ip, transfer.client_port, transfer.name) == (
                asked.source_ip,
                asked.source_port,
                self.files.find(request.file),
            ):
                return self._asked_again(transfer, now)
        self._settle(now)
        name = self.files.find(request.file)
        if name is None or self.faults.of("missing", file=name):
            return self._not_there(asked, request.file, now)
        if len(self._open) >= _OPEN_LIMIT or len(self.transfers) >= _LIMIT:
            return self._refuse(asked, now, TftpError.REFUSED, "too many transfers")
        content = self.files.open(name)
        if content is None:
            return self._not_there(asked, request.file, now)
        transfer = self._begin(request, name, content, asked, now)
        said = " ".join(f"{key}={value}" for key, value in request.options.items())
        self.journal.note(
            now,
            NetEventKind.FILE_REQUESTED,
            name,
            text=f"tftp {said}".strip(),
            at=self._asked_at(asked),
        )
        self._answer(transfer, now)
        return None

    def receive(self, asked: Datagram, now: float) -> None:
        """Take what came to a transfer's own port."""
        transfer = self._open.get(asked.target_port)
        if transfer is None or transfer.client_port != asked.source_port:
            return
        kind = opcode(asked.payload)
        if kind == ACK:
            block = parse_ack(asked.payload)
            if block is not None:
                self.acknowledged(transfer, block, now)
        elif kind == ERROR:
            self._aborted(transfer, TftpError.parse(asked.payload), now)

    def transfer(self, server_port: int, client_port: int) -> Transfer | None:
        """Return the open transfer between two ports."""
        transfer = self._open.get(server_port)
        return transfer if transfer and transfer.client_port == client_port else None

    def acknowledged(self, transfer: Transfer, number: int, now: float) -> None:
        """Take the acknowledgement of a block by its number on the wire."""
        if transfer.oack is not None and transfer.acked < 0:
            if number == 0:
                transfer.acked = 0
                self._send_window(transfer, now)
            return
        ahead = transfer.ahead_of_acked(number)
        if ahead == 0:
            self._acknowledged_again(transfer, now)
        elif ahead <= transfer.highest - transfer.acked:
            before = transfer.acked
            transfer.acked += ahead
            transfer.sent = max(transfer.sent, transfer.acked)
            transfer.repeats = transfer.timeouts = 0
            transfer.heard_at = now
            if transfer.acked < transfer.last_block:
                self._send_window(transfer, now)
            for block in range(before + 1, transfer.acked + 1):
                transfer.digest.update(transfer.data(block))
            if transfer.acked >= transfer.last_block:
                self._finished(transfer, now)

    def tick(self, now: float) -> None:
        """Send again what was not answered in time."""
        for transfer in list(self._open.values()):
            if now - transfer.sent_at < _TIMEOUT_S * 2**transfer.timeouts:
                continue
            if transfer.timeouts >= _TIMEOUTS:
                self._settle(now)
                self._close(transfer)
            else:
                transfer.timeouts += 1
                if transfer.timeouts >= _TOLD_AFTER and transfer.acked >= 0:
                    self.journal.note(
                        now,
                        NetEventKind.SENT_AGAIN,
                        transfer.name,
                        block=transfer.acked + 1,
                        repeats=transfer.timeouts,
                        text=f"nothing heard for {now - transfer.heard_at:.1f} s",
                    )
                self._answer(transfer, now)

    def reached(self, name: str, block: int) -> float | None:
        """Return when a block of a file had arrived, None as long as it has not."""
        for transfer in self.transfers:
            if transfer.name == name and transfer.acked >= block:
                return transfer.marks.setdefault(block, transfer.heard_at)
        return None

    def finish(self, now: float) -> None:
        """Close the books: what only lacks its last acknowledgement has been served.

        A fault of a block that the file did not come to has done nothing, which is noted.
        """
        self._settle(now)
        for transfer in self.transfers:
            for fault in transfer.faults if transfer.outcome == "served" else ():
                if fault.kind != "slow" and fault.block > transfer.last_block:
                    text = f"{fault.kind} did nothing: {transfer.last_block:,} blocks were all"
                    self.journal.note(
                        now, NetEventKind.FAULT_UNUSED, transfer.name, block=fault.block, text=text
                    )

    def snapshot(self, transfer: Transfer) -> NetFile:
        """Return a transfer as it is now."""
        done = transfer.outcome == "served"
        return NetFile(
            name=transfer.name,
            protocol="tftp",
            mac=self.journal.mac,
            file_bytes=transfer.file_bytes,
            file_sha256=transfer.file_sha256,
            requested_at=transfer.requested_at,
            last_at=transfer.heard_at,
            sent_bytes=transfer.acked_bytes,
            outcome=transfer.outcome,
            promised_bytes=transfer.promised,
            sha256=transfer.sha256 if done else "",
            block_bytes=transfer.block_bytes,
            window=transfer.window,
            repeats=transfer.all_repeats,
        )

    def _not_there(self, asked: Datagram, name: str, now: float) -> None:
        why = self.files.why_not(name)
        self.journal.note(
            now,
            NetEventKind.FILE_MISSING,
            name,
            text=f"tftp {why}".strip(),
            at=self._asked_at(asked),
        )
        self._refuse(asked, now, TftpError.NOT_FOUND, "File not found")

    def _asked_at(self, asked: Datagram) -> str:
        return "" if asked.target_ip in self.addresses else ip_text(asked.target_ip)

    def _begin(
        self, request: TftpRequest, name: str, content: Content, asked: Datagram, now: float
    ) -> Transfer:
        size = len(content)
        for fault in self.faults.of("short", file=name):
            content = content[: fault.bytes]
        accepted = self._accepted(request, name, size, over_ipv6=len(asked.source_ip) > 4)
        block_bytes = accepted.get("blksize", _DEFAULT_BLOCK)
        while (port := _FIRST_PORT + self._next_port % _PORTS) in self._open:
            self._next_port += 1
        self._next_port += 1
        transfer = Transfer(
            name=name,
            content=content,
            file_bytes=size,
            size=len(content),
            headers=answering(asked, self.mac, port),
            client_ip=asked.source_ip,
            client_port=asked.source_port,
            server_port=port,
            requested_at=now,
            heard_at=now,
            block_bytes=block_bytes,
            window=accepted.get("windowsize", 1),
            ahead=self.ahead if self.to_ipxe and tuple(request.options) == _IPXE_ASKS else 1,
            promised=accepted.get("tsize"),
            last_block=len(content) // block_bytes + 1,
            oack=build_oack(accepted) if accepted else None,
            acked=-1 if accepted else 0,
            faults=self.faults.of(
                "drop", "duplicate", "delay", "corrupt", "stall", "slow", file=name
            ),
            oack_faults=self.faults.of("duplicate-oack", "late-oack", file=name),
            restarts_at=1 if self.faults.of("wrong-rollover", file=name) else 0,
        )
        self._open[port] = transfer
        self.transfers.append(transfer)
        return transfer

    def _accepted(
        self, request: TftpRequest, name: str, size: int, *, over_ipv6: bool
    ) -> dict[str, int]:
        if self.faults.of("no-oack", file=name):
            return {}
        accepted = {}
        wanted = request.number("blksize")
        if wanted is not None and wanted >= _SMALLEST_BLOCK:
            accepted["blksize"] = min(
                wanted, _LARGEST_BLOCK_OVER_IPV6 if over_ipv6 else _LARGEST_BLOCK
            )
        if request.number("tsize") is not None:
            wrong = self.faults.of("wrong-tsize", file=name)
            accepted["tsize"] = wrong[0].bytes if wrong else size
        wanted = request.number("windowsize")
        if wanted:
            accepted["windowsize"] = min(wanted, _LARGEST_WINDOW)
        return accepted

    def _asked_again(self, transfer: Transfer, now: float) -> None:
        if transfer.acked > 0:
            return
        self._count_repeat(transfer, now)
        self._answer(transfer, now)

    def _acknowledged_again(self, transfer: Transfer, now: float) -> None:
        if now - transfer.sent_at >= _RESEND_AFTER_S:
            self._count_repeat(transfer, now)
            self._answer(transfer, now)

    def _count_repeat(self, transfer: Transfer, now: float) -> None:
        """Count what the client says again; what comes in a burst was said before we answered."""
        if now - transfer.heard_at < _REPEAT_S:
            return
        transfer.heard_at = now
        transfer.repeats += 1
        transfer.ahead = 1
        transfer.all_repeats += 1
        self.journal.note(
            now,
            NetEventKind.REPEATED,
            transfer.name,
            block=max(transfer.acked, 0) + 1,
            repeats=transfer.repeats,
            text="tftp",
        )

    def _answer(self, transfer: Transfer, now: float) -> None:
        """Send what the client waits for, from its last acknowledgement on."""
        if transfer.acked < 0 and transfer.oack is not None:
            transfer.sent_at = now
            self._send_oack(transfer, transfer.headers.frame(transfer.oack), now)
        else:
            transfer.sent = transfer.acked
            self._send_window(transfer, now)

    def _send_oack(self, transfer: Transfer, frame: bytes, now: float) -> None:
        """Send it, and the first of a transfer as the faults have it."""
        first, at = transfer.oack_faults, now
        transfer.oack_faults = []
        for fault in first:
            at += fault.seconds if fault.kind == "late-oack" else 0.0
            if fault.kind == "duplicate-oack":
                self.send(now, frame)
            self.journal.note(now, NetEventKind.FAULT, transfer.name, text=fault.kind)
        self.send(at, frame)

    def _send_window(self, transfer: Transfer, now: float) -> None:
        end = min(transfer.acked + transfer.window, transfer.last_block)
        if transfer.ahead > 1:
            # it takes a number for the one nearest above the first block that it lacks
            no_wrap = (transfer.acked + 1) | _MASK
            end = min(transfer.acked + transfer.ahead, transfer.last_block, no_wrap)
        transfer.sent_at = now
        while transfer.sent < end:
            transfer.sent += 1
            if transfer.faults:
                self._send_faultily(transfer, transfer.sent, now)
            else:
                block = transfer.sent
                data = build_data(transfer.number(block), transfer.data(block))
                self.send(now, transfer.headers.frame(data))
        transfer.highest = max(transfer.highest, transfer.sent)

    def _send_faultily(self, transfer: Transfer, block: int, now: float) -> None:
        copies, at = 1, now
        for fault in transfer.faults:
            if fault.kind == "slow":
                begun = transfer.paced_until or now
                transfer.paced_until = begun + transfer.block_bytes / max(fault.rate, 1.0)
                at = transfer.sent_at = max(now, transfer.paced_until)
            elif fault.kind == "stall":
                if block < fault.block:
                    continue
                copies = 0
            elif block != fault.block:
                continue
            elif fault.kind == "corrupt":
                self._corrupt(transfer, block)
            elif fault.kind in transfer.spent:
                continue
            elif fault.kind == "drop":
                copies = 0
            elif fault.kind == "duplicate":
                copies = 2
            elif fault.kind == "delay":
                at = now + fault.seconds
            if fault.kind not in ("slow", *transfer.spent):
                transfer.spent.add(fault.kind)
                self.journal.note(
                    now, NetEventKind.FAULT, transfer.name, block=block, text=fault.kind
                )
        for _ in range(copies):
            data = build_data(transfer.number(block), transfer.data(block))
            self.send(at, transfer.headers.frame(data))

    @staticmethod
    def _corrupt(transfer: Transfer, block: int) -> None:
        data = bytearray(
            transfer.content[(block - 1) * transfer.block_bytes :][: transfer.block_bytes]
        )
        if data:
            data[len(data) // 2] ^= 0x55
            transfer.altered[block] = bytes(data)

    def _finished(self, transfer: Transfer, now: float) -> None:
        transfer.outcome = "served"
        transfer.file_sha256 = self._digest(transfer)
        self._close(transfer)
        self.served.add(transfer.name)
        self.journal.note(
            now,
            NetEventKind.FILE_SERVED,
            transfer.name,
            text=f"tftp {transfer.acked_bytes:,} bytes",
        )

    def _aborted(self, transfer: Transfer, error: TftpError, now: float) -> None:
        transfer.outcome = "aborted"
        self._close(transfer)
        kind = NetEventKind.FILE_SIZE_ASKED if transfer.acked <= 0 else NetEventKind.FILE_ABORTED
        self.journal.note(
            now, kind, transfer.name, text=f"tftp error {error.code} {error.text}".strip()
        )

    @staticmethod
    def _digest(transfer: Transfer) -> str:
        """Return the digest of a file that was sent whole: of what was sent, unless that was
        altered on purpose."""
        if transfer.altered:
            return hashlib.sha256(transfer.content[: transfer.size]).hexdigest()
        return transfer.sha256

    def _close(self, transfer: Transfer) -> None:
        self._open.pop(transfer.server_port, None)
        transfer.content = b""

    def _settle(self, now: float) -> None:
        """Take transfers for served that only lack the last acknowledgement.

        A client that has all may go on at once and never send it.
        """
        for transfer in list(self._open.values()):
            lacks_one = transfer.sent == transfer.last_block == transfer.acked + 1
            if lacks_one and not transfer.repeats:
                transfer.digest.update(transfer.data(transfer.last_block))
                transfer.acked = transfer.last_block
                self._finished(transfer, now)

    def _refuse(self, asked: Datagram, now: float, code: int, text: str) -> None:
        self._refused = (asked.source_ip, asked.source_port, asked.payload)
        self._refused_at = now
        headers = answering(asked, self.mac, TFTP_PORT)
        self.send(now, headers.frame(build_error(code, text)))
