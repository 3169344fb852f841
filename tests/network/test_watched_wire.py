"""The wire that watches, with ours behind it as the server: both have to tell the same."""

import struct
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootharness.formats.dhcp import DISCOVER, OFFER, REQUEST, DhcpMessage, DhcpOption
from bootharness.formats.ethernet import (
    BROADCAST_MAC,
    ArpMessage,
    Datagram,
    build_udp,
    ip_bytes,
    mac_bytes,
)
from bootharness.formats.tftp import build_error
from bootharness.network.arrived import Arrived
from bootharness.network.tcp import ACK, RESET, SYN, Segment
from bootharness.network.tcp_stream import FIN, TcpStream
from bootharness.network.watched_wire import WatchedWire
from bootharness.network.wire import SERVER_ADDRESS, Wire
from bootharness.trace.network_facts import MENU_WAITS, NOT_FOR_HTTP, NetEvent, NetEventKind
from tests.support.netclient import SERVER_MAC, NetClient, wire_with

KIND = NetEventKind
CONTENT = Random(1).randbytes(100_000)
PXE = b"PXEClient:Arch:00000:UNDI:002001"
GUEST_MAC, GUEST = mac_bytes("52:54:00:12:34:01"), ip_bytes("10.0.2.15")


class Between(WatchedWire):
    """The watching wire, with one of ours behind it; ``lose`` are the frames that come from there
    and get lost, by number."""

    def __init__(self, server: Wire, folder: Path, lose: frozenset[int] = frozenset()) -> None:
        super().__init__(["ours"], Arrived(folder))
        self.server = server
        self.lose = lose
        self.came = 0
        server.plug()

    def receive(self, port: int, frame: bytes, now: float) -> list[tuple[int, bytes]]:
        """Pass a frame on to the server behind, and its answers to the guest."""
        out = []
        for to, each in super().receive(port, frame, now):
            if to > 0:
                out.append((to, each))
                continue
            for _, answer in self.server.receive(1, each, now):
                out += self._back(answer, now)
        return out

    def tick(self, now: float) -> list[tuple[int, bytes]]:
        """Pass on what the server behind sends by itself."""
        out = super().tick(now)
        for _, answer in self.server.tick(now):
            out += self._back(answer, now)
        return out

    def _back(self, frame: bytes, now: float) -> list[tuple[int, bytes]]:
        self.came += 1
        return [] if self.came in self.lose else super().receive(-1, frame, now)


def between(folder: Path, *faults: str, lose: frozenset[int] = frozenset()) -> NetClient:
    """Return a client before a watching wire before one of ours."""
    return NetClient(
        Between(wire_with({"vmlinuz": CONTENT, "boot.ipxe": b"#!ipxe\n"}, *faults), folder, lose)  # type: ignore[arg-type]
    )


def told(events: tuple[NetEvent, ...]) -> list[tuple[str, str, int | None, int]]:
    return [(each.kind, each.file, each.block, each.repeats) for each in events]


@pytest.mark.parametrize("options", [{"blksize": 1432, "tsize": 0}, {}, {"windowsize": 4}])
def test_it_tells_what_our_own_wire_tells(tmp_path: Path, options: dict[str, int]) -> None:
    guest = between(tmp_path)
    wire = guest.wire
    assert isinstance(wire, Between)
    guest.lease(vendor_class=PXE)
    assert guest.fetch("vmlinuz", **options) == CONTENT
    wire.finish(1, guest.now)
    wire.server.finish(1, guest.now)
    assert told(wire.events(1)) == told(wire.server.events(1))
    [theirs], [ours] = wire.transferred(1), wire.server.transferred(1)
    for name in ("name", "sent_bytes", "outcome", "promised_bytes", "block_bytes", "window"):
        assert getattr(theirs, name) == getattr(ours, name), name
    assert theirs.sha256 == sha256(CONTENT).hexdigest()
    path = wire.files.path("vmlinuz")  # type: ignore[attr-defined]
    assert path.read_bytes() == CONTENT


def test_what_is_sent_again_is_counted_once(tmp_path: Path) -> None:
    guest = between(tmp_path, "drop:block=7", "duplicate:block=9")
    guest.lease(vendor_class=PXE)
    assert guest.fetch("vmlinuz", blksize=512) == CONTENT
    guest.wire.finish(1, guest.now)
    [file] = guest.wire.transferred(1)
    assert (file.outcome, file.sha256) == ("served", sha256(CONTENT).hexdigest())


