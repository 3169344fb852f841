"""The live network: what it does with guests that take nothing, and with faults of its own."""

import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootharness.errors import WireLost
from bootharness.formats.dhcp import DISCOVER, DhcpMessage, DhcpOption
from bootharness.formats.ethernet import (
    BROADCAST_MAC,
    ArpMessage,
    Datagram,
    build_udp,
    ip_bytes,
    mac_bytes,
    parse_udp,
)
from bootharness.network.link import QUEUE_FRAMES, FrameStream
from bootharness.network.network import Network, Plug
from bootharness.network.wire import SERVER_ADDRESS
from tests.support.guest_end import PATIENCE_S, receive, send
from tests.support.netclient import wire_with

MAC = mac_bytes("52:54:00:12:34:01")
ARP = ArpMessage(1, MAC, ip_bytes("10.0.2.15"), bytes(6), SERVER_ADDRESS).build()


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(wire_with({"boot.ipxe": b"#!ipxe\n"})) as network:
        yield network


def asked(guest: socket.socket, frame: bytes) -> bytes:
    """Send a frame as a guest and return what comes back."""
    send(guest, frame)
    return receive(guest)


def news(plug: Plug) -> None:
    """Wait until something has happened."""
    assert select.select([plug.news_fd], [], [], PATIENCE_S)[0], "nothing happened"


def test_guest_that_takes_nothing_keeps_nobody_waiting(network: Network) -> None:
    plug, other = network.plug(), network.plug()
    for _ in range(8 * QUEUE_FRAMES):
        send(plug.guest_end, ARP)
    for _ in range(8 * QUEUE_FRAMES):  # each answer lets a burst of the other's in
        assert asked(other.guest_end, ARP)
        if plug.dropped:
            break
    assert plug.dropped


def test_a_guest_that_is_gone_is_heard_of_once(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[FrameStream] = []
    receives = FrameStream.receive

    def counted(link: FrameStream) -> Iterator[bytes]:
        heard.append(link)
        yield from receives(link)

    gone, other = network.plug(), network.plug()
    monkeypatch.setattr(FrameStream, "receive", counted)
    assert asked(gone.guest_end, ARP)
    gone.guest_end.close()
    for _ in range(200):
        assert asked(other.guest_end, ARP)
    assert sum(link is heard[0] for link in heard) < 10


def test_what_a_guest_has_no_room_for_comes_later_and_in_order(network: Network) -> None:
    plug, asks = network.plug(), 400
    addresses = [ip_bytes(f"10.0.{3 + number // 200}.{number % 200}") for number in range(asks)]
    for address in addresses:
        send(plug.guest_end, ArpMessage(1, MAC, address, bytes(6), SERVER_ADDRESS).build())
    came = []
    while len(came) < asks:
        came.append(receive(plug.guest_end)[38:42])
    assert came == addresses
    assert plug.dropped == 0


def test_error_in_the_networks_own_thread_is_our_fault(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug = network.plug()
    plug.check()

    def fails(*_said: object) -> None:
        raise OverflowError("too much")

    monkeypatch.setattr(network.wire, "receive", fails)
    send(plug.guest_end, ARP)
    news(plug)
    with pytest.raises(WireLost, match=r"own network failed \(OverflowError: too much\)"):
        plug.check()


def test_machine_id_of_any_length_gets_an_answer_that_fits_a_frame(network: Network) -> None:
    plug = network.plug()
    discover = DhcpMessage(
        1, 7, MAC, options={DhcpOption.MESSAGE_TYPE: bytes([DISCOVER]),
                            DhcpOption.MACHINE_ID: bytes(range(250)) * 258},
    )  # fmt: skip
    frame = build_udp(Datagram(MAC, BROADCAST_MAC, bytes(4), b"\xff" * 4, 68, 67, discover.build()))
    answer = parse_udp(asked(plug.guest_end, frame))
    assert answer
    assert DhcpMessage.parse(answer.payload).options[DhcpOption.MACHINE_ID] == bytes(range(17))
    plug.check()


@pytest.mark.parametrize("full", [True, False])
def test_capture_that_cannot_be_written_is_dropped_with_a_note(
    network: Network, tmp_path: Path, full: bool
) -> None:
    path = tmp_path / "wire.pcap"
    if full:
        path.symlink_to("/dev/full")
    else:
        network._wall = 2.0**33  # a host that thinks that it is the year 2242
    network.capture(path)
    plug = network.plug()
    assert asked(plug.guest_end, ARP)
    network.finish(plug)
    plug.check()
    assert "wire.pcap is not there, it could not be written: " in network.capture_lost
    assert not path.is_symlink()
    assert not path.exists()


def test_capture_has_every_frame(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "wire.pcap"
    network.capture(path)
    plug = network.plug()
    answer = asked(plug.guest_end, ARP)
    network.finish(plug)
    content = path.read_bytes()
    assert ARP in content
    assert answer in content
    assert network.capture_lost == ""
