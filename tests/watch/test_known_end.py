"""A loop that was proven to lead nowhere is known again; no other is."""

import pytest
from msgspec.structs import replace

from bootharness.trace.boot_trace import Ending
from bootharness.watch.known_end import KnownEnd
from tests.support.traces import handoff, loading_trace, read
from tests.watch.test_hang import look

LOOPS, BACK, RETURNS = 0x1E000, 0x1E010, 0xFFF53
TRACE = replace(
    loading_trace(1600, [read(2052, 4)], ending="loop"),
    samples=(look(LOOPS), look(BACK), look(LOOPS)),
    handoff=handoff(1),
)
THERE = [look(BACK), look(LOOPS)]


def end() -> KnownEnd:
    known = KnownEnd.of(TRACE)
    assert known
    return known


def test_who_is_seen_where_the_other_was_has_ended_as_that() -> None:
    assert end().kind == "loop"
    assert end().is_there(THERE, 1, 0.5, entered=True)


def test_one_look_may_be_by_chance_and_one_elsewhere_is_another_end() -> None:
    assert not end().is_there(THERE[:1], 1, 0.5, entered=True)
    assert not end().is_there([*THERE, look(0x7C40)], 1, 0.5, entered=True)


def test_of_a_long_loop_it_is_seen_anywhere_and_for_longer() -> None:
    anywhere = [look(0x5C961), look(0x62C81)]
    assert not end().is_there(anywhere, 1, 2.9, entered=True)
    assert end().is_there(anywhere, 1, 3.1, entered=True)
    assert not end().is_there(anywhere[:1], 1, 3.1, entered=True)
    assert not end().is_there(anywhere, 0, 3.1, entered=True)


def test_who_raises_exceptions_all_the_while_is_stopped_at_them_and_seen_there_at_once() -> None:
    looks = [look(LOOPS), look(RETURNS)]
    known = KnownEnd.of(replace(TRACE, samples=tuple(looks)))
    assert known
    assert known.raises
    assert not known.is_there(looks, 1, 0.5, entered=True)
    assert known.is_there(looks, 1, 3.1, entered=True)
    by_the_timer = KnownEnd.of(replace(TRACE, samples=(*[look(LOOPS)] * 9, look(RETURNS))))
    assert by_the_timer
    assert not by_the_timer.raises


def test_who_has_made_other_calls_or_entered_no_kernel_may_go_on() -> None:
    assert not end().is_there(THERE, 0, 0.5, entered=True)
    assert not end().is_there(THERE, 1, 0.5, entered=False)
    left_out = KnownEnd.of(replace(TRACE, calls_left_out=5))
    assert left_out
    assert left_out.is_there(THERE, 6, 0.5, entered=True)


@pytest.mark.parametrize("kind", ["idle", "timeout", "guest-reset", "reached"])
def test_only_of_a_loop_nothing_more_is_to_come(kind: str) -> None:
    assert KnownEnd.of(replace(TRACE, ending=Ending(kind, 1.0))) is None
    assert KnownEnd.of(replace(TRACE, samples=())) is None