def udp(port: int, source: int, target: int, payload: bytes) -> bytes:
    """Return a datagram from the guest, or with a port below 0 to it."""
    ends = (GUEST_MAC, SERVER_MAC, GUEST, SERVER_ADDRESS)
    if port < 0:
        ends = (SERVER_MAC, GUEST_MAC, SERVER_ADDRESS, GUEST)
    return build_udp(Datagram(*ends, source, target, payload))


def test_a_file_whose_block_numbers_wrap_is_followed(tmp_path: Path) -> None:
    wire = WatchedWire(["ours"], Arrived(tmp_path))
    wire.receive(1, udp(1, 2000, 69, b"\0\1x\0octet\0"), 1.0)
    wire.receive(-1, udp(-1, 3000, 2000, b"\0\6blksize\0008\0windowsize\00064\0"), 1.0)
    blocks = 70_000
    for number in range(1, blocks + 1):
        data = b"" if number == blocks else b"12345678"
        block = struct.pack(">HH", 3, number & 0xFFFF) + data
        wire.receive(-1, udp(-1, 3000, 2000, block), 2.0)
        if number % 64 == 0 or number == blocks:
            wire.receive(1, udp(1, 2000, 3000, struct.pack(">HH", 4, number & 0xFFFF)), 2.0)
    [file] = wire.transferred(1)
    size = (blocks - 1) * 8
    assert (file.outcome, file.sent_bytes, file.window) == ("served", size, 64)
    assert file.sha256 == sha256(b"12345678" * (blocks - 1)).hexdigest()


def test_a_server_may_serve_from_the_port_that_it_is_asked_at(tmp_path: Path) -> None:
    wire = WatchedWire(["ours"], Arrived(tmp_path))
    wire.receive(1, udp(1, 2000, 69, b"\0\1x\0octet\0"), 1.0)
    wire.receive(-1, udp(-1, 69, 2000, b"\0\3\0\1abc"), 1.1)
    wire.receive(1, udp(1, 2000, 69, b"\0\4\0\1"), 1.2)
    assert [each.kind for each in wire.events(1)][1:] == [KIND.FILE_REQUESTED, KIND.FILE_SERVED]


def test_a_file_that_is_not_there_is_told_in_the_servers_words(tmp_path: Path) -> None:
    guest = between(tmp_path)
    guest.lease(vendor_class=PXE)
    with pytest.raises(FileNotFoundError):
        guest.fetch("nix")
    missing = guest.wire.events(1)[-1]
    assert (missing.kind, missing.file) == (KIND.FILE_MISSING, "nix")
    assert missing.text == "tftp error 1 File not found, by 10.0.2.1"
    assert [each.kind for each in guest.wire.events(1) if each.file == "nix"] == [missing.kind]
    assert guest.wire.transferred(1) == ()


def test_who_offers_and_who_names_the_file_is_told(tmp_path: Path) -> None:
    guest = between(tmp_path)
    guest.lease(vendor_class=PXE, architecture=b"\0\0")
    offer = next(each for each in guest.wire.events(1) if each.kind == KIND.OFFER)
    assert (offer.file, offer.text) == (
        "boot.ipxe",
        "10.0.2.15 by ours at 10.0.2.1, from 10.0.2.1",
    )


def proxied(port: int, kind: int, file: bytes, vendor_options: bytes = b"") -> bytes:
    message = DhcpMessage(
        2, 7, GUEST_MAC, file=file, next_server=SERVER_ADDRESS,
        options={DhcpOption.MESSAGE_TYPE: bytes([kind]), DhcpOption.VENDOR_CLASS: b"PXEClient",
                 DhcpOption.VENDOR_OPTIONS: vendor_options},
    )  # fmt: skip
    return build_udp(
        Datagram(SERVER_MAC, BROADCAST_MAC, SERVER_ADDRESS, b"\xff" * 4, port, 68, message.build())
    )


