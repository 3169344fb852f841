"""Whether kernels boot slower than their baseline: measured within one run, in turns.

Times of another run, on a host that was busier or another one, say nothing. So a baseline
that comes from the history is booted again for its time. Where a boot takes suspiciously
long, it and its baseline are booted several times more, as long as it still seems so. Where the
guest's own seconds were counted, it is those that are compared. Where workers are on several
computers, it is boots of one kind of them.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import CouldNotFindOut
from bootharness.gate.compare import SUSPICIOUS
from bootharness.gate.outcome import Pace
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.result import Attempt, BootFacts, CellResult
from bootharness.runs.where import Profile
from bootharness.runs.work import boot_cell

__all__ = ["Pair", "paces"]

_COUNTED_SUSPICIOUS = 1.01
_BOOTS = 4
"""How often a boot that seems slower, and its baseline, are booted in all."""

Pair = tuple[CellResult, CellResult]
"""The results of a baseline and of a kernel that is compared with it."""


def paces(
    pairs: Iterable[Pair],
    executor: Executor,
    history: History | None,
    *,
    timing: Callable[[int], None],
) -> dict[Cell, Pace]:
    """Return the times of the kernels of these pairs, by cell, where both boots are good.

    What was found of two results that both are from the history is taken from there.
    ``timing`` is told how many boots are made for this.
    """
    found: dict[Cell, Pace] = {}
    measure: list[tuple[Pair, str]] = []
    times = _Times(executor, timing)
    for before, after in pairs:
        name = _milestone(before, after)
        if name is None:
            continue
        if history and _cached(before, after) and (kept := _recalled(history, before, after)):
            found[after.cell] = kept
            continue
        times.take(before)
        times.take(after)
        measure.append(((before, after), name))
    closer = measure
    for number in range(1, _BOOTS + 1):
        times.more({each.cell: number for pair, _ in closer for each in pair})
        closer = [
            (pair, name)
            for pair, name in closer
            if times.apart(pair, name) or _seems_slower(times.pace(pair, name))
        ]
    for pair, name in measure:
        before, after = pair
        pace = found[after.cell] = times.pace(pair, name)
        if history and pace.baseline and pace.candidate:
            history.keep(_key(before, after), msgspec.json.encode(pace))
    return found


def _recalled(history: History, before: CellResult, after: CellResult) -> Pace | None:
    """Return what an earlier gate has measured, None where it has not, or that is damaged."""
    with suppress(msgspec.DecodeError):
        kept = history.recall(_key(before, after))
        return replace(msgspec.json.decode(kept, type=Pace), recalled=True) if kept else None
    return None


def _milestone(before: CellResult, after: CellResult) -> str | None:
    """Return the last milestone of two boots that went as far, None of others, and of kernels
    that are compressed in different ways: those are not alike."""
    if not (before.as_expected and after.as_expected):
        return None
    if before.decisive.facts.compression != after.decisive.facts.compression:
        return None
    names = [*after.decisive.facts.milestones]
    return names[-1] if names and names[-1] in before.decisive.facts.milestones else None


def _cached(before: CellResult, after: CellResult) -> bool:
    return before.cached and after.cached


def _key(before: CellResult, after: CellResult) -> str:
    return hashlib.sha256(f"pace {before.key} {after.key}".encode()).hexdigest()


def _seems_slower(pace: Pace) -> bool:
    if not pace.baseline or not pace.candidate:
        return False
    least = _COUNTED_SUSPICIOUS if pace.counted else SUSPICIOUS
    least = least if len(pace.candidate) == 1 else 1
    return min(pace.candidate) > least * max(pace.baseline)


class _Times:
    """What is known of those boots of each cell that were made in this run."""

    def __init__(self, executor: Executor, timing: Callable[[int], None]) -> None:
        self._executor = executor
        self._timing = timing
        self._boots: dict[Cell, list[Attempt]] = defaultdict(list)
        self._taken: set[Cell] = set()

    def take(self, result: CellResult) -> None:
        """Take the times of a result that is not from the history."""
        if not result.cached and result.cell not in self._taken:
            self._taken.add(result.cell)
            self._boots[result.cell] += result.known

    def more(self, wanted: dict[Cell, int]) -> None:
        """Boot cells, in turns, until so many boots of each have been made."""
        missing = {cell: number - len(self._boots[cell]) for cell, number in wanted.items()}
        turns = [
            cell
            for turn in range(max(missing.values(), default=0))
            for cell, number in missing.items()
            if turn < number
        ]
        if turns:
            self._timing(len(turns))
        for cell, boot in [(cell, self._executor.submit(boot_cell, cell)) for cell in turns]:
            try:
                attempt: Attempt = boot.result()
            except CouldNotFindOut:
                continue
            if attempt.verdict is not Verdict.SKIP:
                self._boots[cell].append(attempt)

    def pace(self, pair: Pair, name: str) -> Pace:
        """Return the times of a pair, none where no boots of both were made alike."""
        boots = self._alike(pair, name)
        counted = all(boot.guest_s is not None for of_one in boots for boot in of_one)
        before, after = (
            tuple((counted and boot.guest_s) or boot.milestones[name] for boot in of_one)
            for of_one in boots
        )
        return Pace(name, before, after, counted=counted)

    def apart(self, pair: Pair, name: str) -> bool:
        """Return whether boots of both came to a milestone, and none of them can be compared."""
        came = (any(name in boot.facts.milestones for boot in self._boots[each.cell])
                for each in pair)  # fmt: skip
        return all(came) and not all(self._alike(pair, name))

    def _alike(self, pair: Pair, name: str) -> tuple[list[BootFacts], list[BootFacts]]:
        """Return boots of both that came to a milestone on the same kind of computer, by the same
        QEMU and accelerator: of several kinds the one with the most."""
        found: dict[Profile, tuple[list[BootFacts], list[BootFacts]]] = {}
        for at, each in enumerate(pair):
            for boot in self._boots[each.cell]:
                if name in boot.facts.milestones:
                    found.setdefault(boot.profile, ([], []))[at].append(boot.facts)
        return max(found.values(), key=lambda both: min(map(len, both)), default=([], []))
