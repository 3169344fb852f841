"""What a gate found: every cell, what has changed since the baseline, and what to look at."""

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property

from msgspec import Struct

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import COULD_NOT_FIND_OUT, NotAKernel
from bootharness.gate.events import Event
from bootharness.gate.shard import Shard
from bootharness.gate.since import Since
from bootharness.predictor.headroom import Headroom
from bootharness.report.again import command
from bootharness.runs.headroom import takes_loader
from bootharness.runs.result import BootFacts, CellResult, Moment

__all__ = ["Change", "Entry", "GateOutcome", "Pace", "Remark", "Standing"]


class Standing(StrEnum):
    """Where a cell stands, the worst last. What is still bad fails as the baseline does."""

    GOOD = "good"
    WARNING = "warning"
    STILL = "still"
    UNKNOWN = "unknown"
    BAD = "bad"


class Change(Struct, frozen=True):
    """Something that is not as it was with the baseline, as it is written for people."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what} {self.before} → {self.after}" if self.before else self.after


class Remark(Struct, frozen=True):
    """A warning: its kind, and one sentence."""

    kind: str
    sentence: str


class Pace(Struct, frozen=True):
    """Boots of a kernel and of its baseline in turns: seconds to the same milestone.

    ``recalled`` tells that an earlier gate has made them, ``counted`` that they are the guest's own
    seconds, on which the host has no influence.
    """

    milestone: str
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    recalled: bool = False
    counted: bool = False


class Entry(Struct, frozen=True, dict=True):
    """One cell of a gate.

    ``way`` is how it boots, as far as the cells of this gate differ in that; ``baseline``
    tells that its kernel is the one that the others are compared with. ``since`` is how it goes on
    from what was known before, where there is something to say of that.
    """

    result: CellResult
    way: str
    baseline: bool = False
    changes: tuple[Change, ...] = ()
    remarks: tuple[Remark, ...] = ()
    pace: Pace | None = None
    since: Since | None = None

    @cached_property
    def standing(self) -> Standing:
        """Where the cell stands; a baseline that is no kernel is nothing to compare with."""
        no_baseline = self.baseline and self.result.decisive.cause == NotAKernel.fault
        if self.result.as_expected is None or no_baseline:
            return Standing.UNKNOWN
        if not self.result.as_expected:
            bad = self.result.verdict is Verdict.BAD
            return Standing.STILL if bad and self.since and self.since.as_baseline else Standing.BAD
        return Standing.WARNING if self.remarks else Standing.GOOD

    @property
    def again(self) -> str:
        """The command that boots the same again."""
        return command(self.result.cell.kernel, self.result.cell.plan)


class GateOutcome(Struct, frozen=True, dict=True):
    """All of a gate.

    ``headroom`` is how close the kernels come to what their loaders can boot, ``patterns`` are
    sentences on what failing cells have in common; ``builds`` are kernels that were booted
    before, for the trend of their sizes. ``past`` tells that these are results of the past: then
    there was nothing to accept or refuse. ``untried`` boots were not made, for it was interrupted.
    What fails as the baseline does is refused unless ``still_accepted``. ``expired`` are sentences
    on expectations that hold no longer, and ``events`` what has happened over the months to these
    kernels and loaders, the oldest first. ``made_at`` is when it began, in seconds since 1970, 0
    where nobody knows, and ``shard`` which part of a gate it is, where it is not all of one.
    """

    entries: tuple[Entry, ...]
    headroom: tuple[Headroom, ...] = ()
    patterns: tuple[str, ...] = ()
    seconds: float = 0.0
    builds: tuple[BootFacts, ...] = ()
    past: bool = False
    untried: int = 0
    still_accepted: bool = False
    expired: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    made_at: Moment = 0.0
    shard: Shard | None = None

    @property
    def candidates(self) -> tuple[Entry, ...]:
        """The cells that the gate is about."""
        return tuple(entry for entry in self.entries if not entry.baseline)

    @cached_property
    def _baselines(self) -> dict[str, Entry]:
        return {entry.way: entry for entry in reversed(self.entries) if entry.baseline}

    def baseline_of(self, entry: Entry) -> Entry | None:
        """Return the cell of the baseline that a cell is compared with."""
        return None if entry.baseline else self._baselines.get(entry.way)

    @cached_property
    def _payloads(self) -> dict[tuple[str, str], Headroom]:
        return {
            (each.kernel, each.loader): each
            for each in reversed(self.headroom)
            if each.part == "payload" and each.percent
        }

    def payload_room(self, entry: Entry) -> Headroom | None:
        """Return how close a cell's payload comes to what its loader can load, where that is
        known."""
        cell = entry.result.cell
        return self._payloads.get((cell.kernel, cell.plan.loader)) if takes_loader(cell) else None

    @property
    def bad_baseline(self) -> tuple[Entry, ...]:
        """The cells in which the baseline itself is not as it was expected."""
        return tuple(
            entry for entry in self.entries if entry.baseline and entry.standing is Standing.BAD
        )

    @property
    def standing(self) -> Standing:
        """Where the candidates stand together; a bad baseline is no candidate's fault, and
        something to look at.

        Where nothing was booted, nothing is proven.
        """
        found = {entry.standing for entry in self.candidates}
        if Standing.STILL in found:
            found.remove(Standing.STILL)
            found.add(Standing.WARNING if self.still_accepted else Standing.BAD)
        unknown = any(entry.standing is Standing.UNKNOWN for entry in self.entries)
        if Standing.BAD not in found and (unknown or self.untried):
            return Standing.UNKNOWN
        if found and self.bad_baseline:
            found.add(Standing.WARNING)
        return _worst(found)

    @property
    def exit_status(self) -> int:
        """0 all good, 1 some bad, 125 nothing bad but something unknown."""
        return {Standing.BAD: 1, Standing.UNKNOWN: COULD_NOT_FIND_OUT}.get(self.standing, 0)

    @property
    def cached(self) -> int:
        """How many cells were not booted, for nothing that matters to them has changed."""
        return sum(entry.result.cached for entry in self.entries)


def _worst(found: Iterable[Standing]) -> Standing:
    order = list(Standing)
    return max(found, key=order.index, default=Standing.UNKNOWN)