def test_a_proxy_is_told_from_who_gives_addresses(tmp_path: Path) -> None:
    wire = WatchedWire(["kea-dhcp4", "dnsmasq"], Arrived(tmp_path))
    asked = DhcpMessage(1, 7, GUEST_MAC, options={53: bytes([REQUEST]), 60: PXE, 93: b"\0\7"})
    wire.receive(-2, proxied(67, OFFER, b""), 1.0)
    to_proxy = Datagram(GUEST_MAC, SERVER_MAC, GUEST, SERVER_ADDRESS, 68, 4011, asked.build())
    for now in (1.1, 1.5):
        wire.receive(1, build_udp(to_proxy), now)
    wire.receive(-2, proxied(4011, 5, b"snponly.efi"), 1.6)
    assert [(each.kind, each.file, each.repeats) for each in wire.events(1)] == [
        (KIND.PROXY_OFFER, "", 0),
        (KIND.LINK_UP, "", 0),
        (KIND.PROXY_REQUEST, "", 0),
        (KIND.PROXY_REQUEST, "", 1),
        (KIND.PROXY_ACK, "snponly.efi", 0),
    ]
    assert wire.events(1)[-1].text == "by dnsmasq at 10.0.2.1, from 10.0.2.1"


ENTRIES = b"\x09\x0f\x80\x00\x04Boot\x00\x00\x05Local"


@pytest.mark.parametrize(
    ("vendor_options", "words"),
    [
        (ENTRIES + b"\x0a\x01\xff", f", with {MENU_WAITS}: Boot / Local"),
        (
            ENTRIES + b"\x0a\x01\x1e",
            ", with a PXE menu whose first is taken after 30 s: Boot / Local",
        ),
        (ENTRIES[:-1], ""),
        (b"\x06\x01\x08", ""),
    ],
)
def test_the_menu_that_a_proxy_tells_of_is_written_down(
    tmp_path: Path, vendor_options: bytes, words: str
) -> None:
    wire = WatchedWire(["dnsmasq"], Arrived(tmp_path))
    wire.receive(-1, proxied(67, OFFER, b"", vendor_options), 1.0)
    [offer] = wire.events(1)
    assert (offer.kind, offer.text) == (KIND.PROXY_OFFER, f"by dnsmasq at 10.0.2.1{words}")


@pytest.mark.parametrize(
    ("asks_as", "options", "file", "why"),
    [
        (b"HTTPClient:Arch:00016", {}, b"http://10.0.2.1/a.efi", "its option 60 is not HTTPClient"),
        (b"HTTPClient", {60: b"PXEClient"}, b"http://10.0.2.1/a.efi", "its option 60 is not"),
        (b"HTTPClient", {60: b"HTTPClient"}, b"a.efi", "its boot file is no URL"),
        (b"HTTPClient", {60: b"HTTPClient"}, b"tftp://10.0.2.1/a.efi", "its boot file is no URL"),
        (
            b"HTTPClient",
            {60: b"HTTPClient"},
            b"http://boot.example.org/a.efi",
            "it tells of no name",
        ),
        (b"HTTPClient", {60: b"HTTPClient", 6: b"\n\0\2\1"}, b"http://boot.example.org/a.efi", ""),
        (b"HTTPClient", {60: b"HTTPClient"}, b"https://10.0.2.1:8443/a.efi", ""),
        (b"HTTPClient", {60: b"HTTPClient"}, b"http://[fd00::ab]/a.efi", ""),
        (b"HTTPClient", {60: b"HTTPClient"}, b"http://[x/a.efi", "it tells of no name"),
        (b"HTTPClient", {60: b"HTTPClient"}, b"http://cafe.bad/a.efi", "it tells of no name"),
        (b"HTTPClient", {}, b"", ""),
        (PXE, {}, b"a.efi", ""),
    ],
)
def test_why_http_boot_passes_an_offer_over_is_written_down(
    tmp_path: Path, asks_as: bytes, options: dict[int, bytes], file: bytes, why: str
) -> None:
    wire = WatchedWire(["dnsmasq"], Arrived(tmp_path))
    ends = (GUEST_MAC, BROADCAST_MAC, bytes(4), b"\xff" * 4, 68, 67)
    asked = DhcpMessage(1, 7, GUEST_MAC, options={53: bytes([DISCOVER]), 60: asks_as})
    wire.receive(1, build_udp(Datagram(*ends, asked.build())), 1.0)
    offer = DhcpMessage(2, 7, GUEST_MAC, your_ip=GUEST, file=file,
                        options={53: bytes([OFFER]), **options})  # fmt: skip
    back = (SERVER_MAC, BROADCAST_MAC, SERVER_ADDRESS, b"\xff" * 4, 67, 68)
    wire.receive(-1, build_udp(Datagram(*back, offer.build())), 1.1)
    [told] = [each.text for each in wire.events(1) if each.kind == KIND.OFFER]
    assert told.partition(NOT_FOR_HTTP)[2].startswith(why)
    assert (NOT_FOR_HTTP in told) is bool(why)


