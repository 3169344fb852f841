"""The wire: a switch with a boot server on it, as a pure event machine.

Frames go in with the time at which they came, frames and events come out; nothing here
waits, reads a clock, or touches a socket. Each guest has a port of its own, counted from 1.

    10.0.2.1      the server: DHCP, DNS, TFTP, HTTP, ping; and the router
    10.0.2.15...  the guests, by port
    10.0.2.100    HTTP too
    fd00:2::1     the server over IPv6, if the network has that; fd00:2::f... the guests

Whatever lies behind the router is the server again: a boot file that names other addresses finds
the same files there.
"""

import heapq
import ipaddress
from collections.abc import Iterator, Mapping
from random import Random

from msgspec import Struct, field

from bootharness.errors import FormatError
from bootharness.formats.dhcp import DhcpMessage
from bootharness.formats.ethernet import (
    ARP,
    BROADCAST_MAC,
    IPV4,
    IPV6,
    ArpMessage,
    Datagram,
    build_udp,
    echo_reply,
    ethertype,
    ip_bytes,
    ip_text,
    is_for_a_group,
    mac_text,
    parse_arp,
    parse_udp,
    router_advertisement,
    solicits_router,
    tagged,
    untagged,
)
from bootharness.formats.ipv6 import (
    TCP,
    UDP,
    Packet,
    advertise_router,
    answering,
    link_local,
    neighbour_answer,
    parse_udp6,
    udp6_frame,
)
from bootharness.network.addresses import HTTP_HOST, RIVAL_HOST, SERVER6_HOST, SERVER_HOST
from bootharness.network.boot_rule import BootRule
from bootharness.network.dhcp6_server import DHCP6_PORT, Dhcp6Server
from bootharness.network.dhcp_server import DhcpServer
from bootharness.network.dns_server import DNS_PORT, DnsServer
from bootharness.network.events import Journal
from bootharness.network.files import Files
from bootharness.network.http_server import HttpTransfer
from bootharness.network.http_way import HttpWay, Opens
from bootharness.network.proxy_dhcp import PROXY_PORT, ProxyDhcp
from bootharness.network.rival import PROXY_ADDRESS, RIVALS_AFTER, RIVALS_FIRST, Rival
from bootharness.network.tcp import RESET, SYN, Segment
from bootharness.network.tftp_server import TFTP_PORT, TftpServer
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile

__all__ = ["HTTP_ADDRESS", "SERVER_ADDRESS", "Wire"]

SERVER_ADDRESS = ip_bytes(SERVER_HOST)
HTTP_ADDRESS = ip_bytes(HTTP_HOST)

SERVER6_ADDRESS = ipaddress.IPv6Address(SERVER6_HOST).packed

_MAC_OF_A_SERVER = b"\x52\x55"
"""With its address behind it: two on one network differ."""
_SERVER_MAC = _MAC_OF_A_SERVER + SERVER_ADDRESS
_RIVAL_MAC = _MAC_OF_A_SERVER + ip_bytes(RIVAL_HOST)
_OWN_IPV6 = (SERVER6_ADDRESS, link_local(_SERVER_MAC))
_PREFIX6 = SERVER6_ADDRESS[:8] + bytes(8)
_DHCP6_CLIENT_PORT = 546
_FIRST_GUEST = 14
_GUEST_LIMIT = 80
_BLOCKS_AHEAD = 16
_DHCP_PORTS = (67, PROXY_PORT)
_DHCP_PORT = (67).to_bytes(2, "big")
_MACS_PER_PORT = 8
_OTHER_VLANS = 8
_UDP = 17
_TCP_BYTE = bytes([TCP])
_HTTPS_PORTS = (443, 8443)
_OF_OTHERS = frozenset((21, 22, 53, 111, 139, 445, 2049, 3260))
"""Of FTP, SSH, DNS, NFS, SMB and iSCSI. Boot servers have HTTP at any other: 8000, 5248, 3000."""
_MINIMUM_TFTP_FRAME = 46


class _Guest(Struct):
    """A guest's port: who is there, and the servers as it sees them."""

    address: bytes
    journal: Journal
    dhcp: DhcpServer | ProxyDhcp
    dhcp6: Dhcp6Server
    dns: DnsServer
    tftp: TftpServer
    rivals: dict[str, Rival] = field(default_factory=dict)
    frames: int = 0
    began: float | None = None
    macs: set[bytes] = field(default_factory=set)
    arp_repeats: dict[bytes, int] = field(default_factory=dict)
    http: HttpWay | None = None
    other_vlans: set[int | None] = field(default_factory=set)


