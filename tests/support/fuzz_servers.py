"""What watches servers of other people's, reads their configurations, and what a person types about
a network, against any bytes."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from bootharness.errors import BootHarnessError, UsageError
from bootharness.formats.dhcp import OFFER
from bootharness.network import dnsmasq, kea
from bootharness.network.addressing import addresses_of
from bootharness.network.arrived import Arrived
from bootharness.network.server_setup import ServerSetup
from bootharness.network.watched_wire import WatchedWire
from bootharness.plan.dhcp_option import check_fit, read_dhcp_option
from bootharness.plan.guest_address import check_mac, check_uuid
from bootharness.plan.net_server import NetServer
from tests.network.test_watched_iscsi import logged_in, pdu, read_10
from tests.network.test_watched_wire import CHUNKED, Talk, ok, proxied, udp

__all__ = ["SERVER_TARGETS", "server_seeds"]

_MOST_EVENTS, _MOST_DISKS = 60_000, 64


def watched_wire(data: bytes) -> None:
    """Put frames on a wire that watches: in front of each its length, and who sends it."""
    with tempfile.TemporaryDirectory() as folder:
        behind = {-1: b"\x0a\x09\0\x05"} if len(data) % 2 else None
        wire, now = WatchedWire(["one", "two"], Arrived(Path(folder)), behind), 1.0
        ports = (1, -1, -2, -3 if behind else 1)
        while data:
            size, port = int.from_bytes(data[:2], "big") & 0x7FF, ports[data[0] >> 6]
            wire.receive(port, data[2 : 2 + size], now)
            data, now = data[2 + size :], now + 0.1
            wire.tick(now)
        wire.finish(1, now)
        assert len(wire.events(1)) < _MOST_EVENTS
        wire.transferred(1)


def watched_http(data: bytes) -> None:
    """Let two sides of a connection say anything, in pieces of any size."""
    with tempfile.TemporaryDirectory() as folder:
        talk = Talk(Path(folder))
        while data:
            size = data[0] & 0x7F
            piece = data[1 : 1 + size]
            talk.say(1 if data[0] >> 7 else -1, data=piece)
            data = data[1 + size :]
            talk.wire.tick(talk.now)
        for file in talk.wire.transferred(1):
            assert file.sent_bytes <= talk.theirs


def watched_iscsi(data: bytes) -> None:
    """Let a guest and a target say units of any kind, or any bytes: 22 bytes each, what side, the
    unit's kind, its task, LUN, command and size."""
    with tempfile.TemporaryDirectory() as name:
        talk = logged_in(Path(name))
        while data:
            side, kind, task, lun, size = (data[:5] + bytes(5))[:5]
            said = data[22 : 22 + size] if side & 2 else data[5:21] * size
            unit = pdu(kind, said, task, _1=data[21:22], _8=bytes([0, lun]), _32=data[5:21])
            talk.say(1 if side & 1 else -1, data=said if side & 4 else unit)
            data = data[22 + size if side & 2 else 22 :]
        files, disks = talk.wire.transferred(1), list(Path(name).iterdir())
        assert len(files) <= len(disks) <= _MOST_DISKS
        assert all(each.sent_bytes for each in files)


def network_words(data: bytes) -> None:
    """Take what a person types about a network: servers, DHCP options, addresses."""
    text = data.decode("utf-8", "replace")
    for said in (text, f"dnsmasq{text}", f"relay@{text}", f"command@[{text}"):
        with suppress(UsageError):
            server = NetServer.parse(said)
            assert NetServer.parse(str(server)) == server
    for said in (text, f"66={text}", f"6={text}", f"175=0x{text}"):
        with suppress(UsageError):
            number, value = read_dhcp_option(said)
            check_fit({number: value})
            assert len(value) < 256
    for check in (check_mac, check_uuid):
        with suppress(UsageError):
            check(text)
            assert text.isascii()


def dnsmasq_configuration(data: bytes) -> None:
    """Read bytes as a dnsmasq.conf."""
    _configuration(dnsmasq.dnsmasq_setup, data)


def kea_configuration(data: bytes) -> None:
    """Read bytes as a kea-dhcp4.conf."""
    _configuration(kea.kea_setup, data)


def _configuration(setup_of: Callable[[str, Path], ServerSetup], data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name, suppress(BootHarnessError):
        folder = Path(name)
        (folder / "conf").write_bytes(data)
        with (
            patch.object(dnsmasq, "is_installed", return_value=True),
            patch.object(kea, "is_installed", return_value=True),
        ):
            setup = setup_of(str(folder / "conf"), folder)
        for [address, *_] in addresses_of([NetServer("kea", "conf")], [setup]):
            assert "/" in address


SERVER_TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        watched_wire,
        watched_http,
        watched_iscsi,
        network_words,
        dnsmasq_configuration,
        kea_configuration,
    )
}


def server_seeds() -> dict[str, bytes]:
    """Return something right for every target."""
    frames = [
        (0, udp(1, 2000, 69, b"\0\1a\0octet\0blksize\0008\0")),
        (1, udp(-1, 3000, 2000, b"\0\6blksize\0008\0")),
        (1, udp(-1, 3000, 2000, b"\0\3\0\1x")),
        (0, udp(1, 2000, 3000, b"\0\4\0\1")),
        (2, proxied(67, OFFER, b"boot.ipxe")),
    ]
    said = [b"\x80GET /a HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" + ok(b"abc"), b"\0" + CHUNKED]
    return {
        "watched_wire": b"".join(
            (port << 14 | len(frame)).to_bytes(2, "big") + frame for port, frame in frames
        ),
        "watched_http": b"".join(bytes([each[0] | len(each) - 1]) + each[1:] for each in said),
        "watched_iscsi": b"\1\1\2\1\0"
        + read_10(2, 4).ljust(17, b"\0")
        + b"\2\x25\2\1\x40".ljust(22, b"\0")
        + bytes(64),
        "network_words": b"@192.168.1.1/24:10.0.0.5",
        "dnsmasq_configuration": b"interface=lan*\nlisten-address=10.0.0.1\n"
        b"dhcp-range=set:a,10.0.0.0,proxy,255.255.0.0\nconf-dir=/nix,*.conf\n#x\n",
        "kea_configuration": b'{"Dhcp4": {"interfaces-config": {"interfaces": ["a/10.0.0.1"]},'
        b'"subnet4": [{"subnet": "10.0.0.0/24", "pools": [{"pool": "10.0.0.5-10.0.0.9"}],'
        b'"option-data": [{"name": "routers", "data": "10.0.0.1"}],}]}} // x',
    }