def test_frames_go_where_they_are_addressed_and_a_guest_takes_no_servers_place(
    tmp_path: Path,
) -> None:
    wire = WatchedWire(["one", "two"], Arrived(tmp_path))
    first, second = mac_bytes("02:00:00:00:00:01"), mac_bytes("02:00:00:00:00:02")
    to_all = b"\xff" * 6
    assert [port for port, _ in wire.receive(-1, to_all + first + bytes(50), 1.0)] == [1, -2]
    assert [port for port, _ in wire.receive(-2, first + second + bytes(50), 1.0)] == [-1]
    assert [port for port, _ in wire.receive(1, second + GUEST_MAC + bytes(50), 1.0)] == [-2]
    wire.receive(1, to_all + first + bytes(50), 1.0)  # as if the guest were the first server
    assert [port for port, _ in wire.receive(-2, first + second + bytes(50), 1.0)] == [-1]


def test_an_address_that_nobody_has_is_told_and_one_that_answers_is_not(tmp_path: Path) -> None:
    wire = WatchedWire(["ours"], Arrived(tmp_path))
    nobody = ip_bytes("10.0.2.222")
    for now, target in ((1.0, nobody), (1.0, SERVER_ADDRESS), (2.0, nobody)):
        wire.receive(1, ArpMessage(1, GUEST_MAC, GUEST, bytes(6), target).build(), now)
        if target == SERVER_ADDRESS:
            answer = ArpMessage(2, SERVER_MAC, SERVER_ADDRESS, GUEST_MAC, GUEST).build()
            wire.receive(-1, answer, now)
        wire.tick(now + 0.5)
    told = [each for each in wire.events(1) if each.kind == KIND.UNANSWERED_ARP]
    assert [(each.text, each.repeats) for each in told] == [
        ("who has 10.0.2.222?", 0),
        ("who has 10.0.2.222?", 1),
    ]


def test_a_port_at_which_nobody_listens_is_told_once(tmp_path: Path) -> None:
    wire = WatchedWire(["ours"], Arrived(tmp_path))
    asked = build_udp(Datagram(GUEST_MAC, SERVER_MAC, GUEST, SERVER_ADDRESS, 2000, 69, b"\0\1x\0"))
    ip = bytes.fromhex("4500003800000000400100000a0002010a00020f")
    icmp = b"\x03\x03" + bytes(6) + asked[14:42]
    for now in (1.0, 2.0):
        wire.receive(-1, GUEST_MAC + SERVER_MAC + b"\x08\0" + ip + icmp, now)
    assert [each.text for each in wire.events(1)] == ["10.0.2.1 has nobody at UDP port 69"]


def test_who_solicits_an_ipv6_router_is_told_that_there_is_none_unless_a_server_is_one(
    tmp_path: Path,
) -> None:
    solicits = bytearray(70)
    solicits[:14] = bytes.fromhex("333300000002") + GUEST_MAC + b"\x86\xdd"
    solicits[19], solicits[20], solicits[54] = 16, 58, 133
    wire = WatchedWire(["ours"], Arrived(tmp_path))
    wire.receive(1, bytes(solicits), 1.0)
    assert wire.tick(1.1) == []
    [(port, frame)] = wire.tick(1.5)
    assert (port, frame[54]) == (1, 134)
    solicits[54] = 134
    wire.receive(-1, bytes(solicits), 2.0)
    solicits[54] = 133
    wire.receive(1, bytes(solicits), 2.1)
    assert wire.tick(3.0) == []


