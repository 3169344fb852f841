"""The wire without a machine: what a client gets, what is noted, what hostile frames do."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootharness.formats.dhcp import DISCOVER, NAK, OFFER, REQUEST, DhcpOption
from bootharness.formats.ethernet import (
    ArpMessage,
    Datagram,
    build_udp,
    ip_bytes,
    mac_bytes,
    parse_arp,
)
from bootharness.formats.tftp import DATA, ERROR, OACK, opcode
from bootharness.kernels.source import fetch
from bootharness.network.boot_rule import BootRule
from bootharness.network.http_server import HttpTransfer
from bootharness.network.wire import SERVER_ADDRESS
from bootharness.plan import BootPlan, NetPlan
from bootharness.routes.net import net_image, network_for
from bootharness.trace.network_facts import NetEventKind
from tests.support.netclient import SERVER_MAC, NetClient, wire_with
from tests.support.tcp_service import Service

CONTENT = Random(1).randbytes(100_000)
PXE = b"PXEClient:Arch:00000:UNDI:002001"


def client(*faults: str, files: dict[str, bytes] | None = None, **more: object) -> NetClient:
    wire = wire_with(files or {"vmlinuz": CONTENT, "boot.ipxe": b"#!ipxe\n"}, *faults, **more)  # type: ignore[arg-type]
    return NetClient(wire)


def test_client_gets_address_and_file() -> None:
    guest = client()
    ack = guest.lease(vendor_class=PXE)
    assert ack.your_ip == ip_bytes("10.0.2.15")
    assert ack.next_server == SERVER_ADDRESS
    assert ack.boot_file == "boot.ipxe"
    kinds = [event.kind for event in guest.wire.events(guest.port)]
    assert kinds == ["link-up", "dhcp-discover", "dhcp-offer", "dhcp-request", "dhcp-ack"]


@pytest.mark.parametrize(
    ("options", "file"),
    [
        ({"vendor_class": PXE, "architecture": b"\0\0"}, "bios"),
        ({"vendor_class": PXE, "architecture": b"\0\7"}, "uefi"),
        ({"vendor_class": PXE, "architecture": b"\0\0", "user_class": b"iPXE"}, "script"),
        ({"user_class": b"iPXE"}, "script"),
        ({}, ""),
    ],
)
def test_first_rule_that_matches_names_the_file(options: dict[str, bytes], file: str) -> None:
    rules = (
        BootRule("script", ipxe=True),
        BootRule("uefi", pxe=True, architecture=7),
        BootRule("bios", pxe=True),
    )
    assert client(rules=rules).lease(**options).boot_file == file


def test_rule_by_mac_and_by_what_was_fetched() -> None:
    rules = (
        BootRule("other", mac=mac_bytes("52:54:00:00:00:99")),
        BootRule("second", after="boot.ipxe"),
        BootRule("first"),
    )
    guest = client(rules=rules)
    assert guest.lease().boot_file == "first"
    guest.fetch("boot.ipxe")
    assert guest.lease().boot_file == "second"
    assert NetClient(guest.wire, "52:54:00:00:00:99").lease().boot_file == "other"


def test_address_of_somebody_else_is_refused() -> None:
    guest = client()
    answer = guest.dhcp(REQUEST, requested_ip=ip_bytes("10.0.2.77"))
    assert answer
    assert answer.kind == NAK


def test_request_to_another_server_is_not_ours() -> None:
    guest = client()
    assert guest.dhcp(REQUEST, server_id=ip_bytes("10.0.2.9")) is None


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1432 * 3, 100_000])
@pytest.mark.parametrize(
    "options",
    [{}, {"tsize": 0}, {"blksize": 1432, "tsize": 0}, {"blksize": 1468, "windowsize": 4}],
)
def test_file_comes_whole(size: int, options: dict[str, int]) -> None:
    guest = client(files={"vmlinuz": CONTENT[:size]})
    assert guest.fetch("vmlinuz", **options) == CONTENT[:size]
    (file,) = guest.wire.transferred(guest.port)
    assert (file.outcome, file.sent_bytes, file.intact) == ("served", size, True)
    assert file.repeats == 0


def test_block_numbers_wrap() -> None:
    content = Random(2).randbytes(65_536 * 8 * 2 + 1000)
    guest = client(files={"big": content})
    assert guest.fetch("big", blksize=8, windowsize=16) == content
    assert guest.wire.transferred(guest.port)[0].intact


@pytest.mark.parametrize("options", [{}, {"blksize": 1024, "windowsize": 4}, {"windowsize": 16}])
def test_lost_blocks_come_again(options: dict[str, int]) -> None:
    guest = client()
    assert guest.fetch("vmlinuz", lose=frozenset({1, 2, 7, 50, 98}), **options) == CONTENT
    assert guest.wire.transferred(guest.port)[0].intact


def test_one_duplicate_does_not_double_the_rest() -> None:
    """The Sorcerer's Apprentice: an acknowledgement that comes twice is answered once."""
    guest = client()
    (first,) = guest.request("vmlinuz")
    assert len(guest.acknowledge(first.source_port, 1)) == 1
    for _ in range(5):
        assert guest.acknowledge(first.source_port, 1) == []
    guest.now += 0.3
    assert len(guest.acknowledge(first.source_port, 1)) == 1


