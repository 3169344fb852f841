"""Where a guest waits to be saved: at the first frame that asks the network for something."""

import select
import time

import pytest

from bootharness.formats.dhcp import DISCOVER, DhcpMessage, DhcpOption
from bootharness.formats.ethernet import ARP, BROADCAST_MAC, Datagram, build_udp, mac_bytes
from bootharness.host.deadline import Deadline
from bootharness.network.boot_rule import BootRule
from bootharness.network.files import FileTable
from bootharness.network.network import Network, Plug
from bootharness.network.threshold import Answered, Threshold, asks
from bootharness.network.wire import Wire
from bootharness.trace.network_facts import NetEventKind
from tests.support.guest_end import receive, send

MAC = mac_bytes("52:54:00:12:34:01")
# what OVMF and iPXE send as they come up: a report of a group, and who is a router
REPORT = bytes.fromhex("3333ff123401") + MAC + b"\x86\xdd\x60" + bytes(5) + b"\0" + bytes(65)
SOLICITS = (
    bytes.fromhex("333300000002") + MAC + b"\x86\xdd\x60" + bytes(5) + b"\x3a\xff" + bytes(32)
    + b"\x85" + bytes(15)
)  # fmt: skip
DISCOVERS = build_udp(
    Datagram(
        MAC, BROADCAST_MAC, bytes(4), b"\xff" * 4, 68, 67,
        DhcpMessage(1, 7, MAC, options={DhcpOption.MESSAGE_TYPE: bytes([DISCOVER])}).build(),
    )
)  # fmt: skip


@pytest.mark.parametrize("frame", [REPORT, SOLICITS])
def test_a_host_that_comes_up_asks_for_nothing(frame: bytes) -> None:
    assert not asks(frame)


@pytest.mark.parametrize(
    "frame",
    [
        DISCOVERS,
        BROADCAST_MAC + MAC + ARP.to_bytes(2, "big") + bytes(28),
        REPORT[:20] + b"\x11" + REPORT[21:],  # UDP over IPv6, as DHCPv6
        REPORT[:18],
        b"",
    ],
)
def test_all_else_asks(frame: bytes) -> None:
    assert asks(frame)


def test_who_asks_waits_and_all_that_it_sends_from_then_on() -> None:
    threshold = Threshold()
    assert not threshold.keeps(SOLICITS, 1.0)
    assert threshold.keeps(DISCOVERS, 2.0)
    assert threshold.keeps(SOLICITS, 2.1)
    assert threshold.asking == [DISCOVERS, SOLICITS]


def test_nobody_waits_for_longer_than_a_client_does() -> None:
    threshold = Threshold()
    assert not threshold.given_up(100.0)
    threshold.keeps(DISCOVERS, 2.0)
    assert not threshold.given_up(2.1)
    assert threshold.given_up(2.5)
    threshold.claimed = True
    assert not threshold.given_up(2.5)


def a_network() -> Network:
    return Network(Wire(FileTable({"boot.ipxe": b"#!ipxe"}), (BootRule("boot.ipxe"),)))


def plugged(network: Network) -> Plug:
    plug = network.plug()
    plug.launched = network.clock(time.monotonic())
    return plug


def kinds(plug: Plug) -> list[NetEventKind]:
    return [event.kind for event in plug.events()]


def wait_for(plug: Plug, kind: NetEventKind) -> None:
    deadline = Deadline.after(10)
    while kind not in kinds(plug):
        assert not deadline.expired, kinds(plug)
        select.select([plug.news_fd], [], [], deadline.remaining)
        plug.take_news()


def test_a_guest_that_is_kept_waiting_is_answered_when_it_may_go_on() -> None:
    with a_network() as network:
        plug = plugged(network)
        plug.keep_waiting()
        assert not plug.claim()
        send(plug.guest_end, SOLICITS)
        send(plug.guest_end, DISCOVERS)
        deadline = Deadline.after(10)
        while not plug.claim():
            assert not deadline.expired
        sent = plug.sent()
        assert [each.frame for each in sent.early] == [SOLICITS]
        assert len(sent.early[0].answers) == 1
        assert sent.asking == [DISCOVERS]
        assert kinds(plug) == [NetEventKind.LINK_UP]
        plug.let_go_on()
        assert NetEventKind.OFFER in kinds(plug)


def test_a_guest_that_nobody_comes_for_is_answered_all_the_same() -> None:
    with a_network() as network:
        plug = plugged(network)
        plug.keep_waiting()
        send(plug.guest_end, DISCOVERS)
        wait_for(plug, NetEventKind.OFFER)
        assert not plug.claim()


def test_what_was_answered_before_is_noted_and_not_answered_again() -> None:
    with a_network() as network:
        first = plugged(network)
        first.keep_waiting()
        send(first.guest_end, SOLICITS)
        wait_for(first, NetEventKind.LINK_UP)
        assert first.threshold
        early = first.threshold.early
    with a_network() as network:
        plug = plugged(network)
        plug.launched -= 5.0
        assert plug.replay([Answered(3.0, SOLICITS, early[0].answers)], [DISCOVERS])
        events = plug.events()
        assert kinds(plug)[:2] == [NetEventKind.LINK_UP, NetEventKind.DISCOVER]
        assert events[0].seconds == 3.0
        assert events[1].seconds >= 5.0
        assert receive(plug.guest_end)[12:14] == b"\x08\x00"  # the offer, and no router before


def test_a_network_that_would_answer_otherwise_is_noticed() -> None:
    with a_network() as network:
        assert not plugged(network).replay([Answered(1.0, SOLICITS, ())], [])
