"""The search alone, on synthetic histories: nothing is booted."""

from itertools import pairwise, permutations
from math import log2
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bootharness.bisection.evidence import STEADY, Tally, bad_probability, posterior
from bootharness.bisection.search import DEFAULT_CONFIDENCE, Found, Lost, Observation, Search
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from tests.bench.bisect import measure
from tests.bench.histories import History, hunt

GOOD, BAD, SKIP = Verdict.GOOD, Verdict.BAD, Verdict.SKIP
WRAPPED = "destination-wrapped"


def seen(position: int, verdict: Verdict, cause: str | None = None) -> Observation:
    return Observation(position, verdict, WRAPPED if verdict is BAD and cause is None else cause)


def begun(size: int, **options: object) -> Search:
    """Return a search whose ends have been seen."""
    search = Search(size, **options)  # type: ignore[arg-type]
    return search.observed(seen(size - 1, BAD), seen(0, GOOD))


def test_thousand_commits_with_flickering_boots_100_of_100() -> None:
    line = measure(1_000, flicker=0.1, seeds=100)
    assert line.right == 100
    assert line.ratio <= 0.7


def test_reliable_boots_are_few() -> None:
    line = measure(1_000, flicker=0.0, seeds=20)
    assert line.right == 20
    assert line.most_boots <= log2(1_000) + 4  # both ends, and one more on each side of the turn
    assert line.ratio <= 0.7


def test_hang_that_never_flickers_takes_four_boots_more() -> None:
    """Each neighbour of the answer is booted twice more, for it may have been chance."""
    line = measure(1_000, flicker=0.0, seeds=20, hang=True)
    assert line.right == 20
    assert line.most_boots <= log2(1_000) + 8


@pytest.mark.parametrize("size", [2, 3, 7, 10, 33, 100, 10_000, 100_000])
def test_what_memory_proves_is_hardly_repeated(size: int) -> None:
    for seed in range(30):
        done = hunt(History.make(seed, size=size), seed, confidence=DEFAULT_CONFIDENCE)
        assert done.boots <= log2(size) + 4


def test_what_may_differ_from_boot_to_boot_is_repeated() -> None:
    """By the same boots: a hang may have been chance, and a wrapped destination not."""
    by_cause = {}
    for cause in (WRAPPED, "kernel-hang"):
        search = Search(1_000)
        while search.result is None:
            (at,) = search.next()
            bad = at >= 501
            told = Observation(at, BAD if bad else GOOD, cause if bad else None)
            search = search.observed(told)
        assert isinstance(search.result, Found)
        assert search.result.bad == 501
        by_cause[cause] = len(search.observations)
    assert by_cause[WRAPPED] <= log2(1_000) + 4
    assert by_cause["kernel-hang"] > by_cause[WRAPPED] + 2


def test_a_proof_that_was_contradicted_is_one_no_more() -> None:
    ends = (seen(999, BAD), seen(0, GOOD))
    search = Search(1_000).observed(*ends, seen(500, GOOD), seen(501, BAD), seen(501, GOOD))
    boots = 0
    while search.result is None:
        (at,) = search.next()
        search, boots = search.observed(seen(at, BAD if at >= 501 else GOOD)), boots + 1
    assert isinstance(search.result, Found)
    assert search.result.bad == 501
    assert boots > 4


@given(
    size=st.integers(2, 1_000_000),
    where=st.floats(0, 1, exclude_max=True),
    workers=st.integers(1, 5),
)
def test_any_turn_of_any_range_is_found(size: int, where: float, workers: int) -> None:
    turn = 1 + int(where * (size - 1))
    history = History(size, turn, frozenset(), 0.0)
    done = hunt(history, 0, confidence=DEFAULT_CONFIDENCE, workers=workers)
    assert isinstance(done.result, Found)
    assert (done.result.good, done.result.bad) == (turn - 1, turn)
    assert done.result.confidence >= DEFAULT_CONFIDENCE
    assert done.time <= 2 + 10 + 2 * log2(size)


def test_both_ends_are_seen_first_the_bad_one_before_the_good_one() -> None:
    search = Search(100)
    assert search.next(workers=1) == (99,)
    assert search.next(workers=2) == (99, 0)
    assert search.next(pending=(99,), workers=1) == (0,)
    assert search.next(pending=(99, 0), workers=5) == ()


def test_workers_split_what_is_likely_in_equal_parts() -> None:
    search = begun(1001)
    assert search.next(workers=1) == (500,)
    assert search.next(workers=3) == (250, 500, 750)
    # one that is on its way counts as a border
    (other,) = search.next(pending=(500,), workers=1)
    assert other in (250, 750)


@pytest.mark.parametrize(("cause", "repeated"), [(WRAPPED, ()), ("kernel-hang", (1,))])
def test_who_waits_says_nothing_again_that_is_proven(cause: str, repeated: tuple[int, ...]) -> None:
    """Of three places two are left, and one of them is being tried."""
    search = Search(4).observed(seen(3, BAD, cause), seen(0, GOOD), seen(1, GOOD))
    assert search.next(workers=1) == (2,)
    assert search.next(pending=(2,), workers=1) == repeated


@pytest.mark.parametrize(("position", "verdict", "end"), [(0, BAD, "good"), (9, GOOD, "bad")])
def test_wrong_end_is_no_answer(position: int, verdict: Verdict, end: str) -> None:
    search = Search(10).observed(seen(9 - position, GOOD if verdict is BAD else BAD))
    if position == 0:
        search = search.observed(seen(9, BAD))
    for _ in range(4):
        assert search.result is None
        assert search.next() == (position,)
        search = search.observed(seen(position, verdict))
    assert isinstance(search.result, Lost)
    assert search.result.position == position
    assert search.result.reason.startswith(f"the {end} end is {verdict}")
    assert search.next() == ()