def test_who_asks_again_before_the_refusal_came_is_not_refused_twice() -> None:
    """PXELINUX takes a second one for the answer to what it asks for next."""
    guest = client()
    assert len(guest.request("gone")) == 1
    guest.now += 0.9
    assert guest.request("gone") == []
    assert len(guest.request("gone", source=2001)) == 1
    assert len(guest.request("gone")) == 1
    guest.now += 1.1
    assert len(guest.request("gone")) == 1
    assert len(guest.events(NetEventKind.FILE_MISSING)) == 4


def test_server_sends_again_when_the_client_is_silent() -> None:
    guest = client()
    guest.request("vmlinuz")
    again = guest.datagrams(guest.wait(1.2))
    assert [int.from_bytes(each.payload[2:4], "big") for each in again] == [1]
    assert len(guest.datagrams(guest.wait(300))) == 6


def test_last_acknowledgement_may_be_missing() -> None:
    guest = client(files={"a": b"x" * 100, "b": b"y"})
    guest.request("a")
    guest.request("b", source=2001)
    first, _ = guest.wire.transferred(guest.port)
    assert (first.outcome, first.intact) == ("served", True)


def test_size_is_asked_before_the_file() -> None:
    guest = client()
    (oack,) = guest.request("vmlinuz", tsize=0)
    assert b"tsize\x00100000\0" in oack.payload
    guest.udp(oack.source_port, b"\0\5\0\x08User aborted the transfer\0")
    assert len(guest.events(NetEventKind.FILE_SIZE_ASKED)) == 1
    assert guest.events(NetEventKind.FILE_ABORTED) == []


@pytest.mark.parametrize(
    "name",
    ["../vmlinuz", "/etc/passwd", "..\\vmlinuz", "//vmlinuz", "VMLINUZ", "a" * 5000, "\x1b[2J"],
)
def test_no_name_leads_out_of_the_table(name: str) -> None:
    guest = client()
    with pytest.raises(FileNotFoundError):
        guest.fetch(name)
    (event,) = guest.events(NetEventKind.FILE_MISSING)
    assert event.file.isprintable()
    assert len(event.file) <= 200


def test_a_slash_in_front_is_the_same_file() -> None:
    assert client().fetch("/vmlinuz") == CONTENT


@pytest.mark.parametrize("asked", [0, 7, 65_464, 10**9])
def test_huge_and_tiny_blocks_are_not_agreed_to(asked: int) -> None:
    guest = client()
    answers = guest.request("vmlinuz", blksize=asked)
    if opcode(answers[0].payload) != DATA:
        answers = guest.acknowledge(answers[0].source_port, 0)
    assert 8 <= len(answers[0].payload) - 4 <= 1468


