"""Where to look next for the place at which a range turns bad, and what is known by now.

A search is a value: what was seen, and nothing else. It boots nothing, so the same search
answers in a test, in a simulation of a thousand commits, and when a log is replayed.

    good end                                                      bad end
    0 ......... low ............. ? ............................. size - 1

Both ends are seen first. Then every worker that is free is sent where a boot splits what is
likely in equal parts: in two with one worker, in three with two. Positions that tell nothing
(SKIP) are skipped, the farther the more of them there are. When the answer is likely
enough, that is the answer; boots that flicker have then been repeated as often as it takes. What
calls and memory prove is hardly expected to flicker, and is not repeated for that.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import ceil, log2

from msgspec import Struct
from msgspec.structs import replace

from bootharness.bisection.evidence import (
    BUILT,
    FLICKERING,
    PERSISTS,
    STEADY,
    Block,
    Inversion,
    Tally,
    bits,
    entropy_bits,
    flicker_rate,
    inversions,
    posterior,
)
from bootharness.bisection.splitting import Splitting
from bootharness.diagnosis.causes import CAUSES
from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError

__all__ = ["DEFAULT_CONFIDENCE", "Found", "Lost", "Observation", "Search"]

DEFAULT_CONFIDENCE = 0.99

_AGREE = 4
"""How often an end may contradict what was said of it before that is believed; a build once."""
_MOST_SKIPS = 24
"""So many positions that tell nothing, scattered over a stretch, stand for all of it."""
_NEAR = 20
_BOOTS_PER_BIT = 40
_AT_LEAST_BOOTS = 100


class Observation(Struct, frozen=True):
    """What one boot said of a position; ``cause`` is a bad one's."""

    position: int
    verdict: Verdict
    cause: str | None = None


class Found(Struct, frozen=True):
    """The answer: the range is good up to ``good`` and bad from ``bad`` on.

    Between them lies only what tells nothing: then the first bad one is any of the
    ``candidates``. ``flicker`` is which part of all boots gave a wrong verdict.
    """

    good: int
    bad: int
    confidence: float
    flicker: float
    inversions: tuple[Inversion, ...]

    @property
    def candidates(self) -> range:
        """Every position that can be the first bad one."""
        return range(self.good + 1, self.bad + 1)


class Lost(Struct, frozen=True):
    """That there is no answer, and why; ``position`` is whose fault it is."""

    reason: str
    position: int | None = None


