"""When two ends differ in their time beyond noise, and what is said of a step between them."""

from pathlib import Path

import pytest

from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.log import Seen
from bootharness.bisection.ranges import KernelRange
from bootharness.bisection.slower import Times, measured, step
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import NotSlower, UsageError
from bootharness.plan import BootPlan
from bootharness.runs.result import BootFacts
from tests.bisection.test_hunt import Timer


@pytest.mark.parametrize(
    ("good", "bad", "clear"),
    [
        ((1.0, 1.001), (1.05, 1.051), True),
        ((1.0,), (2.0, 2.0), False),  # one boot says nothing of noise
        ((1.0, 1.1), (1.2, 1.2), False),  # no more than the good ones differ by, twice
        ((1.0, 1.1), (1.5, 1.6), True),
        ((1.0, 1.0), (1.005, 1.005), False),  # half a hundredth
        ((0.01, 0.01), (0.02, 0.02), False),  # a hundredth of a second
        ((2.0, 2.0), (1.0, 1.0), False),
    ],
)
def test_slower_is_what_noise_does_not_explain(
    good: tuple[float, ...], bad: tuple[float, ...], *, clear: bool
) -> None:
    assert Times(good, bad).clear is clear
    assert Times(bad, good).faster is clear


def seen(label: str, guest_s: float | None) -> Seen:
    facts = BootFacts(guest_s=guest_s)
    return Seen(0, label, "", "", Verdict.GOOD, None, "", facts=facts)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (1.0, 2.0, "v2 takes 2.000 s by the guest's own clock and v1 1.000 s, which is all that "
                   "the ends differ by"),
        (1.1, 1.9, "which is 80% of what the ends differ by"),
        (1.3, 1.6, "which is 30% of what the ends differ by: it grew in several steps, and this "
                   "is one"),
    ],
)  # fmt: skip
def test_step_is_compared_with_what_the_ends_differ_by(
    before: float, after: float, words: str
) -> None:
    ends = seen("v0", 1.0), seen("v9", 2.0)
    assert step(seen("v1", before), seen("v2", after), ends).endswith(words)
    assert not step(seen("v1", None), seen("v2", after), ends)


def measure(folder: Path, timer: Timer, plan: BootPlan | None = None) -> BootPlan:
    kernels = KernelRange(tuple(f"selfcheck:{size}" for size in (1600, 3200)))
    return measured(kernels, plan or BootPlan(), timer, folder / "history", cache=True,
                    observer=HuntObserver())  # fmt: skip


def test_middle_between_the_ends_is_what_a_boot_may_take(tmp_path: Path) -> None:
    timer = Timer({1600: [1.0, 1.01], 3200: [2.0, 2.01]})
    plan = measure(tmp_path, timer)
    assert plan.at_most_s == 1.505
    assert timer.booted == 4
    # what was measured is kept, so that the hunt that was killed is the same one
    assert measure(tmp_path, Timer({})) == plan


def test_ends_that_overlap_are_booted_more_often(tmp_path: Path) -> None:
    timer = Timer({1600: [1.0, 1.2, 1.0], 3200: [1.5, 1.7, 1.9]})
    with pytest.raises(IndexError):  # more boots are wanted
        measure(tmp_path, timer)


@pytest.mark.parametrize(
    ("good", "bad", "why"),
    [
        ([1.0, 1.2] * 3, [1.1, 1.3] * 3, "no more than boots of the same end differ by"),
        ([2.0] * 6, [1.0] * 6, "it is the faster one; swap the ends"),
        ([None], [1.0], "the good end, selfcheck:1600, does not come as far as wanted: no-init"),
    ],
)
def test_noise_is_no_answer(
    tmp_path: Path, good: list[float | None], bad: list[float | None], why: str
) -> None:
    with pytest.raises(NotSlower, match=why):
        measure(tmp_path, Timer({1600: good, 3200: bad}))


def test_who_knows_what_is_slow_need_not_find_it_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave out --at-most"):
        measure(tmp_path, Timer({}), BootPlan(at_most_s=1.0))