def test_huge_window_is_cut_down() -> None:
    guest = client()
    (oack,) = guest.request("vmlinuz", windowsize=65535)
    assert len(guest.acknowledge(oack.source_port, 0)) == 16


def test_writing_is_refused() -> None:
    guest = client()
    (answer,) = guest.udp(69, b"\0\2vmlinuz\0octet\0")
    assert opcode(answer.payload) == ERROR
    assert guest.events(NetEventKind.MALFORMED)


def test_too_many_transfers_are_refused() -> None:
    guest = client()
    answers = [guest.request("vmlinuz", source=1000 + number)[0] for number in range(200)]
    kinds = [opcode(answer.payload) for answer in answers]
    assert kinds.count(DATA) <= 64
    assert kinds[-1] == ERROR


def test_acknowledgement_from_nowhere_is_nothing() -> None:
    guest = client()
    (first,) = guest.request("vmlinuz")
    assert guest.acknowledge(first.source_port, 5) == []
    assert guest.acknowledge(first.source_port, 1, source=9) == []
    assert guest.acknowledge(first.source_port + 1, 1) == []


def test_arp_for_the_server_is_answered_and_nothing_else() -> None:
    guest = client()
    answers = guest.send(ArpMessage(1, guest.mac, bytes(4), bytes(6), SERVER_ADDRESS).build())
    assert parse_arp(answers[0]).sender_mac == SERVER_MAC
    for repeats in range(3):
        other = ArpMessage(1, guest.mac, bytes(4), bytes(6), ip_bytes("10.0.2.222")).build()
        assert guest.send(other) == []
        assert guest.events(NetEventKind.UNANSWERED_ARP)[-1].repeats == repeats


def test_guests_see_each_other_and_not_each_others_files() -> None:
    wire = wire_with({"vmlinuz": CONTENT})
    one, two = NetClient(wire, "52:54:00:00:00:01"), NetClient(wire, "52:54:00:00:00:02")
    one.lease()
    two.lease()
    assert one.address != two.address
    out = wire.receive(
        one.port, ArpMessage(1, one.mac, one.address, bytes(6), two.address).build(), 1.0
    )
    assert [port for port, _ in out] == [two.port]
    frame = build_udp(Datagram(one.mac, two.mac, one.address, two.address, 5, 6, b"hello"))
    assert wire.receive(one.port, frame, 1.0) == [(two.port, frame)]
    one.fetch("vmlinuz")
    assert wire.transferred(two.port) == ()


def test_guest_that_leaves_makes_room() -> None:
    wire = wire_with({})
    first = NetClient(wire)
    first.lease()
    wire.unplug(first.port)
    again = NetClient(wire)
    assert again.lease().your_ip == ip_bytes("10.0.2.15")
    ports = [wire.plug() for _ in range(79)]
    assert len(set(ports)) == 79
    with pytest.raises(LookupError):
        wire.plug()


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=1600), max_size=20))
def test_any_frames_do_no_harm(frames: list[bytes]) -> None:
    guest = client()
    for frame in frames:
        guest.send(frame)
    guest.now += 5
    assert guest.lease().boot_file == "boot.ipxe"
    assert guest.fetch("boot.ipxe") == b"#!ipxe\n"