class Wire:
    """A switch with a server. ``rules`` say which client boots which of the ``files``.

    ``ring`` is how many frames of full size a guest's card has room for, None for enough.
    ``options`` by number stand in every DHCP answer. ``ip`` is 4, 6 or both. With ``vlan`` only
    frames with that tag are taken and sent, as at the port of a switch for that network alone.
    ``proxy`` is the server's address beside others on a network of theirs, who give the guests
    their addresses: then only what the guests are to boot comes from here, over IPv4.
    """

    def __init__(
        self,
        files: Files,
        rules: tuple[BootRule, ...],
        faults: Faults | None = None,
        *,
        ring: int | None = None,
        options: Mapping[int, bytes] | None = None,
        ip: str = "4",
        vlan: int | None = None,
        https: bool = False,
        proxy: bytes | None = None,
    ) -> None:
        self.files = files
        self._proxied = proxy is not None
        self._address = proxy or SERVER_ADDRESS
        self._mac = _MAC_OF_A_SERVER + self._address
        self.faults = faults or Faults()
        self._options = options or {}
        self._ipv4, self.ipv6 = ip != "6", ip != "4"
        self._vlan = vlan
        self._https = bool(https)
        self._ring = ring
        self._rules = rules
        self._guests: dict[int, _Guest] = {}
        self._port_of: dict[bytes, int] = {}
        self._out: list[tuple[int, bytes]] = []
        self._later: list[tuple[float, int, int, bytes]] = []
        self._sequence = 0
        self._now = 0.0
        self._may_block = "blocked" in self.faults
        self._may_unplug = "link-down" in self.faults
        losses = self.faults.of("loss")
        self._loss = losses[0].rate if losses else 0.0
        self._random = Random(losses[0].seed if losses else 0)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Its addresses, as they stand in URLs."""
        return ip_text(self._address), HTTP_HOST, SERVER6_HOST

    def plug(self) -> int:
        """Add a guest and return its port. Raises LookupError when there is no address left."""
        port = next(number for number in range(1, 256) if number not in self._guests)
        if port > _GUEST_LIMIT:
            raise LookupError("no address is left for another guest")
        address = SERVER_ADDRESS[:3] + bytes([_FIRST_GUEST + port])
        journal = Journal()

        def send(at: float, frame: bytes) -> None:
            self._send(port, frame, at)

        ahead = self._ring or _BLOCKS_AHEAD
        tftp = TftpServer(
            self.files, self._mac, (self._address, *_OWN_IPV6), journal, send, self.faults, ahead
        )  # fmt: skip
        dhcp: DhcpServer | ProxyDhcp
        if self._proxied:
            dhcp = ProxyDhcp(self._address, self._rules, journal, tftp.served, self._options)
        else:
            dhcp = DhcpServer(
                SERVER_ADDRESS, address, self._rules, journal, self.faults, tftp.served,
                self._options,
            )  # fmt: skip
        dhcp6 = Dhcp6Server(
            self._mac, SERVER6_ADDRESS, _PREFIX6[:15] + bytes([_FIRST_GUEST + port]),
            self._rules, journal, self.faults, tftp.served,
        )  # fmt: skip
        ours = (*[self._address][: self._ipv4], *[SERVER6_ADDRESS][: self.ipv6])
        dns = DnsServer(ours, journal, self.faults)
        self._guests[port] = _Guest(address, journal, dhcp, dhcp6, dns, tftp)
        return port

    def unplug(self, port: int) -> None:
        """Remove a guest; its events are gone with it."""
        guest = self._guests.pop(port)
        for mac in guest.macs:
            self._port_of.pop(mac, None)
        if guest.http:
            guest.http.close()

    def serve_http(self, port: int, transfers: list[HttpTransfer], opens: Opens) -> None:
        """Let a guest have HTTP: ``opens`` opens what serves a connection, and that keeps
        ``transfers`` up to date."""
        guest = self._guests[port]
        guest.http = HttpWay(transfers, opens, _HTTPS_PORTS, guest.journal, self.faults, self._ring)

    def say(self, port: int, now: float) -> list[tuple[int, bytes]]:
        """Return the frames for which what serves a guest's connections has something to say."""
        self._now = now
        guest = self._guests.get(port)
        if guest and guest.http:
            self._send_all(port, guest.http.say(now))
        return self._take()

    def receive(self, port: int, frame: bytes, now: float) -> list[tuple[int, bytes]]:
        """Take a frame and return those that go out now, each with its port."""
        self._now = now
        if self._is_lost():
            return self._take()
        guest = self._guests.get(port)
        if guest is None:
            return []
        guest.frames += 1
        if self._proxied and frame[:6] != self._mac and not is_for_a_group(frame):
            return self._take()  # for another on that network
        if self._may_block and self._is_blocked(guest, frame, now):
            return self._take()
        if self._may_unplug and not self.link_wanted(port, now):
            return self._take()  # before QEMU has pulled the cable a guest may be through
        if self._vlan is not None:
            tag, frame = untagged(frame)
            if tag != self._vlan:
                self._not_ours(guest, tag, now)
                return self._take()
        # by far the most frames acknowledge a block: no more is read of those than is needed
        if (
            len(frame) >= _MINIMUM_TFTP_FRAME
            and frame[12:15] == b"\x08\x00\x45"
            and frame[23] == _UDP
            and frame[42:44] == b"\x00\x04"
        ):
            transfer = guest.tftp.transfer(frame[36] << 8 | frame[37], frame[34] << 8 | frame[35])
            if transfer is not None:
                guest.tftp.acknowledged(transfer, frame[44] << 8 | frame[45], now)
                return self._take()
        if (http := guest.http) and frame[:6] == self._mac and frame[23:24] == _TCP_BYTE:
            segment = Segment.parse(frame)
            if segment and http.knows(segment):
                self._over_http(port, guest, http, segment, now)
                return self._take()
        try:
            self._from_guest(port, guest, frame, now)
        except FormatError as error:
            guest.journal.note(now, NetEventKind.MALFORMED, text=str(error))
        return self._take()

    def _is_lost(self) -> bool:
        """Whether chance takes a frame from a guest's cable, as a fault has it."""
        return bool(self._loss) and self._random.random() < self._loss

    def _is_blocked(self, guest: _Guest, frame: bytes, now: float) -> bool:
        """Whether a frame is lost, as in a switch that does not know its spanning tree yet; what is
        asked of DHCP is heard all the same, and has no answer."""
        guest.began = now if guest.began is None else guest.began
        is_dhcp = frame[23:24] == bytes([_UDP]) and frame[36:38] == _DHCP_PORT
        return not is_dhcp and self.faults.last("blocked", now - guest.began)

    def tick(self, now: float) -> list[tuple[int, bytes]]:
        """Return the frames that are due."""
        self._now = now
        for port, guest in self._guests.items():
            guest.tftp.tick(now)
            if guest.http:
                self._send_all(port, guest.http.say(now))
                guest.http.watch(now)
        while self._later and self._later[0][0] <= now:
            _, _, port, frame = heapq.heappop(self._later)
            self._out.append((port, frame))
        return self._take()

    @property
    def next_due(self) -> float | None:
        """When the next delayed frame goes out, None where there is none."""
        return self._later[0][0] if self._later else None

    def journal(self, port: int) -> Journal:
        """Return the journal of a guest."""
        return self._guests[port].journal

    def events(self, port: int) -> tuple[NetEvent, ...]:
        """Return what has happened at a port so far."""
        return self._guests[port].journal.events

    def frames(self, port: int) -> int:
        """Return how many frames have come from a guest."""
        return self._guests[port].frames

    def transferred(self, port: int) -> tuple[NetFile, ...]:
        """Return the files that a guest has asked for, as far as they are."""
        guest = self._guests[port]
        files = [guest.tftp.snapshot(each) for each in guest.tftp.transfers]
        if guest.http:
            files += guest.http.files(guest.journal.mac)
        return tuple(sorted(files, key=lambda file: file.requested_at))

    def link_wanted(self, port: int, now: float) -> bool:
        """Return whether a guest's cable is to be plugged in, as the faults have it."""
        for fault in self.faults.of("link-down"):
            pulled = self._guests[port].tftp.reached(fault.file, fault.block) if fault.file else 0.0
            if pulled is not None and (not fault.seconds or now - pulled < fault.seconds):
                return False
        return True

    def finish(self, port: int, now: float) -> None:
        """Close a guest's books at the end of its boot."""
        guest = self._guests[port]
        guest.tftp.finish(now)
        if guest.http:
            guest.http.finish()

    def _take(self) -> list[tuple[int, bytes]]:
        out, self._out = self._out, []
        return out

    def _send(self, port: int, frame: bytes, at: float) -> None:
        if self._is_lost() or (self._may_unplug and not self.link_wanted(port, self._now)):
            return
        if self._vlan is not None:
            frame = tagged(frame, self._vlan)
        if at <= self._now:
            self._out.append((port, frame))
        else:
            self._sequence += 1
            heapq.heappush(self._later, (at, self._sequence, port, frame))

    def _send_all(self, port: int, frames: Iterator[bytes]) -> None:
        if self._loss or self._may_unplug or self._vlan is not None:
            for frame in frames:
                self._send(port, frame, self._now)
        else:
            self._out += [(port, frame) for frame in frames]

    def _not_ours(self, guest: _Guest, tag: int | None, now: float) -> None:
        if tag in guest.other_vlans or len(guest.other_vlans) >= _OTHER_VLANS:
            return
        guest.other_vlans.add(tag)
        came = "without a VLAN's tag" if tag is None else f"with the tag of VLAN {tag}"
        text = f"{came}, and the network is VLAN {self._vlan}"
        guest.journal.note(now, NetEventKind.OTHER_VLAN, text=text)

    def _from_guest(self, port: int, guest: _Guest, frame: bytes, now: float) -> None:
        kind = ethertype(frame)
        if not kind:
            raise FormatError(f"a frame of {len(frame)} bytes")
        self._learn(port, guest, frame[6:12], now)
        target = frame[:6]
        if kind == IPV6 and self.ipv6:
            self._from_guest6(port, guest, frame, now)
        elif kind == IPV6:
            if solicits_router(frame):
                # beside others, who may have a router, it is for this client alone
                asked = frame if self._proxied else b""
                self._send(port, router_advertisement(self._mac, asked), now)
        elif not self._ipv4:
            return
        elif kind == ARP:
            self._arp(port, guest, frame, now)
        elif target in (self._mac, BROADCAST_MAC):
            self._to_server(port, guest, frame, now)
        elif target in self._port_of:
            self._send(self._port_of[target], frame, now)

    def _learn(self, port: int, guest: _Guest, mac: bytes, now: float) -> None:
        if mac in guest.macs or len(guest.macs) >= _MACS_PER_PORT:
            return
        if not guest.macs:
            guest.journal.mac = mac_text(mac)
            guest.journal.note(now, NetEventKind.LINK_UP, text="first frame")
        guest.macs.add(mac)
        self._port_of.setdefault(mac, port)

    def _to_server(self, port: int, guest: _Guest, frame: bytes, now: float) -> None:
        if ethertype(frame) != IPV4:
            return
        datagram = parse_udp(frame)
        if datagram is None and (segment := Segment.parse(frame)):
            self._tcp(port, guest, segment, now)
        elif datagram is None:
            answer = echo_reply(frame, self._mac, self._address)
            if answer:
                self._send(port, answer, now)
        elif datagram.target_port in _DHCP_PORTS:
            self._ask_rivals(port, guest, datagram, RIVALS_FIRST)
            if isinstance(guest.dhcp, ProxyDhcp):
                answered = guest.dhcp.receive(datagram.payload, datagram.target_port, now)
            else:
                answered = guest.dhcp.receive(datagram.payload, now)
            guest.tftp.to_ipxe = guest.dhcp.to_ipxe
            if answered:
                self._send_dhcp(port, datagram, *answered, now)
            self._ask_rivals(port, guest, datagram, RIVALS_AFTER)
        elif datagram.target_mac == self._mac:
            self._serve(port, guest, datagram, now)

    def _serve(self, port: int, guest: _Guest, datagram: Datagram, now: float) -> None:
        """Take what is for a service that there is over every version of IP."""
        if datagram.target_port == DNS_PORT:
            if said := guest.dns.receive(datagram.payload, now):
                self._send(port, answering(datagram, self._mac, DNS_PORT).frame(said), now)
        elif datagram.target_port == TFTP_PORT:
            guest.tftp.request(datagram, now)
        else:
            guest.tftp.receive(datagram, now)

    def _from_guest6(self, port: int, guest: _Guest, frame: bytes, now: float) -> None:
        packet = Packet.parse(frame)
        if solicits_router(frame):
            self._send(port, advertise_router(self._mac, _PREFIX6), now)
        elif answer := neighbour_answer(packet, self._mac, _OWN_IPV6):
            self._send(port, answer, now)
        elif packet.protocol == UDP:
            self._to_server6(port, guest, parse_udp6(packet), now)
        elif packet.target_mac == self._mac:
            if segment := Segment.parse6(packet):
                self._tcp(port, guest, segment, now)
        elif packet.target_mac in self._port_of:
            self._send(self._port_of[packet.target_mac], frame, now)

    def _to_server6(self, port: int, guest: _Guest, datagram: Datagram, now: float) -> None:
        if datagram.target_port == DHCP6_PORT:
            said = guest.dhcp6.receive(datagram.payload, datagram.source_mac, now)
            guest.tftp.to_ipxe = guest.dhcp6.to_ipxe
            if said:
                flow = Datagram(
                    self._mac, datagram.source_mac, link_local(self._mac), datagram.source_ip,
                    DHCP6_PORT, _DHCP6_CLIENT_PORT, b"",
                )  # fmt: skip
                self._send(port, udp6_frame(flow, said), now)
        elif datagram.target_mac == self._mac:
            self._serve(port, guest, datagram, now)

    def _ask_rivals(
        self, port: int, guest: _Guest, asked: Datagram, faults: tuple[str, ...]
    ) -> None:
        for fault in (each for each in faults if each in self.faults):
            lease = None if fault == "proxy-first" else guest.address
            rival = guest.rivals.setdefault(fault, Rival(lease, guest.journal))
            if answered := rival.receive(asked.payload, self._now):
                by = (_RIVAL_MAC, ip_bytes(rival.host))
                self._send_dhcp(port, asked, *answered, self._now, by=by)

    def _send_dhcp(
        self,
        port: int,
        asked: Datagram,
        answer: DhcpMessage,
        address: bytes,
        now: float,
        by: tuple[bytes, bytes] | None = None,
    ) -> None:
        mac, ip = by or (self._mac, self._address)
        reply = Datagram(
            mac,
            BROADCAST_MAC if address == b"\xff" * 4 else asked.source_mac,
            ip,
            address,
            asked.target_port,
            asked.source_port,
            answer.build(),
        )
        self._send(port, build_udp(reply), now)

    def _arp(self, port: int, guest: _Guest, frame: bytes, now: float) -> None:
        asked = parse_arp(frame)
        if asked.operation != 1:
            if (asker := self._port_of.get(frame[:6])) not in (None, port):
                self._send(asker, frame, now)
            return
        if isinstance(guest.dhcp, ProxyDhcp):
            guest.dhcp.uses(asked.sender_ip, now)
            if asked.target_ip != self._address:
                return  # that is for others
        # whatever is asked of the proxy comes to our server, as what is behind the router does
        if asked.target_ip in (self._address, HTTP_ADDRESS, PROXY_ADDRESS):
            answer = ArpMessage(2, self._mac, asked.target_ip, asked.sender_mac, asked.sender_ip)
            self._send(port, answer.build(), now)
        elif asked.target_ip not in (asked.sender_ip, guest.address):
            others = [
                number
                for number, other in self._guests.items()
                if other is not guest and other.address == asked.target_ip
            ]
            for number in others:
                self._send(number, frame, now)
            if not others:
                repeats = guest.arp_repeats.get(asked.target_ip, -1) + 1
                if len(guest.arp_repeats) < _GUEST_LIMIT or repeats:
                    guest.arp_repeats[asked.target_ip] = repeats
                guest.journal.note(
                    now,
                    NetEventKind.UNANSWERED_ARP,
                    repeats=repeats,
                    text=f"who has {ip_text(asked.target_ip)}?",
                )

    def _tcp(self, port: int, guest: _Guest, segment: Segment, now: float) -> None:
        begins, http = segment.flags & SYN, guest.http
        if (
            http
            and self._serves(segment.target_port)
            and not (begins and "http-refused" in self.faults)
        ):
            self._over_http(port, guest, http, segment, now)
            return
        if begins:
            text = f"the connection to port {segment.target_port} was refused"
            if segment.target_port in _HTTPS_PORTS:
                text += ": HTTPS is served with --https-cert"
            elif segment.target_port in _OF_OTHERS:
                text += ": no HTTP is expected there, and nothing else is served"
            at = self._asked_at(segment.target_ip)
            guest.journal.note(now, NetEventKind.HTTP_REFUSED, text=text, at=at)
        if not segment.flags & RESET:
            self._send(port, segment.refused(), now)

    def _over_http(
        self, port: int, guest: _Guest, http: HttpWay, segment: Segment, now: float
    ) -> None:
        self._send_all(port, http.take(segment, now))
        guest.tftp.served.update(http.take_served(now))

    def _serves(self, port: int) -> bool:
        """Return whether there is HTTP at a port."""
        return self._https if port in _HTTPS_PORTS else port not in _OF_OTHERS

    def _asked_at(self, address: bytes) -> str:
        """Say at which address something was asked for, if that is none of the server's own."""
        return "" if address in (self._address, HTTP_ADDRESS, *_OWN_IPV6) else ip_text(address)
