"""Synthetic histories to search: with commits that cannot be built and boots that flicker."""

import heapq
from collections.abc import Callable
from random import Random

from msgspec import Struct

from bootharness.bisection.search import Found, Lost, Observation, Search
from bootharness.diagnosis.verdict import Verdict

__all__ = ["History", "Hunt", "hunt"]


class History(Struct, frozen=True):
    """Commits in order: bad from ``turn`` on, some of which cannot be built.

    ``flicker`` is which part of the boots tell wrong. What is bad has a cause that calls and memory
    prove, or, with ``hang``, one that may differ from boot to boot.
    """

    size: int
    turn: int
    unbuildable: frozenset[int]
    flicker: float
    hang: bool = False

    @property
    def cause(self) -> str:
        """What is wrong with a bad commit."""
        return "kernel-hang" if self.hang else "destination-wrapped"

    @classmethod
    def make(
        cls,
        seed: int,
        *,
        size: int,
        unbuildable: float = 0.0,
        flicker: float = 0.0,
        hang: bool = False,
    ) -> "History":
        """Return the history of a seed; its ends can be built."""
        random = Random(seed)
        turn = random.randrange(1, size)
        broken = frozenset(at for at in range(1, size - 1) if random.random() < unbuildable)
        return cls(size, turn, broken, flicker, hang or flicker > 0)

    def boot(self, position: int, random: Random) -> Observation:
        """Return what a boot of a commit says."""
        if position in self.unbuildable:
            return Observation(position, Verdict.SKIP, "build-failed")
        wrong = random.random() < self.flicker
        bad = (position >= self.turn) != wrong
        return Observation(
            position, Verdict.BAD if bad else Verdict.GOOD, self.cause if bad else None
        )

    @property
    def answer(self) -> tuple[int, int]:
        """The last good and the first bad commit that can be built."""
        good, bad = self.turn - 1, self.turn
        while good in self.unbuildable:
            good -= 1
        while bad in self.unbuildable:
            bad += 1
        return good, bad


class Hunt(Struct, frozen=True):
    """How a search of a history went: its result, the boots it took and the time.

    A boot takes one unit of time, a commit that cannot be built none.
    """

    result: Found | Lost
    boots: int
    builds: int
    time: float


def hunt(
    history: History,
    seed: int,
    *,
    confidence: float,
    workers: int = 1,
    duration: Callable[[Random], float] = lambda _: 1.0,
) -> Hunt:
    """Search a history with so many workers, each of them one boot at a time."""
    random = Random(f"boots {seed}")
    search = Search(history.size, confidence=confidence)
    running: list[tuple[float, int, int]] = []
    now, boots, number = 0.0, 0, 0
    while search.result is None:
        pending = [position for _, _, position in running]
        for position in search.next(pending, workers - len(running)):
            takes = 0.0 if position in history.unbuildable else duration(random)
            heapq.heappush(running, (now + takes, number, position))
            number += 1
        assert running, "a search without a result and with nothing to try"
        now, _, position = heapq.heappop(running)
        seen = history.boot(position, random)
        boots += seen.verdict is not Verdict.SKIP
        search = search.observed(seen)
    return Hunt(search.result, boots, number, now)