@settings(max_examples=300)
@given(st.data())
def test_bent_frames_of_a_real_boot_do_no_harm(data: st.DataObject) -> None:
    """Frames as a client sends them, bent at any byte, cut or stretched."""
    guest = client()
    sent: list[bytes] = []
    send, guest.send = guest.send, lambda frame: sent.append(frame) or send(frame)  # type: ignore[method-assign,func-returns-value]
    guest.lease(vendor_class=PXE, user_class=b"iPXE")
    guest.fetch("boot.ipxe", blksize=1432, tsize=0)
    for _ in range(10):
        frame = bytearray(data.draw(st.sampled_from(sent)))
        for _ in range(data.draw(st.integers(1, 4))):
            frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
        size = data.draw(st.integers(0, len(frame) + 50))
        send(bytes(frame).ljust(size, b"\xff")[:size])
    guest.now += 5
    assert guest.fetch("vmlinuz", blksize=1432) == CONTENT


def test_flood_is_bounded() -> None:
    guest = client()
    noise = Random(3)
    for _ in range(20_000):
        guest.send(noise.randbytes(12) + b"\x08\x06" + noise.randbytes(30))
        guest.dhcp(DISCOVER, xid=noise.getrandbits(32))
    assert len(guest.wire.events(guest.port)) <= 4000
    offer = guest.dhcp(DISCOVER)
    assert offer
    assert offer.kind == OFFER


def ipxe_client(content: bytes = CONTENT) -> NetClient:
    guest = client(files={"vmlinuz": content})
    guest.lease(user_class=b"iPXE")
    return guest


def blocks(datagrams: list[Datagram]) -> list[int]:
    return [int.from_bytes(each.payload[2:4], "big") for each in datagrams]


def test_ipxe_is_sent_blocks_ahead() -> None:
    guest = ipxe_client()
    (oack,) = guest.request("vmlinuz", blksize=1432, tsize=0)
    assert blocks(guest.acknowledge(oack.source_port, 0)) == list(range(1, 9))
    assert blocks(guest.acknowledge(oack.source_port, 1)) == [9]
    assert blocks(guest.acknowledge(oack.source_port, 5)) == [10, 11, 12, 13]


def test_ipxe_that_lacks_a_block_gets_one_at_a_time() -> None:
    guest = ipxe_client()
    (oack,) = guest.request("vmlinuz", blksize=1432, tsize=0)
    guest.acknowledge(oack.source_port, 0)
    guest.acknowledge(oack.source_port, 3)
    for _ in range(6):  # what was sent ahead of the lost block 4 arrives
        assert guest.acknowledge(oack.source_port, 3) == []
    guest.now += 0.25
    assert blocks(guest.acknowledge(oack.source_port, 3)) == [4]
    assert blocks(guest.acknowledge(oack.source_port, 11)) == [12]


@pytest.mark.parametrize(("nic", "room"), [("auto", 16), ("rtl8139", 4)])
def test_a_card_is_sent_what_it_has_room_for(nic: str, room: int) -> None:
    plan = BootPlan(route="ipxe", net=NetPlan(nic))
    image = net_image(fetch("selfcheck:100000"), plan)
    with network_for(image, plan) as network:
        guest = NetClient(network.wire)
        guest.lease(user_class=b"iPXE")
        (oack,) = guest.request("vmlinuz", blksize=1432, tsize=0)
        assert blocks(guest.acknowledge(oack.source_port, 0)) == list(range(1, room + 1))


@pytest.mark.parametrize("options", [{"tsize": 0, "blksize": 1408}, {"tsize": 0}, {}])
def test_what_ipxe_has_loaded_is_not_ipxe(options: dict[str, int]) -> None:
    guest = ipxe_client()
    answers = guest.request("vmlinuz", **options)
    if opcode(answers[0].payload) != DATA:
        answers = guest.acknowledge(answers[0].source_port, 0)
    assert blocks(answers) == [1]


def test_a_client_that_asks_faster_than_it_is_answered_does_not_stall() -> None:
    """PXELINUX acknowledges again after 0.06 s, and is answered again after 0.1 s."""
    guest = client()
    (first,) = guest.request("vmlinuz")
    for _ in range(4):
        guest.now += 0.03
        assert guest.acknowledge(first.source_port, 0) in ([], [first])
    repeats = [each.repeats for each in guest.events(NetEventKind.REPEATED)]
    assert repeats == [1]


