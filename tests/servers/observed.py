"""What went over a wire that is not ours, from the capture that QEMU wrote of it.

The same events and files as our own wire tells of, so that other servers serve as control.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import dpkt
from msgspec import Struct, field

from bootharness.errors import FormatError
from bootharness.formats.dhcp import ACK as DHCP_ACK
from bootharness.formats.dhcp import DISCOVER, NAK, OFFER, REQUEST, DhcpMessage
from bootharness.formats.ethernet import Datagram, ip_text, mac_text, parse_udp
from bootharness.formats.tftp import ACK, DATA, ERROR, OACK, TftpError, TftpRequest, opcode
from bootharness.network.tcp import SYN, Segment
from bootharness.network.tcp_stream import TcpStream
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile

__all__ = ["Observation", "observe"]

_DHCP_PORTS = (67, 68)
_TFTP_PORT = 69
_HTTP_PORT = 80
_DHCP_KINDS = {
    DISCOVER: NetEventKind.DISCOVER,
    OFFER: NetEventKind.OFFER,
    REQUEST: NetEventKind.REQUEST,
    DHCP_ACK: NetEventKind.ACK,
    NAK: NetEventKind.NAK,
}


class _Transfer(Struct):
    name: str
    asked_at: float
    block_bytes: int = 512
    promised: int | None = None
    blocks: int = 0
    received: int = 0
    last_at: float = 0.0
    outcome: str = "open"
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class Observation(Struct):
    """What a capture shows. All that came over HTTP is one file, for it is not looked into."""

    events: list[NetEvent] = field(default_factory=list)
    files: list[NetFile] = field(default_factory=list)
    frames: int = 0


def observe(capture: Path, contents: dict[str, bytes], launched_wall: float) -> Observation:
    """Return what a capture shows; times are in seconds since a launch at that wall time."""
    seen = Observation()
    transfers: dict[int, _Transfer] = {}
    finished: list[_Transfer] = []
    flows: dict[int, TcpStream] = {}
    http_at: list[float] = []
    for wall, frame in _frames(capture):
        now = round(wall - launched_wall, 6)
        seen.frames += 1
        try:
            datagram = parse_udp(frame)
        except FormatError:
            continue
        if datagram is None:
            _follow_http(frame, flows, http_at, now)
        elif datagram.target_port in _DHCP_PORTS:
            _note_dhcp(seen, datagram, now)
        else:
            _note_tftp(seen, datagram, transfers, finished, now)
    for transfer in sorted([*finished, *transfers.values()], key=lambda each: each.asked_at):
        seen.files.append(_file(transfer, contents))
    if http_at:
        size = sum(flow.size for flow in flows.values())
        seen.files.append(
            NetFile("http", "http", "", size, "", http_at[0], http_at[-1], size, "served")
        )
    return seen


def _frames(capture: Path) -> Iterator[tuple[float, bytes]]:
    with capture.open("rb") as file:
        yield from dpkt.pcap.Reader(file)


def _follow_http(frame: bytes, flows: dict[int, TcpStream], times: list[float], now: float) -> None:
    segment = Segment.parse(frame)
    if segment is None or segment.source_port != _HTTP_PORT:
        return
    if segment.flags & SYN:
        flows[segment.target_port] = TcpStream()
    if segment.target_port in flows and flows[segment.target_port].take(segment):
        times.append(now)


def _note_dhcp(seen: Observation, datagram: Datagram, now: float) -> None:
    try:
        message = DhcpMessage.parse(datagram.payload)
    except FormatError:
        return
    kind = _DHCP_KINDS.get(message.kind)
    if kind:
        mac = mac_text(message.mac)
        if not seen.events:
            seen.events.append(NetEvent(now, NetEventKind.LINK_UP, mac, text="first frame"))
        text = ip_text(message.your_ip) if message.operation == 2 else ""
        seen.events.append(NetEvent(now, kind, mac, message.boot_file, text=text))


def _note_tftp(
    seen: Observation,
    datagram: Datagram,
    transfers: dict[int, _Transfer],
    finished: list[_Transfer],
    now: float,
) -> None:
    kind, payload = opcode(datagram.payload), datagram.payload
    mac = mac_text(datagram.source_mac)
    if datagram.target_port == _TFTP_PORT and kind not in (ACK, ERROR):
        try:
            request = TftpRequest.parse(payload)
        except FormatError:
            return
        name = request.file.removeprefix("/")
        transfers[datagram.source_port] = _Transfer(name, now, last_at=now)
        seen.events.append(NetEvent(now, NetEventKind.FILE_REQUESTED, mac, name, text="tftp"))
    elif datagram.target_port in transfers:
        _from_server(seen, datagram, transfers[datagram.target_port], now)
    elif datagram.source_port in transfers:
        transfer = transfers[datagram.source_port]
        number = int.from_bytes(payload[2:4], "big")
        complete = transfer.outcome == "whole" and number == transfer.blocks & 0xFFFF
        if kind == ACK and complete:
            transfer.outcome, transfer.last_at = "served", now
            text = f"tftp {transfer.received:,} bytes"
            event = NetEvent(now, NetEventKind.FILE_SERVED, mac, transfer.name, text=text)
            seen.events.append(event)
        elif kind == ERROR:
            transfer.outcome = "aborted"
        if transfer.outcome in ("served", "aborted"):
            finished.append(transfers.pop(datagram.source_port))


def _from_server(seen: Observation, datagram: Datagram, transfer: _Transfer, now: float) -> None:
    kind, payload = opcode(datagram.payload), datagram.payload
    if kind == OACK:
        words = payload[2:].decode("ascii", "replace").lower().split("\0")
        options = dict(zip(words[::2], words[1::2], strict=False))
        transfer.block_bytes = int(options.get("blksize", 512))
        transfer.promised = int(options["tsize"]) if "tsize" in options else None
    elif kind == DATA:
        number = int.from_bytes(payload[2:4], "big")
        if number == (transfer.blocks + 1) & 0xFFFF and transfer.outcome == "open":
            transfer.blocks += 1
            transfer.received += len(payload) - 4
            transfer.digest.update(payload[4:])
            if len(payload) - 4 < transfer.block_bytes:
                transfer.outcome = "whole"
    elif kind == ERROR:
        transfer.outcome = "missing"
        seen.events.append(
            NetEvent(
                now,
                NetEventKind.FILE_MISSING,
                mac_text(datagram.target_mac),
                transfer.name,
                text=TftpError.parse(payload).text,
            )
        )


def _file(transfer: _Transfer, contents: dict[str, bytes]) -> NetFile:
    content = contents.get(transfer.name, b"")
    # the last acknowledgement is not always sent: who has it all may go on at once
    outcome = "served" if transfer.outcome == "whole" else transfer.outcome
    return NetFile(
        name=transfer.name,
        protocol="tftp",
        mac="",
        file_bytes=len(content),
        file_sha256=hashlib.sha256(content).hexdigest(),
        requested_at=transfer.asked_at,
        last_at=transfer.last_at,
        sent_bytes=transfer.received,
        outcome=outcome,
        promised_bytes=transfer.promised,
        sha256=transfer.digest.hexdigest(),
        block_bytes=transfer.block_bytes,
        window=1,
    )
