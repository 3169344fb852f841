"""A part of a gate: which cells it boots, and what a merge has to know of the whole.

What is compared stays together: each shard boots the baseline in every way in which it boots a
candidate. Candidates that are booted in the same way are side by side, so that few shards boot the
same baseline.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.plan import BootPlan
from bootharness.runs.cell import Cell
from bootharness.runs.identity import own_version
from bootharness.runs.result import Attempt, BootFacts, CellResult, LimitSeen, Moment, Past
from bootharness.text import count

__all__ = ["MOST_SHARDS", "Before", "End", "Shard", "Share", "shard_of", "share_named", "shares"]

MOST_SHARDS = 1_000
_MOST_CELLS = 10_000
_NUMBERS = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")

_Place = Annotated[int, Meta(ge=0, lt=_MOST_CELLS)]


class Share(Struct, frozen=True):
    """Which shard of how many; the first is 1."""

    number: Annotated[int, Meta(ge=1, le=MOST_SHARDS)]
    of: Annotated[int, Meta(ge=1, le=MOST_SHARDS)]

    @property
    def where(self) -> str:
        """Say which: ``shard 2 of 5``."""
        return f"shard {self.number:,} of {self.of:,}"


class End(Struct, frozen=True):
    """What came of an attempt of the past, and what is known of its kernel."""

    verdict: Verdict
    cause: str | None
    release: str = ""
    sha256: str = ""
    compiler: str = ""


class Before(Struct, frozen=True):
    """A result from before the gate: of which kernel, by which of the plans, when, and its ends."""

    kernel: str
    plan: _Place
    at: Moment
    ends: tuple[End, ...]
    expect: str = Verdict.GOOD


class Shard(Share, frozen=True):
    """One of the shards of a gate.

    ``matrix`` is a digest of all cells of the gate, and ``harness`` the version that booted. The
    cells are told by the places of their kernels and plans, with what is expected; those of
    ``baseline`` are what the others are compared with. ``pasts``, ``limits`` and ``builds`` are
    what the history of the shard knew.
    """

    matrix: str
    harness: str
    baseline: str | None
    kernels: Annotated[tuple[str, ...], Meta(max_length=_MOST_CELLS)]
    plans: Annotated[tuple[BootPlan, ...], Meta(max_length=_MOST_CELLS)]
    cells: Annotated[tuple[tuple[_Place, _Place, str], ...], Meta(max_length=_MOST_CELLS)]
    pasts: tuple[Before, ...] = ()
    limits: tuple[LimitSeen, ...] = ()
    builds: tuple[BootFacts, ...] = ()

    def whole(self) -> tuple[Cell, ...]:
        """Return all cells of the gate, in its order. Raises UsageError for what cannot be."""
        try:
            cells = tuple(
                Cell(self.kernels[kernel], self.plans[plan], expect)
                for kernel, plan, expect in self.cells
            )
        except IndexError as error:
            raise UsageError("shard.cells: there is no such kernel or plan") from error
        if self.number > self.of:
            raise UsageError(f"shard.number: it is {self.number}, of {self.of}")
        if _digest(cells, self.baseline) != self.matrix:
            raise UsageError("shard.matrix: it is not the digest of shard.cells")
        return cells

    def past(self) -> Iterator[Past]:
        """Yield what its history knew of cells like these. Raises UsageError for what cannot be."""
        for each in self.pasts:
            if each.plan >= len(self.plans) or not each.ends:
                raise UsageError("shard.pasts: there is no such plan, or no end")
            attempts = tuple(
                Attempt(end.verdict, end.cause, "", facts=BootFacts(
                    release=end.release, sha256=end.sha256, compiler=end.compiler))
                for end in each.ends
            )  # fmt: skip
            cell = Cell(each.kernel, self.plans[each.plan], each.expect)
            yield Past(0, each.at, self.harness, CellResult(cell, "", attempts))


def share_named(text: str) -> Share:
    """Return which shard a person has asked for, as ``2/5``. Raises UsageError for what is none."""
    found = _NUMBERS.fullmatch(text)
    number, of = (int(each) for each in found.groups()) if found else (0, 0)
    if not 1 <= number <= of <= MOST_SHARDS:
        raise UsageError(
            f"--shard {text}: write which of how many, from 1/N to N/N, with N at most "
            f"{MOST_SHARDS:,}: --shard 2/5"
        )
    return Share(number, of)


def shares(cells: Sequence[Cell], baseline: str | None, of: int) -> list[tuple[Cell, ...]]:
    """Return the cells of each shard, in their order: as many candidates as in any other, or one
    more, and what these are compared with.

    It is the same for the same cells, in whatever order they are given. Raises UsageError for more
    shards than candidates, for one of them would prove nothing.
    """
    candidates = [cell for cell in cells if cell.kernel != baseline]
    if of > len(candidates):
        raise UsageError(
            f"{of:,} shards of {count(len(candidates), 'boot')}: one would be empty; take at most "
            f"{len(candidates):,}"
        )
    written = {plan: msgspec.json.encode(plan) for plan in {cell.plan for cell in candidates}}
    candidates.sort(key=lambda cell: (written[cell.plan], cell.kernel))
    found = []
    for number in range(of):
        begin, end = (len(candidates) * at // of for at in (number, number + 1))
        own = {*candidates[begin:end]}
        plans = {cell.plan for cell in own}
        own |= {cell for cell in cells if cell.kernel == baseline and cell.plan in plans}
        found.append(tuple(cell for cell in cells if cell in own))
    return found


def shard_of(
    cells: Sequence[Cell], baseline: str | None, which: Share, *,
    pasts: Iterable[Past], limits: Iterable[LimitSeen], builds: Iterable[BootFacts],
) -> Shard:  # fmt: skip
    """Return what a merge has to know of a shard and of the gate that has these cells."""
    kernels = {kernel: at for at, kernel in enumerate(dict.fromkeys(c.kernel for c in cells))}
    plans = {plan: at for at, plan in enumerate(dict.fromkeys(cell.plan for cell in cells))}
    return Shard(
        number=which.number,
        of=which.of,
        matrix=_digest(cells, baseline),
        harness=own_version(),
        baseline=baseline,
        kernels=tuple(kernels),
        plans=tuple(plans),
        cells=tuple((kernels[cell.kernel], plans[cell.plan], cell.expect) for cell in cells),
        pasts=tuple(_before(past, plans) for past in pasts),
        limits=tuple(limits),
        builds=tuple(
            # what is drawn of them over their versions
            BootFacts(release=each.release, sha256=each.sha256, compression=each.compression,
                      payload_bytes=each.payload_bytes)
            for each in builds
        ),
    )  # fmt: skip


def _before(past: Past, plans: dict[BootPlan, int]) -> Before:
    cell = past.result.cell
    ends = tuple(
        End(each.verdict, each.cause, each.facts.release, each.facts.sha256, each.facts.compiler)
        for each in past.result.attempts
    )
    return Before(cell.kernel, plans[cell.plan], past.made_at, ends, cell.expect)


def _digest(cells: Iterable[Cell], baseline: str | None) -> str:
    """Return a digest of all cells of a gate, in whatever order they are."""
    written = sorted(map(msgspec.json.encode, cells))
    return hashlib.sha256(b"\n".join([msgspec.json.encode(baseline), *written])).hexdigest()