def test_nothing_is_sent_ahead_over_the_wrap() -> None:
    """iPXE takes a number for a block above the first that it lacks, in the same 65,536."""
    content = bytes(8 * 65_560)
    guest = ipxe_client(content)
    (oack,) = guest.request("vmlinuz", blksize=8, tsize=0)
    answers = guest.acknowledge(oack.source_port, 0)
    for _ in range(70_000):
        last = blocks(answers)[-1]
        answers = guest.acknowledge(oack.source_port, last)
        if last == 65_535:
            break
    assert blocks(answers) == list(range(8))


def test_a_fault_behind_the_end_of_a_file_is_noted() -> None:
    guest = client("stall:block=300", "drop:block=2", files={"vmlinuz": bytes(1000)})
    (first,) = guest.request("vmlinuz")
    guest.acknowledge(first.source_port, 1)
    guest.now += 0.3
    guest.acknowledge(first.source_port, 1)
    guest.acknowledge(first.source_port, 2)
    guest.wire.finish(guest.port, guest.now)
    (unused,) = guest.events(NetEventKind.FAULT_UNUSED)
    assert (unused.file, unused.block) == ("vmlinuz", 300)
    assert unused.text == "stall did nothing: 2 blocks were all"


def test_faults_act_where_they_say_and_are_noted_there() -> None:
    guest = client("stall:block=5", "drop:block=2", "corrupt:block=3")
    (first,) = guest.request("vmlinuz")
    assert guest.acknowledge(first.source_port, 1) == []
    guest.now += 0.3
    assert blocks(guest.acknowledge(first.source_port, 1)) == [2]
    (third,) = guest.acknowledge(first.source_port, 2)
    sent, right = third.payload[4:], CONTENT[1024:1536]
    assert sum(one != other for one, other in zip(sent, right, strict=True)) == 1
    assert blocks(guest.acknowledge(first.source_port, 3)) == [4]
    assert guest.acknowledge(first.source_port, 4) == []
    acted = [(event.text, event.block) for event in guest.events(NetEventKind.FAULT)]
    assert acted == [("drop", 2), ("corrupt", 3), ("stall", 5)]


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("no-offer", [NetEventKind.DISCOVER]),
        ("no-ack", [NetEventKind.DISCOVER, NetEventKind.OFFER, NetEventKind.REQUEST]),
    ],
)
def test_dhcp_that_is_silent(fault: str, kinds: list[str]) -> None:
    guest = client(fault)
    offer = guest.dhcp(DISCOVER)
    if offer:
        assert guest.dhcp(REQUEST, requested_ip=offer.your_ip) is None
    assert [event.kind for event in guest.wire.events(guest.port)][1:] == kinds


def test_short_file_and_wrong_size() -> None:
    guest = client("short:bytes=1000")
    (oack,) = guest.request("vmlinuz", tsize=0)
    assert b"tsize\x00100000\0" in oack.payload
    assert client("short:bytes=1000").fetch("vmlinuz", tsize=0) == CONTENT[:1000]
    (oack,) = client("wrong-tsize:bytes=5").request("vmlinuz", tsize=0)
    assert b"tsize\0005\0" in oack.payload


def test_slow_file_comes_at_its_rate() -> None:
    guest = client("slow:rate=512")
    assert guest.request("vmlinuz") == []
    for number in (1, 2, 3):  # each of 512 bytes a second after the one before
        assert guest.datagrams(guest.wait(0.8)) == []
        (came,) = guest.datagrams(guest.wait(0.2))
        assert blocks([came]) == [number]
        assert guest.acknowledge(came.source_port, number) == []