class Talk:
    """A connection to a server, segment by segment; ``size`` is how much is in each."""

    def __init__(self, folder: Path, size: int = 1460, port: int = 80) -> None:
        self.wire = WatchedWire(["web"], Arrived(folder))
        self.size = size
        self.port = port
        self.now = 1.0
        self.ours = self.theirs = 1000
        self.say(1, SYN)
        self.say(-1, SYN | ACK)
        self.ours = self.theirs = 1001

    def say(self, port: int, flags: int = ACK, data: bytes = b"", at: int | None = None) -> None:
        """Send one segment."""
        self.now += 0.01
        guest = port > 0
        sequence = (self.ours if guest else self.theirs) if at is None else at
        heard = self.theirs if guest else self.ours
        ports = (2000, self.port) if guest else (self.port, 2000)
        tcp = struct.pack(">HHIIBBHHH", *ports, sequence, heard, 5 << 4, flags, 8192, 0, 0)
        ips = (GUEST, SERVER_ADDRESS) if guest else (SERVER_ADDRESS, GUEST)
        total = 40 + len(data)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, total, 0, 0, 64, 6, 0) + ips[0] + ips[1]
        macs = SERVER_MAC + GUEST_MAC if guest else GUEST_MAC + SERVER_MAC
        self.wire.receive(port, macs + b"\x08\0" + ip + tcp + data, self.now)
        if at is None and guest:
            self.ours += len(data)
        elif at is None:
            self.theirs += len(data)

    def ask(self, path: str, method: str = "GET") -> None:
        """Send a request."""
        self.say(1, data=f"{method} {path} HTTP/1.1\r\nHost: web\r\n\r\n".encode())

    def answer(self, data: bytes, *, acknowledged: bool = True) -> None:
        """Send a response in segments, each acknowledged."""
        for at in range(0, len(data), self.size):
            self.say(-1, data=data[at : at + self.size])
            if acknowledged:
                self.say(1)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """What was written down."""
        return [(each.kind, each.file, each.text) for each in self.wire.events(1)][1:]


def test_segments_that_wait_for_one_before_them_are_few() -> None:
    """Each time that some can be taken, the first of them is looked for."""
    stream = TcpStream()
    stream.take(parsed(SYN, 0))
    for at in range(1, 5000):
        stream.take(parsed(ACK, at + 1, b"x"))
    assert len(stream.take(parsed(ACK, 1, b"x"))) == 1025


def parsed(flags: int, sequence: int, payload: bytes = b"") -> Segment:
    return Segment(
        b"", b"", GUEST, SERVER_ADDRESS, 2000, 80, sequence, 0, flags, 8192, b"", payload
    )


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 1460])
def test_files_over_one_connection_are_told_apart(tmp_path: Path, size: int) -> None:
    talk = Talk(tmp_path, size)
    bodies = {"a": CONTENT[:3000], "dir/b": b"", "c": CONTENT[:20], "d": b"x" * 100}
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (b"y" * 5, b"z" * 300))
    for name, body in bodies.items():
        talk.ask(f"/{name}")
        talk.answer(ok(body))
    talk.ask("/chunked")
    talk.answer(CHUNKED + chunks + b"0\r\n\r\n")
    talk.ask("/a", "HEAD")
    talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n")
    talk.ask("/last")
    talk.answer(ok(b"last"))
    bodies |= {"chunked": b"y" * 5 + b"z" * 300, "last": b"last"}
    files = talk.wire.transferred(1)
    assert [(each.name, each.sha256) for each in files] == [
        (name, sha256(body).hexdigest()) for name, body in bodies.items()
    ]
    assert all(each.outcome == "served" for each in files)
    of_a = [kind for kind, name, _ in talk.told if name == "a"]
    assert of_a == [KIND.FILE_REQUESTED, KIND.FILE_SERVED, KIND.FILE_SIZE_ASKED]


