"""The sentences and short texts that all reports of a gate share."""

from collections import Counter
from collections.abc import Container
from pathlib import Path

from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.trend import Crossing
from bootharness.text import count

__all__ = [
    "WORDS",
    "built_otherwise",
    "expectation",
    "fresh_and_cached",
    "headline",
    "kernel_name",
    "projection",
    "sentences",
    "shared",
    "totals",
    "worth_a_word",
]

WORDS = {
    Standing.GOOD: "GOOD",
    Standing.WARNING: "WARN",
    Standing.UNKNOWN: "SKIP",
    Standing.BAD: "BAD",
}
"""How a standing is written where there is little room."""
_MEANINGS = {
    Standing.GOOD: "every boot is as expected",
    Standing.WARNING: "every boot is as expected, with something to look at",
    Standing.UNKNOWN: "nothing is bad, but not everything could be found out",
    Standing.BAD: "not every boot is as expected",
}


def headline(outcome: GateOutcome) -> str:
    """Say in one sentence what came of a gate."""
    standing = outcome.standing
    return f"{_MEANINGS[standing]}: {totals(outcome)}"


def totals(outcome: GateOutcome) -> str:
    """Count the candidates' cells: ``3 good, 1 bad``."""
    counts = Counter(entry.standing for entry in outcome.candidates)
    words = {
        Standing.GOOD: "good",
        Standing.WARNING: "good with a warning",
        Standing.BAD: "bad",
        Standing.UNKNOWN: "not found out",
    }
    return ", ".join(f"{counts[each]:,} {word}" for each, word in words.items() if counts[each])


def fresh_and_cached(outcome: GateOutcome) -> str:
    """Say how much of a gate was booted, and how much was known."""
    total, cached = len(outcome.entries), outcome.cached
    took = f" in {outcome.seconds:.1f} s" if outcome.seconds else ""
    booted = f"{count(total - cached, 'cell')} booted{took}"
    if not cached:
        return booted
    return f"{booted}, {cached:,} from the history, for nothing that matters has changed since"


def kernel_name(entry: Entry) -> str:
    """Write a kernel by its source and, where the boot has told, its release."""
    release = entry.result.decisive.facts.release
    source = entry.result.cell.kernel
    return f"{source} ({release})" if release and release not in source else source


def expectation(entry: Entry) -> str:
    """Say what was expected, where that is not that the boot is good."""
    expect = entry.result.cell.expect
    if expect == "good":
        return ""
    as_expected = entry.result.as_expected
    return f"expected: {expect}" if as_expected else f"expected {expect} and did not get it"


def built_otherwise(entry: Entry) -> tuple[str, ...]:
    """Say in what the kernel differs from the baseline; times are drawn, or stand in a table."""
    times = entry.result.decisive.facts.milestones
    return tuple(str(change) for change in entry.changes if change.what not in times)


def sentences(entry: Entry, without: Container[str] = ()) -> tuple[str, ...]:
    """Say everything that there is to say of a cell, a sentence each, but for some remarks."""
    attempt = entry.result.decisive
    cause = f"{attempt.cause}: " if attempt.cause else ""
    said = (expectation(entry), f"{cause}{attempt.sentence}")
    remarks = (remark.sentence for remark in entry.remarks if remark.sentence not in without)
    return (*filter(None, said), *remarks)


def shared(outcome: GateOutcome) -> dict[str, str]:
    """Return the remarks that several cells have, each with how to say it of all of them."""
    counts = Counter(remark.sentence for entry in outcome.entries for remark in entry.remarks)
    return {
        sentence: f"in {count(cells, 'boot')}: {sentence}"
        for sentence, cells in counts.items()
        if cells > 1
    }


def worth_a_word(entry: Entry, without: Container[str]) -> bool:
    """Whether a cell is not simply good, for more than what is said of several."""
    if entry.standing is not Standing.WARNING:
        return entry.standing is not Standing.GOOD
    return any(remark.sentence not in without for remark in entry.remarks)


def projection(crossing: Crossing) -> str:
    """Say when a series comes to a limit."""
    loader = Path(crossing.loader).name
    where = f"{crossing.series}: the payload limit of {loader}, {count(crossing.limit, 'byte')},"
    if crossing.releases <= 0:
        return f"{where} is crossed already, by {crossing.version}"
    ahead = f"{crossing.releases:.1f} releases from the newest of these kernels"
    return f"{where} is projected to be crossed by Linux {crossing.version}, {ahead}"