def test_loss_is_the_same_every_time() -> None:
    def run(seed: int) -> list[float]:
        guest = client(f"loss:rate=0.05,seed={seed}")
        while not (offer := guest.dhcp(DISCOVER)):
            guest.now += 1
        while not guest.dhcp(REQUEST, requested_ip=offer.your_ip):
            guest.now += 1
        assert guest.fetch("vmlinuz", blksize=1432) == CONTENT
        return [event.seconds for event in guest.wire.events(guest.port)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_transfers_without_end_are_not_kept_without_end() -> None:
    guest = client()
    for number in range(3000):
        guest.request("boot.ipxe", source=1024 + number)
        guest.now += 0.1
    assert len(guest.wire.transferred(guest.port)) <= 1000


@pytest.mark.parametrize(("step", "stalled"), [(0.1, True), (10.0, False)])
def test_silence_of_http_is_counted_in_steps(step: float, stalled: bool) -> None:
    """A harness that was stopped for ten seconds has not seen a server stall for as long."""
    guest = client()
    transfers = [HttpTransfer("vmlinuz", len(CONTENT), 1, 0, guest.now, guest.now)]
    guest.wire.serve_http(guest.port, transfers, lambda *_: Service(b""))
    guest.wire.tick(guest.now)
    for _ in range(20 if stalled else 2):
        guest.now += step
        guest.wire.tick(guest.now)
    assert bool(guest.events(NetEventKind.HTTP_STALLED)) is stalled
    transfers[0].last_at = guest.now
    guest.wire.tick(guest.now)
    transfers[0].stalled = False
    guest.wire.tick(guest.now + 0.1)
    assert len(guest.events(NetEventKind.HTTP_STALLED)) == int(stalled)


def test_answer_that_is_kept_back_for_some_seconds_comes_then() -> None:
    guest = client("no-offer:seconds=5", "no-ack:seconds=3")
    assert guest.dhcp(DISCOVER) is None
    guest.now += 4.9
    assert guest.dhcp(DISCOVER) is None
    guest.now += 0.2
    offer = guest.dhcp(DISCOVER)
    assert offer
    assert guest.dhcp(REQUEST, requested_ip=offer.your_ip) is None
    guest.now += 3.1
    assert guest.dhcp(REQUEST, requested_ip=offer.your_ip)


def test_oack_may_come_twice_or_late() -> None:
    twice = NetClient(wire_with({"boot.ipxe": b"x" * 2000}, "duplicate-oack:file=boot.ipxe"))
    twice.lease()
    assert [opcode(each.payload) for each in twice.request("boot.ipxe", blksize=600)] == [OACK] * 2
    assert twice.fetch("boot.ipxe", blksize=600) == b"x" * 2000
    late = NetClient(wire_with({"boot.ipxe": b"x" * 2000}, "late-oack:file=boot.ipxe,seconds=1"))
    late.lease()
    assert late.request("boot.ipxe", blksize=600) == []
    [again] = late.request("boot.ipxe", blksize=600)  # who asks again gets it at once
    assert opcode(again.payload) == OACK
    assert [opcode(each.payload) for each in late.datagrams(late.wait(1.5))].count(OACK) >= 1


def test_client_that_says_nothing_within_a_file_is_told_of_with_what_it_was_sent() -> None:
    silent = NetClient(wire_with({"a": bytes(4000)}))
    silent.lease()
    silent.request("a", blksize=1000)
    assert not silent.wait(9) or not silent.events(NetEventKind.SENT_AGAIN)  # it may want its size
    [oack] = silent.request("a", source=2001, blksize=1000)
    silent.acknowledge(oack.source_port, 0, source=2001)
    silent.acknowledge(oack.source_port, 1, source=2001)
    silent.wait(4)
    [told] = silent.events(NetEventKind.SENT_AGAIN)
    assert (told.file, told.block, told.repeats) == ("a", 2, 2)
    assert told.text == "nothing heard for 3.0 s"


def test_block_numbers_may_begin_again_at_the_wrong_one() -> None:
    content = bytes(8 * 65_540)
    client = NetClient(wire_with({"a": content}, "wrong-rollover:file=a"))
    client.lease()
    [oack] = client.request("a", blksize=8)
    server, numbers = oack.source_port, []
    answers = client.acknowledge(server, 0)
    while answers:
        number = int.from_bytes(answers[0].payload[2:4], "big")
        numbers.append(number)
        answers = client.acknowledge(server, number)
    assert numbers == [*range(1, 65_536), *range(1, 7)]
    assert [event.file for event in client.events(NetEventKind.FILE_SERVED)] == ["a"]


def test_blocked_port_hears_what_is_asked_of_dhcp_and_lets_nothing_through() -> None:
    client = NetClient(wire_with({"boot.ipxe": b"x"}, "blocked:seconds=5"))
    assert client.dhcp(DISCOVER) is None
    assert client.request("boot.ipxe") == []
    assert [event.kind for event in client.events(NetEventKind.DISCOVER)]
    assert not client.events(NetEventKind.FILE_REQUESTED)
    client.now += 5
    assert client.dhcp(DISCOVER, xid=8)
    client.lease()
    assert client.request("boot.ipxe")


def test_cable_that_is_pulled_carries_nothing_from_that_block_on() -> None:
    fault = "link-down:file=a,block=5,seconds=2"
    client = NetClient(wire_with({"a": bytes(20_000)}, fault))
    client.lease()
    [oack] = client.request("a", blksize=1000)
    for number in range(5):
        assert client.acknowledge(oack.source_port, number)
    assert client.acknowledge(oack.source_port, 5) == []
    assert not client.wire.link_wanted(client.port, client.now)
    assert client.acknowledge(oack.source_port, 6) == []
    assert client.wait(1.5) == []
    assert client.dhcp(DISCOVER) is None
    client.now += 1
    assert client.wire.link_wanted(client.port, client.now)
    assert client.acknowledge(oack.source_port, 5)


def test_proxy_names_its_file_before_ours_and_our_server_is_as_usual_ones_are() -> None:
    client = NetClient(wire_with({"boot.ipxe": b"x"}, "proxy-first"))
    offer = client.dhcp(DISCOVER, vendor_class=b"PXEClient", user_class=b"iPXE")
    assert offer
    assert (offer.file, offer.your_ip) == (b"proxy.0", bytes(4))
    named = [(event.kind, event.file) for event in client.wire.events(client.port) if event.file]
    assert named == [(NetEventKind.PROXY_OFFER, "proxy.0"), (NetEventKind.OFFER, "boot.ipxe")]
    ack = client.lease(user_class=b"iPXE")  # no PXE client: the proxy has nothing to say
    assert ack.file == b"boot.ipxe"
    assert not {DhcpOption.IPXE, DhcpOption.VENDOR_OPTIONS} & set(ack.options)
    proxy = offer.options[DhcpOption.SERVER_ID]
    client.udp(69, b"\0\1proxy.0\0octet\0", to=proxy)
    [missing] = client.events(NetEventKind.FILE_MISSING)
    assert (missing.file, missing.at) == ("proxy.0", "10.0.2.4")


@pytest.mark.parametrize(("fault", "first"), [("rival", "boot.ipxe"), ("rival-first", "")])
def test_another_server_offers_an_address_without_a_file(fault: str, first: str) -> None:
    client = NetClient(wire_with({"boot.ipxe": b"x"}, fault))
    offer = client.dhcp(DISCOVER)
    assert offer
    assert offer.file.decode() == first
    offers = client.events(NetEventKind.OFFER)
    assert sorted(event.file for event in offers) == ["", "boot.ipxe"]
    assert any("by another server, 10.0.2.3" in event.text for event in offers)
    server = offer.options[DhcpOption.SERVER_ID]
    ack = client.dhcp(REQUEST, requested_ip=offer.your_ip, server_id=server)
    assert ack
    assert ack.file.decode() == first
    assert [event.file for event in client.events(NetEventKind.ACK)] == [first]
