"""How slow is slower: both ends of a range, booted until it is clear what lies between them.

What is measured is the guest's own clock (`--at-most`), by which boots of the same kernel differ by
0.9 %, whatever else the host does. The ends are booted at least twice each; they are told apart
where they differ by three times as much as boots of the same end, and by a hundredth at least. Who
takes longer than the middle between them is slow.
"""

from concurrent.futures import Executor
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bootharness.bisection.hunt import HuntObserver
from bootharness.bisection.log import Seen
from bootharness.bisection.ranges import Range
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import CouldNotFindOut, NotSlower, UsageError
from bootharness.plan import BootPlan
from bootharness.plan.boot_plan import MOST_SECONDS
from bootharness.routes.table import route_of
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.identity import Identities, own_version
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.work import boot_cell, skipped

__all__ = ["Times", "measured", "step"]

_LEAST_BOOTS, _MOST_BOOTS = 2, 6
_ALL, _MOST_OF_IT = 0.95, 0.5
_SPREADS, _LEAST_SHARE, _LEAST_S = 3, 0.01, 0.02


class Times(Struct, frozen=True):
    """What boots of both ends took, in seconds by the guest's own clock."""

    good: tuple[float, ...] = ()
    bad: tuple[float, ...] = ()

    @property
    def clear(self) -> bool:
        """Whether the bad end is slower beyond what boots of the same end differ by."""
        return self._clear(self.good, self.bad)

    @property
    def faster(self) -> bool:
        """Whether it is the other way round, as clearly."""
        return self._clear(self.bad, self.good)

    def _clear(self, quick: tuple[float, ...], slow: tuple[float, ...]) -> bool:
        if min(len(quick), len(slow)) < _LEAST_BOOTS:
            return False
        spread = max(max(each) - min(each) for each in (quick, slow))
        least = max(_SPREADS * spread, _LEAST_SHARE * max(quick), _LEAST_S)
        return min(slow) - max(quick) >= least

    @property
    def middle(self) -> float:
        """What lies between the ends."""
        return round((max(self.good) + min(self.bad)) / 2, 3)

    def __str__(self) -> str:
        return f"{_range(self.bad)} and the good one {_range(self.good)} by the guest's own clock"


def measured(
    searched: Range, plan: BootPlan, executor: Executor, history: Path, *, cache: bool,
    observer: HuntObserver,
) -> BootPlan:  # fmt: skip
    """Return the plan by which a boot is bad that takes longer than the middle between both ends.

    Raises NotSlower where the bad end is not, beyond what boots of the same end differ by, or
    where an end does not come as far as wanted.
    """
    if plan.at_most_s is not None:
        raise UsageError("--slower finds out what is slow: leave out --at-most")
    observer.preparing("measuring how long both ends take the guest")
    counted = route_of(plan).ready(replace(plan, at_most_s=MOST_SECONDS))
    times, number = Times(), _LEAST_BOOTS
    with History(history) as results:
        ends = [_End(searched, at, counted, executor, results, cache) for at in (0, -1)]
        while not times.clear and number <= _MOST_BOOTS:
            for end in ends:
                end.boot(number)
            if len(kinds := {kind for end in ends for kind in end.kinds}) > 1:
                raise NotSlower(f"the ends were booted by {' and by '.join(sorted(kinds))}: times "
                                "of two kinds are not compared")  # fmt: skip
            times = Times(*(tuple(end.took) for end in ends))
            number += 1
    if times.clear:
        observer.note(f"the bad end takes {times}: more than {times.middle:g} s is slow")
        return replace(counted, at_most_s=times.middle)
    if times.faster:
        raise NotSlower(f"the bad end takes {times}: it is the faster one; swap the ends")
    raise NotSlower(
        f"the bad end takes {times}, which is no more than boots of the same end differ by"
    )


class _End:
    """An end that is booted again and again; ``took`` is how long each took the guest."""

    def __init__(
        self, searched: Range, at: int, plan: BootPlan, executor: Executor, history: History,
        cache: bool,
    ) -> None:  # fmt: skip
        position = at % len(searched)
        self._name = f"the {'bad' if at else 'good'} end, {searched.label(position)},"
        self._executor, self._history = executor, history
        self._cell = Cell(searched.prepare(position), plan)
        self._key = Identities(executor).of(self._cell)
        past = history.find(self._cell, self._key) if cache else None
        self._attempts = [*(history.with_traces(past).attempts if past else ())]
        self.took = [self._took(each) for each in self._attempts]

    @property
    def kinds(self) -> set[str]:
        """By what it was booted: the guest's own clock does not depend on the host's CPU."""
        return {_kind(each.facts) for each in self._attempts}

    def boot(self, number: int) -> None:
        """Boot until so many boots are known."""
        while len(self.took) < number:
            try:
                attempt: Attempt = self._executor.submit(boot_cell, self._cell).result()
            except CouldNotFindOut as error:
                attempt = skipped(error)
            self.took.append(self._took(attempt))
            self._attempts.append(attempt)
            result = CellResult(self._cell, self._key, tuple(self._attempts))
            self._history.add(result, harness=own_version())

    def _took(self, attempt: Attempt) -> float:
        took = attempt.facts.guest_s
        if attempt.verdict is not Verdict.GOOD or took is None:
            why = f"{attempt.cause}: {attempt.sentence}"
            raise NotSlower(f"{self._name} does not come as far as wanted: {why}")
        return took


def step(good: Seen, bad: Seen, ends: tuple[Seen, Seen]) -> str:
    """Return how much slower the first slow one is than the one before, and which part that is
    of what the ends differ by; nothing where it was not measured, or by several QEMUs."""
    if len({_kind(each.facts) for each in (good, bad, *ends)}) > 1:
        return ""
    times = [each.facts.guest_s for each in (good, bad, *ends)]
    known = [each for each in times if each is not None]
    if len(known) < len(times):
        return ""
    before, after, first, last = known
    share = (after - before) / (last - first) if last > first else 0.0
    took = (
        f"{bad.label} takes {after:.3f} s by the guest's own clock and {good.label} {before:.3f} s"
    )
    if share >= _ALL:
        return f"{took}, which is all that the ends differ by"
    part = f"{took}, which is {share:.0%} of what the ends differ by"
    return part if share >= _MOST_OF_IT else f"{part}: it grew in several steps, and this is one"


def _kind(facts: BootFacts) -> str:
    return f"QEMU {facts.qemu_version} ({facts.accelerator})"


def _range(times: tuple[float, ...]) -> str:
    low, high = (f"{each:.3f}" for each in (min(times), max(times)))
    return f"{low} s" if low == high else f"{low} to {high} s"