def test_segments_out_of_order_and_sent_again_are_put_together(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.ask("/vmlinuz")
    data, begins = ok(CONTENT[:5000]), talk.theirs
    pieces = [(at, data[at : at + 1000]) for at in range(0, len(data), 1000)]
    for at, piece in (pieces[0], pieces[2], pieces[1], pieces[2], *pieces[3:]):
        talk.say(-1, data=piece, at=begins + at)
    talk.theirs = begins + len(data)
    talk.say(1)
    [file] = talk.wire.transferred(1)
    assert (file.outcome, file.sha256) == ("served", sha256(CONTENT[:5000]).hexdigest())


@pytest.mark.parametrize(
    ("ends", "kind", "text"),
    [
        (ACK | FIN, KIND.HTTP_CLOSED, "the server closed the connection early"),
        (ACK | RESET, KIND.HTTP_CLOSED, "the connection was reset"),
        (None, KIND.HTTP_STALLED, "no data for 1.6 s, and the connection is open"),
    ],
)
def test_a_body_that_ends_early_is_told(
    tmp_path: Path, ends: int | None, kind: NetEventKind, text: str
) -> None:
    talk = Talk(tmp_path)
    talk.ask("/vmlinuz")
    talk.answer(ok(CONTENT)[:3000])
    if ends is not None:
        talk.say(-1, ends)
    for step in range(40):
        talk.wire.tick(talk.now + step * 0.1)
    assert talk.told == [
        ("file-requested", "vmlinuz", "http GET from web"),
        (kind, "vmlinuz", talk.told[-1][2]),
    ]
    assert talk.told[-1][2] == text
    [file] = talk.wire.transferred(1)
    assert file.outcome != "served"
    assert 0 < file.sent_bytes < file.promised_bytes  # type: ignore[operator]


def test_who_takes_no_more_is_not_taken_for_a_server_that_stalls(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.ask("/vmlinuz")
    talk.answer(ok(CONTENT)[:3000], acknowledged=False)
    for step in range(40):
        talk.wire.tick(talk.now + step * 0.1)
    assert [kind for kind, _, _ in talk.told] == ["file-requested"]


@pytest.mark.parametrize(
    ("status", "told", "part"),
    [
        (206, b"Content-Range: bytes 512-515/9000\r\n", "512-515"),
        (206, b"Content-Range: bytes */9000\r\n", "some"),
        (206, b"", "some"),
        (200, b"Content-Range: bytes 512-515/9000\r\n", ""),
    ],
)
def test_a_part_is_no_whole_file(tmp_path: Path, status: int, told: bytes, part: str) -> None:
    talk = Talk(tmp_path)
    talk.ask("/disk.img")
    talk.answer(b"HTTP/1.1 %d x\r\n%sContent-Length: 4\r\n\r\nabcd" % (status, told))
    [file] = talk.wire.transferred(1)
    assert (file.outcome, file.part) == ("served", part)
    assert talk.told[-1][2] == f"http 4 bytes{part and f', {part}'}"


@pytest.mark.parametrize(("sent", "outcome"), [(3000, "served"), (2999, "open")])
def test_who_goes_on_without_the_last_acknowledgement_has_all(
    tmp_path: Path, sent: int, outcome: str
) -> None:
    talk = Talk(tmp_path)
    talk.ask("/grub.efi")
    talk.answer(ok(CONTENT[:3000])[: sent - 3000 or None], acknowledged=False)
    last = talk.now
    talk.now += 5.0
    talk.say(1, SYN)
    [file] = talk.wire.transferred(1)
    assert file.outcome == outcome
    assert file.last_at <= last
    kinds = [kind for kind, _, _ in talk.told]
    assert kinds.count(KIND.FILE_SERVED) == (outcome == "served")


def test_statuses_and_refusals_are_told(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.ask("/nix")
    talk.answer(b"HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n")
    talk.ask("/old")
    talk.answer(b"HTTP/1.1 302 Found\r\nLocation: http://x/new\r\nContent-Length: 0\r\n\r\n")
    talk.ask("/nix", "HEAD")
    assert talk.told[-1][0] == KIND.FILE_SIZE_ASKED
    talk.answer(b"HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\n\r\n")
    assert {kind for kind, _, _ in talk.told} == {KIND.HTTP_STATUS}
    statuses = [text for kind, _, text in talk.told if kind == KIND.HTTP_STATUS]
    assert statuses == ["404 Not Found", "302 Found to http://x/new", "404 Not Found"]
    assert talk.wire.transferred(1) == ()
    other = Talk(tmp_path)
    other.wire = WatchedWire(["web"], Arrived(tmp_path))
    other.say(1, SYN)
    other.say(-1, ACK | RESET)
    assert other.told == [(KIND.HTTP_REFUSED, "", "the connection to 10.0.2.1 port 80 was refused")]


def test_a_response_without_a_size_ends_with_the_connection(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.ask("/boot.ipxe")
    talk.answer(b"HTTP/1.0 200 OK\r\n\r\n#!ipxe\n")
    talk.say(-1, ACK | FIN)
    [file] = talk.wire.transferred(1)
    assert (file.outcome, file.sha256) == ("served", sha256(b"#!ipxe\n").hexdigest())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_hostile_frames_do_no_harm(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    talk = Talk(folder)
    talk.ask("/vmlinuz")
    good = [
        proxied(67, OFFER, b"x"),
        udp(1, 2000, 69, b"\0\1a\0octet\0"),
        udp(-1, 3000, 2000, b"\0\6blksize\0009\0"),
        udp(-1, 3000, 2000, b"\0\3\0\1x"),
        udp(-1, 3000, 2000, build_error(1, "no")),
        ArpMessage(1, GUEST_MAC, GUEST, bytes(6), SERVER_ADDRESS).build(),
        GUEST_MAC + SERVER_MAC + b"\x08\0" + bytes(60),
    ]
    for _ in range(data.draw(st.integers(1, 6))):
        frame = bytearray(data.draw(st.sampled_from(good)))
        for at in data.draw(st.lists(st.integers(0, len(frame) - 1), max_size=6)):
            frame[at] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(frame)))
        port = data.draw(st.sampled_from([1, -1]))
        talk.wire.receive(port, bytes(frame[: cut or None]), talk.now)
        talk.answer(data.draw(st.binary(max_size=100)))
        talk.say(1, data=data.draw(st.binary(max_size=60)))
        talk.wire.tick(talk.now)
    assert len(talk.wire.events(1)) < 200
    talk.wire.finish(1, talk.now)
    talk.wire.transferred(1)


def test_a_flood_of_requests_and_connections_is_bounded(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    for number in range(3000):
        frame = build_udp(
            Datagram(GUEST_MAC, SERVER_MAC, GUEST, SERVER_ADDRESS, 2000 + number, 69,
                     b"\0\1%d\0octet\0" % number)
        )  # fmt: skip
        talk.wire.receive(1, frame, 1.0)
        talk.wire.receive(1, ArpMessage(1, GUEST_MAC, GUEST, bytes(6),
                                        number.to_bytes(4, "big")).build(), 1.0)  # fmt: skip
        source = number.to_bytes(4, "big") + b"\0\0"
        talk.wire.receive(1, b"\xff" * 6 + source + bytes(50), 1.0)
    assert len(talk.wire.transferred(1)) <= 1000
    assert talk.wire.journal(1).left_out > 0


def test_what_a_client_says_of_itself_is_written_down(tmp_path: Path) -> None:
    guest = between(tmp_path)
    guest.dhcp(DISCOVER, vendor_class=PXE, architecture=b"\0\7", user_class=b"iPXE")
    [discover] = [each for each in guest.wire.events(1) if each.kind == KIND.DISCOVER]
    assert discover.text == "architecture 7, PXEClient, iPXE"


def test_what_is_behind_a_relay_comes_by_way_of_it_alone(tmp_path: Path) -> None:
    behind = ip_bytes("10.9.0.5")
    wire = WatchedWire(["kea-dhcp4", "relay"], Arrived(tmp_path), {-1: behind})
    discover = DhcpMessage(1, 7, GUEST_MAC, options={53: bytes([DISCOVER]), 60: PXE})
    asked = Datagram(GUEST_MAC, BROADCAST_MAC, bytes(4), b"\xff" * 4, 68, 67, discover.build())
    assert [port for port, _ in wire.receive(1, build_udp(asked), 1.0)] == [-2]
    there = mac_bytes("02:00:00:00:00:05")
    passed = Datagram(SERVER_MAC, there, SERVER_ADDRESS, behind, 67, 67, discover.build())
    assert [port for port, _ in wire.receive(-3, build_udp(passed), 1.1)] == [-1]
    for target, at in ((behind, 1.2), (ip_bytes("10.9.0.9"), 1.3)):
        question = ArpMessage(1, SERVER_MAC, ip_bytes("10.9.0.1"), bytes(6), target)
        wire.receive(-3, question.build(), at)
    answer = ArpMessage(2, there, behind, SERVER_MAC, ip_bytes("10.9.0.1"))
    wire.receive(-1, answer.build(), 1.4)
    offer = DhcpMessage(
        2, 7, GUEST_MAC, file=b"a", next_server=behind, your_ip=GUEST,
        options={53: bytes([OFFER]), 54: behind, 1: b"\xff\xff\xff\0", 3: SERVER_ADDRESS},
    )  # fmt: skip
    back = Datagram(SERVER_MAC, BROADCAST_MAC, SERVER_ADDRESS, b"\xff" * 4, 67, 68, offer.build())
    assert [port for port, _ in wire.receive(-2, build_udp(back), 1.5)] == [1]
    wire.tick(2.0)
    assert [(each.kind, each.text) for each in wire.events(1)[2:]] == [
        (KIND.RELAYED, "to 10.9.0.5"),
        (
            KIND.OFFER,
            "10.0.2.15 by kea-dhcp4 at 10.9.0.5 through relay at 10.0.2.1, from 10.9.0.5, "
            "through 10.0.2.1",
        ),
        (KIND.RELAYED, "to 10.9.0.9, an address that nobody has"),
    ]


def test_what_comes_over_ipv6_is_read_as_well(tmp_path: Path) -> None:
    layers = pytest.importorskip("scapy.all", reason="scapy is not installed")
    wire = WatchedWire(["kea-dhcp6"], Arrived(tmp_path), prefix6=ip_address("fd00:7::").packed)
    guest, server = "fd00:7::f", "fd00:7::1"
    macs = {1: ("52:54:00:12:34:01", "02:00:00:00:00:01")}
    macs[-1] = macs[1][::-1]

    def say(port: int, body: Any, at: float) -> list[tuple[int, bytes]]:
        source, target = (guest, server) if port > 0 else (server, guest)
        ends = layers.IPv6(src=source, dst=target)
        mac, to = macs[port]
        return wire.receive(port, bytes(layers.Ether(src=mac, dst=to) / ends / body), at)

    def dhcp(port: int, *parts: Any) -> None:
        ports = (546, 547) if port > 0 else (547, 546)
        body = layers.UDP(sport=ports[0], dport=ports[1])
        for each in parts:
            body /= each
        say(port, body, 1.0)

    say(1, layers.ICMPv6ND_RS(), 0.1)
    who = layers.DHCP6OptUserClass(userclassdata=[layers.USER_CLASS_DATA(data=b"iPXE")])
    address = layers.DHCP6OptIA_NA(iaid=7, ianaopts=[layers.DHCP6OptIAAddress(addr=guest)])
    url = layers.DHCP6OptBootFileUrl(optdata="tftp://[fd00:7::1]/a")
    dhcp(1, layers.DHCP6_Solicit(trid=5), who)
    dhcp(-1, layers.DHCP6_Advertise(trid=5), address, url)
    dhcp(1, layers.DHCP6_Request(trid=6), who)
    dhcp(-1, layers.DHCP6_Reply(trid=6), address, url)
    say(1, layers.UDP(sport=2000, dport=69) / b"\0\1a\0octet\0", 1.1)
    say(-1, layers.UDP(sport=3000, dport=2000) / b"\0\3\0\1hello", 1.2)
    say(1, layers.UDP(sport=2000, dport=3000) / b"\0\4\0\1", 1.3)
    [(_, told)] = wire.tick(1.4)  # nobody else was the router
    assert layers.Ether(told)["ICMPv6 Neighbor Discovery - Router Advertisement"].M == 1
    for target, at in (("fd00:7::1", 2.0), ("fd00:7::9", 2.1), ("fe80::1", 2.2)):
        say(1, layers.ICMPv6ND_NS(tgt=target), at)
    say(-1, layers.ICMPv6ND_NA(tgt="fd00:7::1"), 2.3)
    wire.tick(3.0)
    assert [(each.kind, each.file, each.text) for each in wire.events(1)] == [
        (KIND.LINK_UP, "", "first frame"),
        (KIND.DISCOVER, "", "IPv6, iPXE"),
        (KIND.OFFER, "tftp://[fd00:7::1]/a", "fd00:7::f by kea-dhcp6 at fd00:7::1"),
        (KIND.REQUEST, "", "IPv6, iPXE"),
        (KIND.ACK, "tftp://[fd00:7::1]/a", "fd00:7::f by kea-dhcp6 at fd00:7::1"),
        (KIND.FILE_REQUESTED, "a", "tftp"),
        (KIND.FILE_SERVED, "a", "tftp 5 bytes"),
        (KIND.UNANSWERED_ARP, "", "who has fd00:7::9?"),
    ]
    syn = {"sport": 5000, "dport": 80}
    say(1, layers.TCP(**syn, flags="S", seq=10), 4.0)
    say(-1, layers.TCP(sport=80, dport=5000, flags="SA", seq=90, ack=11), 4.0)
    say(1, layers.TCP(**syn, flags="A", seq=11, ack=91) / b"GET /b HTTP/1.1\r\n\r\n", 4.0)
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
    say(-1, layers.TCP(sport=80, dport=5000, flags="A", seq=91, ack=31) / body, 4.0)
    say(1, layers.TCP(**syn, flags="A", seq=31, ack=91 + len(body)), 4.0)
    assert [(each.name, each.outcome) for each in wire.transferred(1)] == [
        ("a", "served"),
        ("b", "served"),
    ]
    assert wire.events(1)[-2].text == "http GET from fd00:7::1 port 80"