def test_end_that_cannot_be_had_is_no_answer() -> None:
    search = Search(10).observed(seen(9, SKIP, "kernel-unavailable"))
    assert isinstance(search.result, Lost)
    assert search.result.reason == "the bad end tells nothing: kernel-unavailable"


def test_good_end_with_another_fault_is_no_good_end() -> None:
    search = Search(10).observed(seen(9, BAD), seen(0, BAD, "no-init"))
    assert isinstance(search.result, Lost)
    assert search.result.reason == "the good end is bad too, with no-init"


def test_another_cause_tells_nothing_unless_any_will_do() -> None:
    search = begun(3).observed(seen(1, BAD, "kernel-panic"))
    assert search.skipped == {1}
    assert isinstance(search.result, Found)
    assert list(search.result.candidates) == [1, 2]
    other = replace(search, any_cause=True)
    assert not other.skipped
    assert other.tallies[1] == Tally(bad=1)


def test_answer_between_commits_that_cannot_be_built_names_them_all() -> None:
    search = begun(5, confidence=0.9).observed(*(seen(at, SKIP, "build-failed") for at in (2, 3)))
    while search.result is None:
        (at,) = search.next()
        search = search.observed(seen(at, GOOD if at < 2 else BAD))
    assert isinstance(search.result, Found)
    assert list(search.result.candidates) == [2, 3, 4]


def test_long_stretch_that_cannot_be_built_is_gone_round() -> None:
    history = History(1_000, 500, frozenset(range(400, 600)), 0.0)
    done = hunt(history, 0, confidence=DEFAULT_CONFIDENCE)
    assert isinstance(done.result, Found)
    assert set(range(400, 600)) <= set(done.result.candidates)
    assert len(done.result.candidates) < 250
    assert done.builds - done.boots < 130


class TwoTurns(History):
    """Bad, good again, and bad for good."""

    def boot(self, position: int, random: Random) -> Observation:
        del random
        return seen(position, BAD if 200 <= position < 400 or position >= self.turn else GOOD)


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_range_that_turns_more_than_once_is_told_of(workers: int) -> None:
    done = hunt(TwoTurns(1_000, 700, frozenset(), 0.0), 0, confidence=0.999, workers=workers)
    assert isinstance(done.result, Found)
    assert (done.result.good, done.result.bad) == (699, 700)
    ((bad, good),) = ((each.bad, each.good) for each in done.result.inversions)
    assert 200 <= bad < 400 <= good < 700


class Race(History):
    """A bug that shows in every other boot."""

    def boot(self, position: int, random: Random) -> Observation:
        bad = position >= self.turn and random.random() < 0.5
        return seen(position, BAD if bad else GOOD, "kernel-hang" if bad else None)


def test_bug_that_shows_every_other_time_is_found_where_it_began() -> None:
    right = 0
    for seed in range(10):
        history = Race(1_000, History.make(seed, size=1_000).turn, frozenset(), 0.0)
        result = hunt(history, seed, confidence=0.999).result
        if isinstance(result, Lost):  # the bad end was good, time and again
            assert result.position == 999
        else:
            assert (result.good, result.bad) == history.answer
            right += 1
    assert right >= 7


def test_boots_that_tell_nothing_at_all_come_to_an_end() -> None:
    random = Random(1)
    search = begun(100)
    while search.result is None:
        (at,) = search.next()
        search = search.observed(seen(at, random.choice((GOOD, BAD))))
    assert len(search.observations) < 300


def test_order_of_what_was_seen_does_not_matter() -> None:
    what = [seen(9, BAD), seen(0, GOOD), seen(4, BAD), seen(4, GOOD), seen(2, SKIP, "build-failed")]
    found = {Search(10).observed(*order).next() for order in permutations(what)}
    assert len(found) == 1


def test_steps_left_shrink_to_nothing() -> None:
    search, left = Search(1_000), [Search(1_000).steps_left()]
    while search.result is None:
        (at,) = search.next()
        search = search.observed(seen(at, BAD if at >= 300 else GOOD))
        left.append(search.steps_left())
    assert left[0] >= log2(1_000)
    assert left[-1] == 0
    assert all(0 < each <= before for before, each in pairwise(left[:-1]))
    assert Search(1_000).steps_left(workers=3) < left[0]


@pytest.mark.parametrize(("position", "verdict"), [(0, BAD), (999, GOOD)])
def test_steps_left_are_few_while_an_end_is_not_what_was_said_of_it(
    position: int, verdict: Verdict
) -> None:
    search, left = Search(1_000), []
    while search.result is None:
        (at,) = search.next()
        search = search.observed(seen(at, verdict if at == position else BAD if at else GOOD))
        left.append(search.steps_left())
    assert left[-4:] == [3, 2, 1, 0]


def test_posterior_of_one_boot() -> None:
    blocks = posterior({5: Tally(bad=1)}, 0, 10, never_wrong=STEADY)
    flickering = posterior({5: Tally(bad=1)}, 0, 10)
    assert bad_probability(flickering, 5) < bad_probability(blocks, 5) < 1
    assert [(block.first, block.last) for block in blocks] == [(1, 5), (6, 10)]
    assert sum(block.mass for block in blocks) == pytest.approx(1)
    # it hardly ever tells wrong
    assert bad_probability(blocks, 5) > 0.99
    assert bad_probability(blocks, 10) == pytest.approx(1)


@pytest.mark.parametrize(("size", "confidence"), [(1, 0.9), (10, 1.0), (10, 0.1)])
def test_what_cannot_be_searched(size: int, confidence: float) -> None:
    with pytest.raises(UsageError):
        Search(size, confidence=confidence)
