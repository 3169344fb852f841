"""Since when a cell is as it is: by the baseline, by the kernels of this gate, by the history."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.series import place_of, series_of
from bootharness.runs.cell import Cell
from bootharness.runs.result import CellResult, Past

__all__ = [
    "Content",
    "Course",
    "Line",
    "Seen",
    "Since",
    "content_of",
    "courses",
    "in_order",
    "line_of",
    "place",
    "seen_of",
]

Line = tuple[Cell, str]
"""A way of booting, and a series of kernels."""
Content = tuple[str, str]


class Course(StrEnum):
    """How a cell goes on from what was known before."""

    NEW = "new"
    STILL = "still"
    FIXED = "fixed"


class Seen(Struct, frozen=True):
    """A kernel of the same series, booted in the same way, and what came of it.

    ``at`` is when that was first seen, in seconds since 1970; None is in this gate.
    """

    kernel: str
    release: str
    sha256: str
    verdict: Verdict
    cause: str | None
    at: float | None = None


class Since(Struct, frozen=True):
    """Since when a cell fails, or until when it did.

    Of a failing one ``first_bad`` is the first of the failing kernels that come right before it,
    itself among them, and ``last_good`` the good one before those. Of one that is fixed
    ``last_bad`` is what failed right before it. ``first_bad`` and ``last_good`` are by version
    where all kernels have one, else by when they were first booted.

    ``as_baseline`` tells that the baseline fails with the same cause; of one that fails otherwise
    ``baseline`` has what came of it.
    """

    course: Course
    first_bad: Seen | None = None
    last_good: Seen | None = None
    last_bad: Seen | None = None
    as_baseline: bool = False
    baseline: Seen | None = None


def place(cell: Cell) -> Cell:
    """Return a cell without what it may differ in from others that are booted in the same way."""
    return replace(cell, kernel="", expect=Verdict.GOOD)


def courses(
    results: Sequence[CellResult], baseline: str | None, pasts: Iterable[Past]
) -> dict[Cell, Since]:
    """Return since when the cells of a gate are as they are; what was good before, and what
    nothing was found out about, is left out.

    ``pasts`` are results from before this gate, the oldest first.
    """
    own: dict[Line, list[CellResult]] = defaultdict(list)
    for each in results:
        own[line_of(each.cell)].append(each)
    lines: dict[Line, dict[Content, Seen]] = defaultdict(dict)
    for past in pasts:
        line = line_of(past.result.cell)
        if line in own:
            _note(lines[line], past.result, past.made_at)
    compared = {
        place(each.cell): seen_of(each)
        for each in results
        if each.cell.kernel == baseline and each.verdict is not Verdict.SKIP
    }
    found = {}
    for line, its in own.items():
        for each in its:
            _note(lines[line], each, None)
        before = compared.get(line[0])
        ordered = in_order(lines[line], before)
        at = {content: number for number, (content, _) in enumerate(ordered)}
        kernels = [seen for _, seen in ordered]
        for each in its:
            if each.verdict is Verdict.SKIP or each.cell.kernel == baseline:
                continue
            if since := _since(kernels, at[content_of(seen_of(each))], before):
                found[each.cell] = since
    return found


def line_of(cell: Cell) -> Line:
    """Return which kernels a cell's comes one after the other with, and how it is booted."""
    return place(cell), series_of(cell.kernel)


def content_of(seen: Seen) -> Content:
    """Return what makes two kernels the same: their content, or of what has none their source."""
    return seen.sha256, "" if seen.sha256 else seen.kernel


def seen_of(result: CellResult, at: float | None = None) -> Seen:
    """Return the kernel of a result with what came of it, and when that was first seen so."""
    facts, (verdict, cause) = result.decisive.facts, result.decisive.outcome
    return Seen(result.cell.kernel, facts.release, facts.sha256, verdict, cause, at)


def _note(line: dict[Content, Seen], result: CellResult, at: float | None) -> None:
    """Note what came of a kernel: the last that is known, and since when it is so."""
    if result.verdict is Verdict.SKIP:
        return
    seen = seen_of(result, at)
    before = line.get(content_of(seen))
    if before and (before.verdict, before.cause) == (seen.verdict, seen.cause):
        seen = replace(seen, at=before.at)
    line[content_of(seen)] = seen


def in_order(line: dict[Content, Seen], baseline: Seen | None) -> list[tuple[Content, Seen]]:
    """Return the kernels of one series in the order in which they came, and the baseline, if its
    version says where it belongs."""
    known = sorted(line.items(), key=lambda each: (each[1].at is None, each[1].at or 0.0))
    whole = known
    if baseline and content_of(baseline) not in line:
        whole = [(content_of(baseline), baseline), *known]
    places = [place_of(seen.release, seen.kernel) for _, seen in whole]
    by_version = {
        content: found
        for (content, _), found in zip(whole, places, strict=True)
        if found is not None
    }
    if len(by_version) < len(whole):
        return known
    return sorted(whole, key=lambda each: by_version[each[0]])


def _since(line: list[Seen], at: int, baseline: Seen | None) -> Since | None:
    """Say how the kernel at a place of its series goes on from those before it."""
    own = line[at]
    failing = baseline if baseline and baseline.verdict is Verdict.BAD else None
    if own.verdict is Verdict.GOOD:
        failed = failing or (line[at - 1] if at else None)
        bad = failed is not None and failed.verdict is Verdict.BAD
        return Since(Course.FIXED, last_bad=failed) if bad else None
    first = at
    while first and line[first - 1].verdict is Verdict.BAD:
        first -= 1
    good = line[first - 1] if first else None
    if good is None and baseline and not failing:
        good = baseline
    same = failing is not None and failing.cause == own.cause
    known = same or any(each.at is not None for each in line[first : at + 1])
    return Since(
        Course.STILL if known else Course.NEW,
        first_bad=line[first],
        last_good=good,
        as_baseline=same,
        baseline=None if same else failing,
    )
