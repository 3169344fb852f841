"""Shards of a gate put together again: the same outcome as that of one run."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import UsageError
from bootharness.gate.events import events
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.pattern import patterns
from bootharness.gate.placed import fresh, placed
from bootharness.gate.shard import Shard, Share, shares
from bootharness.predictor.headroom import Headroom
from bootharness.runs.cell import Cell
from bootharness.runs.result import Attempt, CellResult, Past

__all__ = ["NOT_BOOTED", "merged"]

NOT_BOOTED = "not-booted"

_Part = tuple[Path, GateOutcome, Shard]


def merged(read: Sequence[tuple[Path, GateOutcome]]) -> GateOutcome:
    """Put shards together, each with the file that it was read from.

    What a missing shard should have booted, or an interrupted one, is in the outcome as not found
    out. Raises UsageError for what is no shard, for the same one twice, and for shards of different
    gates, versions, options or kernels.
    """
    parts = sorted(_parts(read), key=lambda part: part[2].number)
    if not parts:
        raise UsageError("there is nothing to merge, and nothing merged is nothing proven")
    _check_alike(parts)
    _, first, whole = parts[0]
    cells = whole.whole()
    owners = [*map(set, shares(cells, whole.baseline, whole.of))]
    found: dict[Cell, list[Entry]] = defaultdict(list)
    for path, outcome, shard in parts:
        for entry in _own(path, outcome, owners[shard.number - 1]):
            found[entry.result.cell].append(entry)
    _check_kernels(parts)
    there = {shard.number for _, _, shard in parts}
    entries = []
    for cell in cells:
        if cell in found:
            entries.append(_entry(found[cell], baseline=cell.kernel == whole.baseline))
        else:
            number = next(number for number, own in enumerate(owners, 1) if cell in own)
            entries.append(_untried(cell, Share(number, whole.of), whole.baseline, number in there))
    results = [each.result for each in entries]
    made_at = min(outcome.made_at for _, outcome, _ in parts)
    pasts = _pasts(shard for _, _, shard in parts)
    limits = sorted({limit for _, _, shard in parts for limit in shard.limits},
                    key=lambda limit: limit.at)  # fmt: skip
    return GateOutcome(
        entries=placed(entries, cells, whole.baseline, pasts),
        headroom=_headroom(parts, results),
        patterns=patterns(each.result for each in entries if not each.baseline),
        seconds=round(sum(outcome.seconds for _, outcome, _ in parts), 3),
        builds=(*{each.sha256: each for _, _, shard in parts for each in shard.builds}.values(),),
        still_accepted=first.still_accepted,
        expired=first.expired,
        events=events((*pasts, *fresh(results, made_at)), limits),
        made_at=made_at,
    )  # fmt: skip


def _parts(read: Iterable[tuple[Path, GateOutcome]]) -> Iterator[_Part]:
    for path, outcome in read:
        if outcome.shard is None:
            raise UsageError(
                f"{path}: a whole gate, and no shard of one, as `gate --shard I/N --json` writes it"
            )
        try:
            outcome.shard.whole()
            [*outcome.shard.past()]
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error
        yield path, outcome, outcome.shard


def _own(path: Path, outcome: GateOutcome, cells: Set[Cell]) -> Iterator[Entry]:
    """Yield the entries of a shard. Raises UsageError for a boot that it should not have made, or
    has twice."""
    known = set()
    for entry in outcome.entries:
        cell = entry.result.cell
        if cell not in cells or cell in known:
            wrong = "twice" if cell in known else "that is of another shard"
            raise UsageError(f"{path}: entries: it has a boot of {cell.kernel} {wrong}")
        known.add(cell)
        yield entry


def _check_alike(parts: Sequence[_Part]) -> None:
    """Raise UsageError, naming two files, for shards that are not of one gate."""
    path, first, whole = parts[0]
    for (before, _, one), (other, outcome, shard) in pairwise(parts):
        differ = None
        if shard.of != whole.of:
            differ = f"of {whole.of:,} shards and of {shard.of:,}"
        elif shard.number == one.number:
            raise UsageError(f"{before} and {other} are both {shard.where}: give each shard once")
        elif shard.matrix != whole.matrix or shard.baseline != whole.baseline:
            differ = "of different matrices"
        elif shard.harness != whole.harness:
            differ = f"of different versions, {whole.harness} and {shard.harness}"
        elif outcome.still_accepted != first.still_accepted:
            differ = "with different --still-failing"
        if differ:
            raise UsageError(f"{path} and {other} are {differ}, and not of one gate")


def _check_kernels(parts: Iterable[_Part]) -> None:
    """Raise UsageError where a kernel was another file in one shard than in another."""
    known: dict[str, tuple[str, Path]] = {}
    for path, outcome, _ in parts:
        for entry in outcome.entries:
            kernel = entry.result.cell.kernel
            for attempt in entry.result.attempts:
                if digest := attempt.facts.sha256:
                    one, where = known.setdefault(kernel, (digest, path))
                    if one != digest:
                        raise UsageError(
                            f"{kernel} is another kernel in {path} (SHA-256 {digest[:12]}) than in "
                            f"{where} ({one[:12]}): build or fetch it once for all shards"
                        )


def _entry(entries: Sequence[Entry], *, baseline: bool) -> Entry:
    """Return what stands for a cell that several shards may have booted, as they all boot the
    baseline: where one of them found nothing out, or another thing, that is not hidden."""
    unknown = [each for each in entries if each.result.verdict is Verdict.SKIP]
    first = (unknown or entries)[0]
    ends = {attempt.outcome for each in entries for attempt in each.result.attempts}
    if not unknown and len(ends) > 1:
        attempts = tuple(attempt for each in entries for attempt in each.result.attempts)
        cached = all(each.result.cached for each in entries)
        first = replace(first, result=replace(first.result, attempts=attempts, cached=cached))
    return replace(first, baseline=baseline)


def _untried(cell: Cell, which: Share, baseline: str | None, interrupted: bool) -> Entry:
    said = (
        "was interrupted before this boot" if interrupted else "is missing, so this was not booted"
    )
    attempt = Attempt(Verdict.SKIP, NOT_BOOTED, f"{which.where} {said}")
    return Entry(CellResult(cell, "", (attempt,)), "", baseline=cell.kernel == baseline)


def _headroom(parts: Iterable[_Part], results: Iterable[CellResult]) -> tuple[Headroom, ...]:
    """Return how close kernels come to limits, in the order of a gate's cells."""
    order = {pair: at for at, pair in enumerate(
        dict.fromkeys((each.cell.kernel, each.cell.plan.loader) for each in results))}  # fmt: skip
    known = dict.fromkeys(each for _, outcome, _ in parts for each in outcome.headroom)
    return tuple(sorted(known, key=lambda each: order.get((each.kernel, each.loader), len(order))))


def _pasts(shards: Iterable[Shard]) -> list[Past]:
    """Return what any of the histories knew, once, the oldest first."""
    known = {}
    for shard in shards:
        for past in shard.past():
            ends = tuple((*each.outcome, each.facts.sha256) for each in past.result.attempts)
            known[past.result.cell, past.made_at, ends] = past
    return sorted(known.values(), key=lambda past: past.made_at)
