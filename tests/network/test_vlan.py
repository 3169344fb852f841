"""A network that is a VLAN: what has its tag is served, and of the rest it is told that it came."""

import pytest

from bootharness.diagnosis import judge
from bootharness.formats.dhcp import DISCOVER, DhcpMessage
from bootharness.formats.ethernet import (
    BROADCAST_MAC,
    Datagram,
    build_udp,
    mac_bytes,
    parse_udp,
    tagged,
    untagged,
)
from bootharness.network.boot_rule import BootRule
from bootharness.network.files import FileTable
from bootharness.network.wire import Wire
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts

MAC = mac_bytes("52:54:00:12:34:01")


def discover() -> bytes:
    message = DhcpMessage(1, 7, MAC, options={53: bytes([DISCOVER])})
    flow = Datagram(MAC, BROADCAST_MAC, bytes(4), b"\xff" * 4, 68, 67, message.build())
    return build_udp(flow)


def answers(frame: bytes, vlan: int | None = 5) -> tuple[Wire, int, list[bytes]]:
    wire = Wire(FileTable({}), (BootRule("a"),), vlan=vlan)
    port = wire.plug()
    return wire, port, [out for _, out in wire.receive(port, frame, 1.0)]


@pytest.mark.parametrize("priority", [0, 7 << 13])
def test_frame_with_the_tag_is_answered_with_it(priority: int) -> None:
    _, _, (answer,) = answers(tagged(discover(), 5 | priority))
    vlan, frame = untagged(answer)
    assert vlan == 5
    datagram = parse_udp(frame)
    assert datagram
    assert DhcpMessage.parse(datagram.payload).boot_file == "a"


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (discover(), "without a VLAN's tag, and the network is VLAN 5"),
        (tagged(discover(), 6), "with the tag of VLAN 6, and the network is VLAN 5"),
    ],
)
def test_frame_of_another_vlan_is_told_once(frame: bytes, said: str) -> None:
    wire, port, answered = answers(frame)
    assert not answered
    wire.receive(port, frame, 2.0)
    (event,) = wire.events(port)
    assert (event.kind, event.text) == (NetEventKind.OTHER_VLAN, said)
    facts = NetworkFacts("net-root", "bios", "virtio", "wire", "", {}, events=(event,))
    judgement = judge(BootTrace("root", "banner", Ending("idle", 30.0), network=facts))
    assert judgement.cause == "other-vlan"
    assert "did not take it" in judgement.summary


def test_network_without_a_vlan_does_not_take_tags() -> None:
    wire, port, answered = answers(tagged(discover(), 5), vlan=None)
    assert not answered
    assert not [each for each in wire.events(port) if each.kind == NetEventKind.DISCOVER]


@pytest.mark.parametrize(
    "frame", [b"", b"\x81\0" * 7, b"a" * 12 + b"\x81\0", b"a" * 12 + b"\x81\0\0\5"]
)
def test_short_frames_do_no_harm(frame: bytes) -> None:
    assert not answers(frame)[2]


def test_boot_program_that_does_not_go_on_with_the_firmwares_vlan_is_told_as_that() -> None:
    events = (
        NetEvent(1.0, NetEventKind.DISCOVER, ""),
        NetEvent(2.0, NetEventKind.FILE_SERVED, "", "snponly.efi"),
        NetEvent(
            3.0, NetEventKind.OTHER_VLAN, "", text="without a VLAN's tag, and the network is VLAN 5"
        ),
    )
    roles = {"nbp": "snponly.efi"}
    facts = NetworkFacts("uefi-net-root", "uefi", "virtio", "wire", "", roles, events=events)
    judgement = judge(BootTrace("root", "banner", Ending("idle", 30.0), network=facts))
    assert judgement.cause == "other-vlan"
    assert "all that snponly.efi sent since it runs came without a VLAN's tag" in judgement.summary
    heard = (*events, NetEvent(4.0, NetEventKind.DISCOVER, ""))
    facts = NetworkFacts("uefi-net-root", "uefi", "virtio", "wire", "", roles, events=heard)
    judgement = judge(BootTrace("root", "banner", Ending("idle", 30.0), network=facts))
    assert judgement.cause != "other-vlan"
