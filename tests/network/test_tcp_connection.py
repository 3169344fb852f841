"""The server's end of a TCP connection, by a guest that is written here from RFC 9293."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootharness.network.tcp import ACK, FIN, RESET, SYN, Segment
from bootharness.network.tcp_connection import TcpConnection
from tests.support.tcp_guest import ASKS, Habits, course
from tests.support.tcp_service import Service

GUEST, SERVER = bytes.fromhex("525400123401"), bytes.fromhex("52550a000201")
MASK = 0xFFFFFFFF
MSS, WINDOW_SCALE = bytes.fromhex("020405b4"), bytes.fromhex("01030303")


def segment(
    flags: int,
    sequence: int = 500,
    acknowledged: int = 0,
    payload: bytes = b"",
    window: int = 65535,
    options: bytes = b"",
) -> Segment:
    return Segment(
        SERVER, GUEST, b"\n\0\2\x0f", b"\n\0\2\1", 5000, 80, sequence & MASK, acknowledged & MASK,
        flags, window, options, payload,
    )  # fmt: skip


def parsed(frames: Iterable[bytes | None]) -> list[Segment]:
    found = [Segment.parse(each) for each in frames if each is not None]
    assert all(found)
    return [each for each in found if each]


def opened(
    service: Service, *, begins: int = 1000, room: int | None = None, options: bytes = MSS,
    window: int = 65535,
) -> TcpConnection:  # fmt: skip
    made = TcpConnection(segment(SYN, options=options, window=window), service, begins, room)
    (answer,) = parsed(made.take(segment(SYN), 0.0))
    assert (answer.flags, answer.sequence, answer.acknowledged) == (SYN | ACK, begins, 501)
    assert not parsed(made.take(segment(ACK, 501, begins + 1, window=window), 0.0))
    return made


def said(connection: TcpConnection, now: float = 0.0) -> list[Segment]:
    return parsed(connection.say(now))


def test_window_scale_is_agreed_on_only_where_the_guest_knows_it() -> None:
    for options, agreed in ((MSS + WINDOW_SCALE, True), (MSS, False), (b"", False)):
        made = TcpConnection(segment(SYN, options=options), Service(b""), 1)
        (answer,) = parsed([made.accept(0.0)])
        assert answer.options == MSS + bytes.fromhex("01030300") * agreed


@pytest.mark.parametrize(
    ("options", "size"),
    [(MSS, 1460), (b"", 536), (bytes.fromhex("02040400"), 1024), (bytes.fromhex("0204ffff"), 1460),
     (bytes.fromhex("02040001"), 64), (bytes.fromhex("0101020404000000"), 1024),
     (bytes.fromhex("0200"), 536), (bytes.fromhex("03"), 536)],
)  # fmt: skip
def test_segment_is_as_long_as_the_guest_takes(options: bytes, size: int) -> None:
    made = opened(Service(b"x" * 5000), options=options)
    assert said(made)[0].size == size


def test_no_more_is_on_its_way_than_the_window_has_room_for() -> None:
    made = opened(Service(b"x" * 100_000), window=4000)
    assert [each.size for each in said(made)] == [1460, 1460]
    list(made.take(segment(ACK, 501, 1001 + 1460, window=4000), 0.1))
    assert [each.size for each in said(made)] == [1460]
    list(made.take(segment(ACK, 501, 1001 + 4380, window=100), 0.1))
    assert [each.size for each in said(made)] == [100], "what fits a small window goes"


def test_window_of_a_guest_that_scales_it() -> None:
    made = TcpConnection(segment(SYN, options=MSS + WINDOW_SCALE), Service(b"x" * 100_000), 1000)
    list(made.take(segment(ACK, 501, 1001, window=1000), 0.0))
    assert sum(each.size for each in said(made)) == 8000 // 1460 * 1460


@pytest.mark.parametrize(("room", "most"), [(4, 4), (None, 128)])
def test_card_with_little_room_gets_what_it_has_room_for(room: int | None, most: int) -> None:
    scaled = MSS + bytes.fromhex("0103030e")
    made = opened(Service(b"x" * 1_000_000), room=room, options=scaled)
    assert len(said(made)) == most
    list(made.take(segment(ACK, 501, 1001 + 1460), 0.0))
    assert len(said(made)) == 1


def test_closed_window_is_asked_about_until_it_opens() -> None:
    made = opened(Service(b"x" * 10), window=0)
    assert not said(made)
    (probe,) = parsed(made.due(0.3))
    assert (probe.size, probe.sequence) == (0, 1000), "before the window, so that it answers"
    assert not parsed(made.due(0.31))
    list(made.take(segment(ACK, 501, 1001), 1.0))
    assert said(made)[0].payload == b"x" * 10


def test_lost_segment_is_sent_again_after_three_duplicates_and_once() -> None:
    made = opened(Service(b"x" * 14600))
    sent = said(made)
    list(made.take(segment(ACK, 501, 1001 + 1460), 0.0))
    again = [parsed(made.take(segment(ACK, 501, 1001 + 1460), 0.0)) for _ in range(5)]
    assert [len(each) for each in again] == [0, 0, 1, 0, 0]
    assert again[2] == [sent[1]]
    # the next hole is filled as soon as it is known: RFC 6582
    assert parsed(made.take(segment(ACK, 501, 1001 + 4380), 0.0)) == [sent[3]]


def test_what_is_not_acknowledged_is_sent_again_later_and_later() -> None:
    made = opened(Service(b"x" * 100, stays=True))
    (sent,) = said(made)
    times, now = [], 0.0
    while now < 10:
        now += 0.05
        if parsed(made.due(now)) == [sent]:
            times.append(now)
    apart = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) >= 4
    assert [round(each, 1) for each in apart] == sorted(round(each, 1) for each in apart)


def test_connection_is_taken_up_again_where_that_was_lost() -> None:
    made = TcpConnection(segment(SYN), Service(b"x"), 1000)
    first = made.accept(0.0)
    assert not list(made.say(0.0)), "nothing is said before the guest has answered"
    assert list(made.due(0.3)) == [first]
    assert list(made.take(segment(SYN), 0.4)) == [first]


def test_request_is_heard_once_and_in_order() -> None:
    service = Service(b"", stays=True)
    made = opened(service)
    (ack,) = parsed(made.take(segment(ACK, 501, 1001, b"GET "), 0.0))
    assert ack.acknowledged == 505
    for late in (segment(ACK, 501, 1001, b"GET "), segment(ACK, 510, 1001, b"later")):
        (ack,) = parsed(made.take(late, 0.0))
        assert ack.acknowledged == 505
    list(made.take(segment(ACK, 503, 1001, b"T /a"), 0.0))
    assert service.heard == b"GET /a"


def test_what_the_service_has_no_room_for_is_not_acknowledged() -> None:
    service = Service(b"", room=3, stays=True)
    made = opened(service)
    (ack,) = parsed(made.take(segment(ACK | FIN, 501, 1001, b"GET /"), 0.0))
    assert (ack.acknowledged, service.finished) == (504, False)
    (ack,) = parsed(made.take(segment(ACK | FIN, 504, 1001, b" /"), 0.0))
    assert (ack.acknowledged, service.finished) == (507, True)


def test_end_of_both_sides_ends_it() -> None:
    service = Service(b"abc")
    made = opened(service)
    data, end = said(made)
    assert (data.payload, end.flags, end.sequence) == (b"abc", FIN | ACK, 1004)
    assert parsed(made.due(0.3)) == [data]
    list(made.take(segment(ACK, 501, 1004), 0.4))
    assert parsed(made.due(1.0)) == [end], "the end is sent again as all else is"
    list(made.take(segment(ACK, 501, 1005), 1.1))
    assert not made.over
    (ack,) = parsed(made.take(segment(FIN | ACK, 501, 1005), 1.2))
    assert (ack.acknowledged, ack.sequence) == (502, 1005)
    assert made.lingers
    assert service.closed
    assert not list(made.due(3.3))
    assert made.over


def test_guest_that_resets_ends_it_and_so_do_we() -> None:
    service = Service(b"abc", stays=True)
    made = opened(service)
    list(made.take(segment(RESET, 501), 0.0))
    assert made.over
    assert service.closed
    assert not list(made.say(0.0))
    other = opened(Service(b"abc", stays=True))
    said(other)
    (broken,) = parsed([other.break_off()])
    assert (broken.flags, broken.sequence) == (RESET | ACK, 1004)
    assert other.over


def test_acknowledgement_of_what_was_never_sent_counts_for_nothing() -> None:
    made = opened(Service(b"x" * 3000, stays=True))
    said(made)
    for number in (1001 + 3001, 1000, 1001 - 5000):
        list(made.take(segment(ACK, 501, number), 0.0))
        assert made.acked == 0
    list(made.take(segment(ACK, 501, 1001 + 3000), 0.0))
    assert made.acked == made.sent == 3000


@pytest.mark.parametrize("number", [1000, 1002, 5])
def test_connection_is_taken_up_by_the_acknowledgement_of_that_alone(number: int) -> None:
    made = TcpConnection(segment(SYN), Service(b"x"), 1000)
    made.accept(0.0)
    (refused,) = parsed(made.take(segment(ACK, 501, number, b"GET /"), 0.0))
    assert (refused.flags & RESET, refused.sequence) == (RESET, number)
    assert not list(made.take(segment(0, 501, 0, b"GET /"), 0.0)), "nothing is acknowledged"
    assert (made.opened, made.over) == (False, False)
    list(made.take(segment(ACK, 501, 1001), 0.0))
    assert made.opened


@pytest.mark.parametrize("opens", [False, True])
@pytest.mark.parametrize(
    ("sequence", "over"),
    [(501, True), (500, True), (501 + 0xFFFE, True), (501 + 0xFFFF, False), (400, False)],
)
def test_reset_counts_within_the_window_in_every_state(
    opens: bool, sequence: int, over: bool
) -> None:
    service = Service(b"", stays=True)
    made = opened(service) if opens else TcpConnection(segment(SYN), service, 1000)
    assert not list(made.take(segment(RESET, sequence), 0.0))
    assert made.over is service.closed is over


def test_guest_that_is_at_another_place_is_told_where_we_are() -> None:
    made = opened(Service(b"", stays=True))
    for each in (segment(ACK, 500, 1001), segment(ACK, 501, 1001 + 9, b"GET /")):
        (told,) = parsed(made.take(each, 0.0))
        assert (told.flags, told.sequence, told.acknowledged) == (ACK, 1001, 501)
    assert not list(made.take(segment(ACK, 501, 1001), 0.0))


def test_late_word_of_a_window_does_not_count() -> None:
    made = opened(Service(b"x" * 1000), window=0)
    list(made.take(segment(ACK, 501, 1001, b"GET ", window=1000), 0.0))
    list(made.take(segment(ACK, 505, 1001, window=2000), 0.0))
    list(made.take(segment(ACK, 501, 1001, b"GET ", window=0), 0.0))
    list(made.take(segment(ACK, 515, 1001, window=0), 0.0))
    assert sum(each.size for each in said(made)) == 1000


def test_guest_that_rests_is_asked_often_enough_to_go_on_at_once() -> None:
    made = opened(Service(b"x" * 100, stays=True))
    said(made)
    times = [now / 20 for now in range(1, 800) if parsed(made.due(now / 20))]
    assert times[-1] > 39
    assert max(later - earlier for earlier, later in pairwise(times)) < 1.1


def test_who_ends_first_answers_the_other_end_again_and_then_no_more() -> None:
    for guest_first in (False, True):
        service = Service(b"", stays=True)
        made = opened(service)
        if guest_first:
            list(made.take(segment(FIN | ACK, 501, 1001), 0.0))
        service.stays = False
        assert [each.flags for each in said(made)] == [FIN | ACK]
        list(made.take(segment(FIN | ACK, 501, 1002), 0.0))
        assert (service.closed, made.over, made.lingers) == (True, guest_first, not guest_first)
        if not guest_first:
            (again,) = parsed(made.take(segment(FIN | ACK, 501, 1002), 1.0))
            assert (again.sequence, again.acknowledged) == (1002, 502)
            assert not list(made.due(3.0))
            assert made.over


def test_both_may_end_at_once() -> None:
    made = opened(Service(b""))
    assert [each.flags for each in said(made)] == [FIN | ACK]
    (ack,) = parsed(made.take(segment(FIN | ACK, 501, 1001), 0.0))
    assert (ack.flags, ack.sequence, ack.acknowledged, made.lingers) == (ACK, 1002, 502, False)
    assert not list(made.take(segment(ACK, 502, 1002), 0.0))
    assert made.lingers


HABITS = st.builds(
    Habits,
    size=st.sampled_from([0, 1, 1460, 5000, 50_000]),
    begins=st.sampled_from([1000, MASK - 3000, MASK // 2 - 3000]),
    own_begins=st.sampled_from([500, MASK - 7, MASK]),
    window=st.sampled_from([600, 1460, 4096, 8192, 65_535]),
    mss=st.sampled_from([536, 1024, 1460]),
    scale=st.sampled_from([None, 0, 3, 9]),
    room=st.sampled_from([None, 4, 8]),
    keeps_early=st.booleans(),
    every=st.sampled_from([1, 2, 4]),
    reads=st.sampled_from([1 << 30, 5000]),
    tells=st.sampled_from([1, 300]),
    rests_at=st.sampled_from([1 << 40, 0, 4000]),
    rests=st.sampled_from([1.0, 10.0, 40.0]),
    ring=st.sampled_from([1 << 30, 8, 64]),
    loss=st.sampled_from([0.0, 0.0, 0.02, 0.1]),
    swap=st.sampled_from([0.0, 0.0, 0.05, 0.3]),
    twice=st.sampled_from([0.0, 0.05]),
    ends_first=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(HABITS, st.integers(0, 2**32))
def test_all_arrives_at_a_guest_of_any_habits_over_a_wire_that_loses_and_swaps(
    habits: Habits, seed: int
) -> None:
    went = course(habits, seed)
    assert went.came == went.wanted
    assert went.heard == ASKS
    assert went.over
    assert went.guest_over
    if not habits.loss:
        assert went.longest_silence < 1.6, "who takes frames again gets some within a second"
    if not habits.loss and not habits.swap and habits.ring > 64:
        assert went.sent_bytes <= 2 * habits.size + 45 * 1460, "nothing goes round in circles"
