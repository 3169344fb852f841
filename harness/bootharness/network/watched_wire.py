"""The wire between a guest and servers that are not ours: a switch that watches.

The guest's port is 1, the servers' are -1, -2 and so on, and the one behind those is a relay's on
the network behind it, where there is one: what goes there comes here by way of the relay alone.
Every frame is passed on as it is; what is read of it goes into the same books that our own wire
keeps. Nobody is waited for here: only a client that solicits an IPv6 router, and is answered by no
server, is told that there is none, for else it would wait fifteen seconds for one; where there is
DHCPv6, that addresses come from that.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bootharness.errors import FormatError
from bootharness.formats.ethernet import (
    ARP,
    IPV4,
    IPV6,
    Datagram,
    ethertype,
    ip_text,
    mac_bytes,
    mac_text,
    parse_arp,
    parse_udp,
    router_advertisement,
    solicits_router,
)
from bootharness.formats.ipv6 import UDP, Packet, advertise_router, parse_udp6
from bootharness.formats.iscsi import ISCSI_PORT
from bootharness.formats.tftp import ACK, ERROR, opcode
from bootharness.network.arrived import Arrived
from bootharness.network.dhcp6_server import DHCP6_PORT
from bootharness.network.events import Journal
from bootharness.network.tcp import Segment
from bootharness.network.watched_dhcp import DHCP_PORTS, WatchedDhcp
from bootharness.network.watched_http import WatchedHttp
from bootharness.network.watched_iscsi import WatchedIscsi
from bootharness.network.watched_tftp import TFTP_PORT, WatchedTftp
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile

__all__ = ["WatchedWire"]

GUEST = 1
_MACS_PER_PORT = 64
_QUESTIONS = 80
_NO_ROUTER_MAC = mac_bytes("52:55:0a:00:02:01")
_ROUTER_S = 0.25
_SLOW_ROUTER_S = 0.75
"""RFC 4861 lets a router think for half a second."""
_ANSWERED_S = 0.3
"""A machine on the same wire answers ARP sooner."""
_ICMP, _ICMPV6 = 1, 58
_ADVERTISES, _SOLICITS, _IS_THERE = b"\x86", b"\x87", b"\x88"
_LINK_LOCAL = 0xFE
_NOBODY = bytes(4)
_UNREACHABLE_PORT = (3, 3)
_REFUSED = (NetEventKind.FILE_MISSING, NetEventKind.HTTP_STATUS)
_ASKED = (NetEventKind.FILE_REQUESTED, NetEventKind.FILE_SIZE_ASKED)
_NEAR = 64
"""How many events before a refusal its question is looked for."""


class _Question(Struct):
    """An ARP question without an answer as yet."""

    asked: int
    last_at: float
    relay: bool = False
    noted: int = 0


class WatchedWire:
    """A switch between one guest and named servers, those at ``behind`` a relay with their
    addresses. Where the network has an IPv6 prefix, it has a router too: one of ours that leads
    nowhere, if none of them is one. Raises nothing whatever comes over it."""

    def __init__(
        self,
        servers: Sequence[str],
        files: Arrived,
        behind: Mapping[int, bytes] | None = None,
        prefix6: bytes | None = None,
    ) -> None:
        self.files = files
        self.faults = Faults()
        self.names = tuple(servers)
        self._ports = (GUEST, *(-1 - at for at in range(len(self.names) + bool(behind))))
        self._relay = self._ports[-1] if behind else None
        self._behind = frozenset({*behind, self._ports[-1]} if behind else ())
        self._prefix6 = prefix6
        self._router_s = _ROUTER_S if prefix6 is None else _SLOW_ROUTER_S
        self._journal = Journal()
        known = {address: self._name(port) for port, address in (behind or {}).items()}
        self._dhcp = WatchedDhcp(self._journal, known)
        self._tftp = WatchedTftp(self._journal, files)
        self._http = WatchedHttp(self._journal, files)
        self._iscsi = WatchedIscsi(self._journal, files)
        self._frames = 0
        self._guest_macs: set[bytes] = set()
        self._port_of: dict[bytes, int] = {}
        self._questions: dict[bytes, _Question] = {}
        self._advertised = False
        self._solicited_at: float | None = None
        self._unreachable: set[tuple[bytes, int]] = set()

    def plug(self) -> int:
        """Add the guest and return its port."""
        return GUEST

    def unplug(self, port: int) -> None:
        """Remove the guest."""

    def receive(self, port: int, frame: bytes, now: float) -> list[tuple[int, bytes]]:
        """Take a frame and return where it goes."""
        if port > 0:
            self._frames += 1
        try:
            if port > 0:
                self._from_guest(frame, now)
            elif port in self._behind:
                self._behind_relay(port, frame, now)
            else:
                self._from_server(port, frame, now)
        except FormatError as error:
            self._journal.note(now, NetEventKind.MALFORMED, text=str(error))
        return self._switched(port, frame)

    def tick(self, now: float) -> list[tuple[int, bytes]]:
        """Return the frames that are due."""
        self._http.tick(now)
        for ip, question in self._questions.items():
            if question.noted < question.asked and now - question.last_at > _ANSWERED_S:
                question.noted = question.asked
                self._unanswered(ip, question, now)
        if self._solicited_at is None or now - self._solicited_at < self._router_s:
            return []
        self._solicited_at = None
        if self._advertised:
            return []
        if self._prefix6 is not None:
            return [(GUEST, advertise_router(_NO_ROUTER_MAC, self._prefix6))]
        return [(GUEST, router_advertisement(_NO_ROUTER_MAC))]

    @property
    def next_due(self) -> float | None:
        """None, for nothing is delayed."""
        return None

    def journal(self, port: int) -> Journal:
        """Return the guest's journal."""
        return self._journal

    def events(self, port: int) -> tuple[NetEvent, ...]:
        """Return what has happened so far; of what was refused only that, as ours does."""
        told: list[NetEvent] = []
        for each in self._journal.events:
            if each.kind in _REFUSED:
                _leave_out_question(told, each.file)
            told.append(each)
        return tuple(told)

    def frames(self, port: int) -> int:
        """Return how many frames have come from the guest."""
        return self._frames

    def transferred(self, port: int) -> tuple[NetFile, ...]:
        """Return the files that the guest has asked for, as far as they are."""
        files = [*self._tftp.snapshots(), *self._http.snapshots(), *self._iscsi.snapshots()]
        return tuple(sorted(files, key=lambda file: file.requested_at))

    def link_wanted(self, port: int, now: float) -> bool:
        """Return True: nobody pulls this cable."""
        return True

    def finish(self, port: int, now: float) -> None:
        """Close the books at the end of the boot."""
        self._tftp.finish(now)

    def _switched(self, port: int, frame: bytes) -> list[tuple[int, bytes]]:
        if len(frame) < 14:
            return []
        target, source = frame[:6], frame[6:12]
        is_behind = port in self._behind
        ports = [each for each in self._ports if (each in self._behind) == is_behind]
        if not source[0] & 1:
            self._learn(port, source)
        known = None if target[0] & 1 else self._port_of.get(target)
        if known is not None and known in ports:
            return [(known, frame)] if known != port else []
        return [(each, frame) for each in ports if each != port]

    def _learn(self, port: int, source: bytes) -> None:
        """Note behind which port an address is: a guest takes none from a server."""
        if port > 0 and self._port_of.get(source, port) < 0:
            return
        if source in self._port_of or list(self._port_of.values()).count(port) < _MACS_PER_PORT:
            self._port_of[source] = port

    def _from_guest(self, frame: bytes, now: float) -> None:
        kind = ethertype(frame)
        if not kind:
            raise FormatError(f"a frame of {len(frame)} bytes")
        if not self._journal.mac:
            self._journal.mac = mac_text(frame[6:12])
            self._journal.note(now, NetEventKind.LINK_UP, text="first frame")
        if kind == ARP:
            self._asked_arp(frame, now)
        elif kind == IPV6:
            if solicits_router(frame) and self._solicited_at is None:
                self._solicited_at = now
            self._from_guest6(Packet.parse(frame), now)
        elif kind == IPV4:
            datagram = parse_udp(frame)
            if datagram is None:
                segment = Segment.parse(frame)
                if segment:
                    self._tcp(segment.target_port).asked(segment, now)
            elif datagram.target_port in DHCP_PORTS:
                self._dhcp.asked(datagram, now)
            else:
                self._to_tftp(datagram, now)

    def _tcp(self, port: int) -> WatchedHttp | WatchedIscsi:
        """Return who reads along what goes to a server's port."""
        return self._iscsi if port == ISCSI_PORT else self._http

    def _to_tftp(self, datagram: Datagram, now: float) -> None:
        if datagram.target_port == TFTP_PORT and opcode(datagram.payload) not in (ACK, ERROR):
            self._tftp.asked(datagram, now)
        else:  # to a transfer's own port, or with some servers to the same one
            self._tftp.heard(datagram, now)

    def _from_guest6(self, packet: Packet, now: float) -> None:
        if packet.protocol == UDP:
            datagram = parse_udp6(packet)
            if datagram.target_port == DHCP6_PORT:
                self._dhcp.asked6(datagram, now)
            else:
                self._to_tftp(datagram, now)
        elif segment := Segment.parse6(packet):
            self._tcp(segment.target_port).asked(segment, now)
        elif packet.protocol == _ICMPV6 and packet.payload[:1] == _SOLICITS:
            whom = packet.payload[8:24]
            # who has no address yet asks whether somebody else has it; a router may be ours
            if len(whom) == len(packet.source) and any(packet.source) and whom[0] != _LINK_LOCAL:
                self._ask_for(whom, now)

    def _from_server6(self, port: int, packet: Packet, now: float) -> None:
        if packet.protocol == UDP:
            datagram = parse_udp6(packet)
            if datagram.source_port == DHCP6_PORT:
                self._dhcp.answered6(datagram, self._name(port), now)
            else:
                self._tftp.answered(datagram, now)
        elif segment := Segment.parse6(packet):
            self._tcp(segment.source_port).answered(segment, now)
        elif packet.protocol == _ICMPV6:
            self._advertised |= packet.payload[:1] == _ADVERTISES
            if packet.payload[:1] == _IS_THERE:
                self._questions.pop(packet.payload[8:24], None)

    def _from_server(self, port: int, frame: bytes, now: float) -> None:
        kind = ethertype(frame)
        if kind == ARP:
            self._answered_arp(frame)
        elif kind == IPV6:
            self._from_server6(port, Packet.parse(frame), now)
        elif kind == IPV4:
            if len(frame) >= 42 and frame[14] == 0x45 and frame[23] == _ICMP:
                self._not_reached(frame, now)
                return
            datagram = parse_udp(frame)
            if datagram is None:
                segment = Segment.parse(frame)
                if segment:
                    self._tcp(segment.source_port).answered(segment, now)
            elif datagram.source_port in DHCP_PORTS:
                self._dhcp.answered(datagram, self._name(port), now)
            else:
                self._tftp.answered(datagram, now)

    def _behind_relay(self, port: int, frame: bytes, now: float) -> None:
        """Note whom a relay asks, and whether anybody is there."""
        kind = ethertype(frame)
        if kind == ARP:
            if port == self._relay:
                self._asked_arp(frame, now, relay=True)
            else:
                self._answered_arp(frame)
        elif kind == IPV4 and port == self._relay:
            datagram = parse_udp(frame)
            if datagram and datagram.target_port == DHCP_PORTS[0]:
                self._dhcp.relayed(datagram, now)

    def _name(self, port: int) -> str:
        return self.names[-1 - port]

    def _asked_arp(self, frame: bytes, now: float, *, relay: bool = False) -> None:
        asked = parse_arp(frame)
        if asked.operation != 1 or asked.target_ip == asked.sender_ip or not any(asked.sender_ip):
            return
        self._ask_for(asked.target_ip, now, relay=relay)

    def _ask_for(self, ip: bytes, now: float, *, relay: bool = False) -> None:
        question = self._questions.get(ip)
        if question:
            question.asked += 1
            question.last_at = now
        elif len(self._questions) < _QUESTIONS:
            self._questions[ip] = _Question(1, now, relay)

    def _unanswered(self, ip: bytes, question: _Question, now: float) -> None:
        kind, text = NetEventKind.UNANSWERED_ARP, f"who has {ip_text(ip)}?"
        if question.relay:
            kind, text = NetEventKind.RELAYED, f"to {ip_text(ip)}, an address that nobody has"
        self._journal.note(now, kind, repeats=question.asked - 1, text=text)

    def _answered_arp(self, frame: bytes) -> None:
        answer = parse_arp(frame)
        self._questions.pop(answer.sender_ip, None)

    def _not_reached(self, frame: bytes, now: float) -> None:
        """Note that nobody listens at a port that the guest has sent to."""
        inner = frame[42:]
        if tuple(frame[34:36]) != _UNREACHABLE_PORT or len(inner) < 24 or inner[9] != 17:
            return
        port = int.from_bytes(inner[22:24], "big")
        key = (inner[16:20], port)
        if key in self._unreachable or len(self._unreachable) >= _QUESTIONS:
            return
        self._unreachable.add(key)
        text = f"{ip_text(inner[16:20])} has nobody at UDP port {port}"
        self._journal.note(now, NetEventKind.UNREACHABLE, text=text)


def _leave_out_question(told: list[NetEvent], file: str) -> None:
    for at in range(len(told) - 1, max(len(told) - _NEAR, 0) - 1, -1):
        if told[at].kind in _ASKED and told[at].file == file:
            del told[at]
            return
