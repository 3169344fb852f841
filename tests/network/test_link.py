"""Frames in a stream and in datagrams: cut anywhere, too many of them, and from nobody."""

import socket
from collections.abc import Iterator
from random import Random

import pytest

from bootharness.errors import FormatError
from bootharness.network.link import QUEUE_FRAMES, Datagrams, FrameStream, Link, framed
from tests.support.guest_end import receive, send

KINDS = [FrameStream, Datagrams]
Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, guest = socket.socketpair()
    with ours, guest:
        yield ours, guest


def test_frames_come_whole_wherever_the_stream_is_cut(ends: Ends) -> None:
    link, chance = FrameStream(ends[0]), Random(3)
    frames = [chance.randbytes(chance.choice([0, 1, 60, 1514, 65_536])) for _ in range(40)]
    stream, came = b"".join(map(framed, frames)), []
    while stream:
        cut = chance.randint(1, 9000)
        ends[1].sendall(stream[:cut])
        stream = stream[cut:]
        came += link.receive()
    assert came + list(link.receive()) == frames
    assert not list(link.receive())


def test_what_there_is_no_room_for_goes_later_whole_and_in_order(ends: Ends) -> None:
    ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 5000)
    link = FrameStream(ends[0])
    frames = [bytes([number]) * (1000 + number) for number in range(200)]
    for each in frames:
        link.put(each)
    assert not link.flush()
    came = []
    while len(came) < len(frames):
        came.append(receive(ends[1]))
        link.flush()
    assert came == frames
    assert link.flush()
    assert link.dropped == 0


@pytest.mark.parametrize("kind", KINDS)
def test_more_than_that_is_dropped_and_never_a_part_of_a_frame(kind: type[Link]) -> None:
    how = socket.SOCK_DGRAM if kind is Datagrams else socket.SOCK_STREAM
    ours, guest = socket.socketpair(socket.AF_UNIX, how)
    with ours, guest:
        link = kind(ours)  # type: ignore[call-arg]
        sent = [number.to_bytes(2, "big") * 700 for number in range(6 * QUEUE_FRAMES)]
        for each in sent:
            link.put(each)
        assert link.dropped
        came = []
        guest.settimeout(0.0)
        while not link.flush() or len(came) + link.dropped < len(sent):
            guest.settimeout(10.0)
            came.append(receive(guest) if kind is FrameStream else guest.recv(1 << 16))
        numbers = [int.from_bytes(each[:2], "big") for each in came]
        assert numbers == sorted(set(numbers))
        assert came == [sent[number] for number in numbers]
        assert len(came) + link.dropped == len(sent)


@pytest.mark.parametrize("kind", KINDS)
def test_guest_that_is_gone_takes_nothing_and_says_nothing(kind: type[Link], ends: Ends) -> None:
    link = kind(ends[0])  # type: ignore[call-arg]
    send(ends[1], b"last")
    ends[1].close()
    if kind is FrameStream:
        assert list(link.receive()) == [b"last"]
        assert not list(link.receive())
    for _ in range(3):
        link.put(b"frame")
        assert link.flush()
    assert link.dropped == 3


def test_what_is_no_frame_is_refused(ends: Ends) -> None:
    link = FrameStream(ends[0])
    ends[1].sendall((1 << 20).to_bytes(4, "big"))
    with pytest.raises(FormatError, match=r"a frame of 1,048,576 bytes"):
        list(link.receive())
