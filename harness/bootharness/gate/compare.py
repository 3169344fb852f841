"""What has changed between two boots: pure functions of what is known of them."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bootharness.gate.outcome import Change, Pace, Remark
from bootharness.predictor.headroom import Headroom
from bootharness.runs.result import Attempt, BootFacts, CellResult

__all__ = ["SUSPICIOUS", "built", "changes", "remarks", "slower"]

SUSPICIOUS = 1.1
"""How many times as long as its baseline a boot must take to be measured more closely."""

_MOST_LINES = 5
_FIELDS = (
    ("file_bytes", "file", "{:,} bytes"),
    ("payload_bytes", "payload", "{:,} bytes"),
    ("setup_sects", "setup_sects", "{}"),
    ("init_size", "init_size", "{:#x}"),
    ("protocol", "boot protocol", "{}"),
    ("compression", "compression", "{}"),
)


def changes(before: Attempt, after: Attempt) -> tuple[Change, ...]:
    """Return in what a kernel and its boot differ from the baseline's; how long two computers took
    is no difference of theirs."""
    times = _times(before.facts, after.facts) if before.profile == after.profile else ()
    return (*built(before.facts, after.facts), *times)


def built(before: BootFacts, after: BootFacts) -> Iterator[Change]:
    """Yield in what two kernels differ, as far as that was measured."""
    for field, name, form in _FIELDS:
        one, other = getattr(before, field), getattr(after, field)
        if one and other and one != other:
            yield Change(name, form.format(one), form.format(other))


def _times(before: BootFacts, after: BootFacts) -> Iterator[Change]:
    for name, seconds in after.milestones.items():
        if name in before.milestones:
            yield Change(name, f"{before.milestones[name]:.2f} s", f"{seconds:.2f} s")


def remarks(
    result: CellResult,
    baseline: CellResult | None,
    headroom: tuple[Headroom, ...],
    pace: Pace | None,
    *,
    warn_at: float,
) -> tuple[Remark, ...]:
    """Return what is to be looked at although the boot went as expected.

    ``headroom`` is that of the cell's own kernel and loader; ``warn_at`` is in percent.
    """
    found = [*_little_headroom(headroom, warn_at)]
    if result.flaky:
        found.append(Remark("flaky", _ends(result)))
    found += [Remark("survived", said) for said in result.decisive.facts.survived]
    if baseline:
        found += _new_warnings(baseline.decisive.facts, result.decisive.facts)
    if pace and slower(pace):
        found.append(Remark("slower", _slower_by(pace)))
    return tuple(found)


def _little_headroom(headroom: tuple[Headroom, ...], warn_at: float) -> Iterator[Remark]:
    for each in headroom:
        if each.percent is not None and each.limit and each.percent >= warn_at:
            left = each.limit - each.size
            size = f"{each.size:,} of {each.limit:,} {each.unit}s"
            rest = f"{left:,} left" if left >= 0 else f"{-left:,} too many"
            loader = Path(each.loader).name
            sentence = (
                f"the {each.part} takes {each.percent:.1f} % of what {loader} can load: {size}, "
                f"{rest}"
            )
            yield Remark("headroom", sentence)


def _ends(result: CellResult) -> str:
    ends = ", then ".join(each.cause or each.verdict for each in result.attempts)
    return f"{len(result.attempts)} attempts at the same boot came to different ends: {ends}"


def _new_warnings(before: BootFacts, after: BootFacts) -> Iterator[Remark]:
    known = {*before.warnings}
    new = [line for line in after.warnings if line not in known]
    for line in new[:_MOST_LINES]:
        yield Remark("console", f"new on the console: {line}")
    if len(new) > _MOST_LINES:
        yield Remark("console", f"and {len(new) - _MOST_LINES} more new lines on the console")


def slower(pace: Pace) -> bool:
    """Return whether boots are slower by more than what boots of the same kernel differ by.

    Every one has to take longer than every one of the baseline's, and what lies between
    their medians has to be more than between the baseline's own.
    """
    if len(pace.baseline) < 2 or not pace.candidate:  # nothing was found out, or no noise
        return False
    noise = max(pace.baseline) - min(pace.baseline)
    gap = median(pace.candidate) - median(pace.baseline)
    return min(pace.candidate) > max(pace.baseline) and gap > noise


def _slower_by(pace: Pace) -> str:
    before, after = median(pace.baseline), median(pace.candidate)
    low, high = min(pace.baseline), max(pace.baseline)
    whose = "the guest's own clock" if pace.counted else "the host's clock"
    return (
        f"{pace.milestone} after {after:.2f} s instead of {before:.2f} s ({after / before:.2f} "
        f"times) by {whose}, in {len(pace.candidate)} boots of each in turns: the baseline's took "
        f"{low:.2f} to {high:.2f} s, and each of these took longer"
    )