class Search(Struct, frozen=True, dict=True):
    """A search in a range of ``size`` positions, the first said to be good, the last to be bad.

    ``sought`` is the cause of the bad end, or the one that is given as ``cause``: a bad boot with
    another one tells nothing about it. None takes every bad boot for bad, and so does a search
    that does not know it yet. Where ``builds_only`` were seen none is repeated without a reason.
    At the positions that are ``void`` there is nothing.
    """

    size: int
    confidence: float = DEFAULT_CONFIDENCE
    any_cause: bool = False
    observations: tuple[Observation, ...] = ()
    cause: str | None = None
    builds_only: bool = False
    void: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if self.size < 2:
            raise UsageError(
                f"a range has at least two kernels, a good one and a bad one; this has {self.size}"
            )
        if not 0.5 <= self.confidence < 1:
            raise UsageError("a confidence is at least 0.5 and less than 1")

    def observed(self, *observations: Observation) -> "Search":
        """Return the search that knows more."""
        return replace(self, observations=(*self.observations, *observations))

    def without(self, positions: Iterable[int]) -> "Search":
        """Return the search that knows that nothing is there."""
        return replace(self, void=self.void | {*positions})

    @cached_property
    def sought(self) -> str | None:
        """The cause that is looked for: the one that the bad end shows most often."""
        if self.any_cause or self.cause:
            return self.cause
        causes = Counter(
            each.cause
            for each in self.observations
            if each.position == self.size - 1 and each.verdict is Verdict.BAD
        )
        return causes.most_common(1)[0][0] if causes else None

    def meaning(self, observation: Observation) -> Verdict:
        """Return what a boot says about the sought cause: another cause says nothing."""
        bad = observation.verdict is Verdict.BAD
        if bad and self.sought is not None and observation.cause != self.sought:
            return Verdict.SKIP
        return observation.verdict

    @cached_property
    def tallies(self) -> dict[int, Tally]:
        """How often each position was good, and bad."""
        found: dict[int, Tally] = {}
        for each in self.observations:
            seen = found.get(each.position, Tally())
            match self.meaning(each):
                case Verdict.GOOD:
                    found[each.position] = Tally(seen.good + 1, seen.bad)
                case Verdict.BAD:
                    found[each.position] = Tally(seen.good, seen.bad + 1)
        return found

    @cached_property
    def skipped(self) -> frozenset[int]:
        """The positions that told nothing."""
        return frozenset(each.position for each in self.observations) - set(self.tallies)

    @cached_property
    def inversions(self) -> tuple[Inversion, ...]:
        """Every turn from bad to good that flickering does not explain."""
        return tuple(inversions(self.tallies)) if self._steady else ()

    @property
    def _steady(self) -> bool:
        """Whether no position ever said both."""
        return not any(tally.good and tally.bad for tally in self.tallies.values())

    @property
    def low(self) -> int:
        """The good end of what is searched: behind the last turn from bad to good."""
        return self.inversions[-1].good if self.inversions else 0

    @cached_property
    def blocks(self) -> list[Block]:
        """Where the range may turn bad, and how likely that is."""
        return posterior(self.tallies, self.low, self.size - 1, never_wrong=self._never_wrong)

    @property
    def _never_wrong(self) -> float:
        """How probable it is beforehand that no boot is ever wrong."""
        cause = CAUSES.get(self.sought or "")
        if self.builds_only:
            return BUILT
        return STEADY if cause is not None and cause.steady else FLICKERING

    @cached_property
    def result(self) -> Found | Lost | None:
        """The answer, or why there is none; None while there is something to find out."""
        for position, claimed in ((0, Verdict.GOOD), (self.size - 1, Verdict.BAD)):
            lost = self._wrong_end(position, claimed)
            if lost:
                return lost
        if not self._ends_seen or self._unexplained():
            return self._exhausted()
        best = max(self.blocks, key=lambda block: block.mass)
        if best.mass >= self.confidence and self._silent(best):
            flicker = flicker_rate(self.tallies, best.last)
            if self.inversions:
                flicker = 0.0
            return Found(best.first - 1, best.last, best.mass, flicker, self.inversions)
        return self._exhausted()

    def _silent(self, block: Block) -> bool:
        """Return whether nothing in a block tells anything, or so much of it that the rest is
        not worth its time: many positions all over it."""
        between = range(block.first, block.last)
        if all(at in self.void or at in self.skipped for at in between):
            return True
        silent = [at for at in self.skipped if at in between]
        if len(silent) < min(len(between), _MOST_SKIPS):
            return False
        silent += [at for at in self.void if at in between]
        near = len(between) // _NEAR
        return min(silent) - block.first <= near and block.last - 1 - max(silent) <= near

    def _wrong_end(self, position: int, claimed: Verdict) -> Lost | None:
        end = "good" if claimed is Verdict.GOOD else "bad"
        seen = [each for each in self.observations if each.position == position]
        if position in self.skipped:
            if self.meaning(seen[-1]) is not seen[-1].verdict:
                if claimed is Verdict.BAD:
                    said = f"the bad end is bad with another cause, {seen[-1].cause}"
                    return Lost(said, position)
                return Lost(f"the {end} end is bad too, with {seen[-1].cause}", position)
            why = f": {seen[-1].cause}" if seen[-1].cause else ""
            return Lost(f"the {end} end tells nothing{why}", position)
        tally = self.tallies.get(position, Tally())
        told, against = tally.good, tally.bad
        if claimed is Verdict.BAD:
            told, against = against, told
        if claimed is Verdict.BAD and self._first_end_unseen:
            return None
        if against >= self._enough and not told:
            if self.builds_only:
                does = "builds" if claimed is Verdict.BAD else "does not build"
                return Lost(f"the {end} end {does}", position)
            other = "bad" if claimed is Verdict.GOOD else "good"
            return Lost(f"the {end} end is {other}, {against} boots out of {against}", position)
        return None

    def is_against(self, position: int) -> bool:
        """Return whether an end was always seen to be the contrary of what was said of it."""
        tally = self.tallies.get(position, Tally())
        contrary = tally.good if position else tally.bad
        return 0 < contrary == tally.boots

    @property
    def swapped(self) -> bool:
        """Whether the good end was always seen to be bad, and the bad one to be good."""
        return self.is_against(0) and self.is_against(self.size - 1)

    @property
    def _enough(self) -> int:
        """How often an end has to contradict what was said of it: what is built is kept, and
        another build of the same would say nothing."""
        return 1 if self.builds_only else _AGREE

    @property
    def _first_end_unseen(self) -> bool:
        """Whether the good end is still to be looked at before the bad one is given up: people
        mistake the one for the other. A search that is told its cause follows on another one."""
        return self.cause is None and all(each.position for each in self.observations)

    def _exhausted(self) -> Lost | None:
        most = max(_AT_LEAST_BOOTS, ceil(_BOOTS_PER_BIT * log2(self.size)))
        told = sum(tally.boots for tally in self.tallies.values())
        if told < most:
            return None
        best = max(self.blocks, key=lambda block: block.mass)
        return Lost(
            f"after {told} boots the place is not certain: most likely the turn is between "
            f"{best.first - 1} and {best.last}, with a probability of {best.mass:.0%}"
        )

    @property
    def _ends_seen(self) -> bool:
        """Whether both ends have been seen to be what was said of them."""
        good, bad = self.tallies.get(0, Tally()), self.tallies.get(self.size - 1, Tally())
        return bool(good.good and bad.bad)

    def _unexplained(self) -> list[int]:
        """Return what to repeat: positions that contradict each other, and never themselves."""
        if not self._steady:
            return []
        inside = {at: tally for at, tally in self.tallies.items() if at >= self.low}
        bad = [at for at, tally in inside.items() if tally.bad]
        good = [at for at, tally in inside.items() if tally.good]
        if not bad or not good or min(bad) > max(good):
            return []
        return [at for at in (min(bad), max(good)) if inside[at].boots < PERSISTS]

    def next(self, pending: Sequence[int] = (), workers: int = 1) -> tuple[int, ...]:
        """Return what up to so many free workers should try, while ``pending`` is being tried."""
        if self.result is not None or workers < 1:
            return ()
        if not self._ends_seen:
            ends = [
                at
                for at, seen in ((self.size - 1, "bad"), (0, "good"))
                if not getattr(self.tallies.get(at, Tally()), seen) and at not in pending
            ]
            bad_end = self.tallies.get(self.size - 1, Tally())
            if bad_end.good >= self._enough and self._first_end_unseen:
                return () if 0 in pending else (0,)
            return tuple(ends[:workers])
        if repeated := self._unexplained():
            return tuple(at for at in repeated if at not in pending)[:workers]
        # who waits for another boot needs nothing said again that nothing has contradicted
        trusted = pending and self._steady and self._never_wrong > FLICKERING
        known = Splitting(self.blocks, self.low, self.size, self.tallies, self.skipped, self.void,
                          needless=self.tallies if trusted else ())  # fmt: skip
        return tuple(dict.fromkeys(known.positions(pending, workers)))

    def steps_left(self, workers: int = 1) -> int:
        """Return about how many boots one after the other are left, with so many workers."""
        if self.result is not None:
            return 0
        good, bad = self.tallies.get(0, Tally()), self.tallies.get(self.size - 1, Tally())
        for against, told in ((good.bad, good.good), (bad.good, bad.bad)):
            if against and not told:  # then the search ends when that is certain
                return max(1, max(0, self._enough - against) + self._first_end_unseen)
        best = max(self.blocks, key=lambda block: block.mass)
        rate = flicker_rate(self.tallies, best.last)
        told_by_boot = max(0.05, 1 - bits(min(rate, 0.5)))
        ends = sum(at not in self.tallies for at in (0, self.size - 1))
        places = [
            replace(block, first=block.last) if self._silent(block) else block
            for block in self.blocks
        ]
        boots = entropy_bits(places) / told_by_boot / log2(workers + 1)
        return ceil(ends / workers) + max(1 - ends, ceil(boots))
