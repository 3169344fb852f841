"""What came of a gate as a whole, in a sentence and in numbers."""

from collections import Counter
from collections.abc import Iterable, Sequence

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.groups import groups
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.report.words import WORDS, course_said, expectation, kernel_name, since_said
from bootharness.gate.since import Course
from bootharness.text import count, printable

__all__ = ["bad_baseline", "fresh_and_reused", "headline", "summary", "totals"]

_COUNTED = {
    Standing.GOOD: "good",
    Standing.WARNING: "good with a warning",
    Standing.BAD: "bad",
    Standing.STILL: "bad as the baseline is",
    Standing.UNKNOWN: "unknown",
}
_COUNTED_AS_EXPECTED = {
    Standing.GOOD: "as expected",
    Standing.WARNING: "as expected with a warning",
    Standing.BAD: "not as expected",
    Standing.STILL: "bad as the baseline is",
    Standing.UNKNOWN: "unknown",
}


def headline(outcome: GateOutcome) -> str:
    """Say in one sentence what came of a gate, a bad baseline first."""
    said = _decided(outcome)
    bad = bad_baseline(outcome)
    return f"{bad}; {said}" if bad else said


def summary(outcome: GateOutcome) -> str:
    """Say in one line what came of a gate, and since when it is so."""
    failing = [each for each in groups(outcome) if each.standing is not Standing.UNKNOWN]
    since = since_said(failing[0].first) if failing else ""
    said = f"{WORDS[outcome.standing]} {headline(outcome)}"
    more = (part for part in since.split("; ") if part and part not in said)
    return printable("; ".join([said, *more]))


def bad_baseline(outcome: GateOutcome) -> str:
    """Say that the baseline is bad itself, where it is: then it is no good kernel to compare
    with."""
    bad = outcome.bad_baseline
    if not bad:
        return ""
    every = [entry for entry in outcome.entries if entry.baseline]
    causes = dict.fromkeys(each.result.decisive.cause or "it booted" for each in bad)
    where = "" if len(bad) == len(every) else f" in {len(bad):,} of {count(len(every), 'boot')}"
    return f"the baseline is bad itself{where}: {kernel_name(bad[0])}: {', '.join(causes)}"


def _decided(outcome: GateOutcome) -> str:
    if outcome.untried:
        done = f"; {totals(outcome.candidates)}" if outcome.candidates else ""
        return f"interrupted: {count(outcome.untried, 'boot')} not made{done}"
    match outcome.standing:
        case Standing.BAD:
            return _refused(outcome)
        case Standing.UNKNOWN:
            return _undecided(outcome)
        case Standing.WARNING:
            found = {remark.sentence for entry in outcome.candidates for remark in entry.remarks}
            still = sum(entry.standing is Standing.STILL for entry in outcome.candidates)
            parts = [f"{count(still, 'boot')} {_fails(still)} as the baseline does"] * bool(still)
            parts += [count(len(found), "warning")] * bool(found)
            return f"accepted, {', '.join(parts)}" if parts else _accepted(outcome)
    return _accepted(outcome)


def _accepted(outcome: GateOutcome) -> str:
    return f"accepted: {_of_all(outcome, Standing.GOOD)}"


def _fails(number: int) -> str:
    return "fails" if number == 1 else "fail"


def _refused(outcome: GateOutcome) -> str:
    """Say which kernel fails of what, how many others do, and whether it is new."""
    failing = [each for each in groups(outcome) if each.standing is not Standing.UNKNOWN]
    worst = failing[0]
    said = worst.said
    if worst.standing is Standing.STILL:
        said += ", as the baseline does: no regression"
    elif expected := expectation(worst.first):
        said = f"{worst.fold.kernels}: {expected}"
    elif since := worst.first.since:
        said += f"; {course_said(worst.first, since)}" if since.course is Course.STILL else ""
    if len(outcome.candidates) > 1:
        said += f" ({_of_all(outcome, worst.standing)}{_besides(outcome, worst.standing)})"
    return f"refused: {said}"


def _of_all(outcome: GateOutcome, standing: Standing) -> str:
    """Say how many are so: ``1 of 3 kernels is bad``, and of kernels that boot in several ways
    how many boots."""
    entries = outcome.candidates
    found = [entry for entry in entries if entry.standing is standing]
    kernels = {entry.result.cell.kernel for entry in entries}
    noun = "kernel" if len(kernels) == len(entries) else "boot"
    total, number = len(entries), len(found)
    what = _counted(found)[standing]
    if total == 1:
        return f"the {noun} is {what}"
    every = f"both {noun}s" if total == 2 else f"all {total:,} {noun}s"
    who = every if number == total else f"{number:,} of {total:,} {noun}s"
    return f"{who} {'is' if number == 1 else 'are'} {what}"


def _counted(entries: Iterable[Entry]) -> dict[Standing, str]:
    """Return how cells are counted by where they stand: what was meant to fail is not called good
    where it does."""
    usual = all(entry.result.cell.expect == Verdict.GOOD for entry in entries)
    return _COUNTED if usual else _COUNTED_AS_EXPECTED


def _undecided(outcome: GateOutcome) -> str:
    """Say what is not known, with the causes: that keeps us from accepting and from refusing."""
    unknown = [entry for entry in outcome.entries if entry.standing is Standing.UNKNOWN]
    if not outcome.candidates:
        return "undecided: there is no boot to judge"
    causes = dict.fromkeys(entry.result.decisive.cause for entry in unknown)
    named = f" ({', '.join(filter(None, causes))})" if any(causes) else ""
    if all(entry.baseline for entry in unknown):
        standings = {entry.standing for entry in outcome.candidates}
        alone = len(standings) == 1
        others = _of_all(outcome, *standings) if alone else totals(outcome.candidates)
        return (
            f"undecided: the baseline could not be booted{named}, so nothing was compared; {others}"
        )
    besides = _besides(outcome, Standing.UNKNOWN)
    return f"undecided: {_of_all(outcome, Standing.UNKNOWN)}{named}{besides}"


def _besides(outcome: GateOutcome, standing: Standing) -> str:
    """Count what the headline is not about: ``, 1 good, 1 unknown``."""
    counts = Counter(entry.standing for entry in outcome.candidates)
    del counts[standing]
    words = _counted(outcome.candidates)
    return "".join(f", {counts[each]:,} {word}" for each, word in words.items() if counts[each])


def totals(entries: Sequence[Entry]) -> str:
    """Count cells by where they stand: ``3 good, 1 bad``."""
    counts = Counter(entry.standing for entry in entries)
    words = _counted(entries)
    return ", ".join(f"{counts[each]:,} {word}" for each, word in words.items() if counts[each])


def fresh_and_reused(outcome: GateOutcome) -> str:
    """Say how many boots were made, and how many results were known."""
    made, reused = _boots(outcome), outcome.cached
    took = f" ({outcome.seconds:.1f} s)" if made and outcome.seconds else ""
    booted = f"{count(made, 'boot')}{took}" if made else "no boot"
    return f"{booted}, {count(reused, 'unchanged result')} reused" if reused else booted


def _boots(outcome: GateOutcome) -> int:
    """Count the boots of this run: of an attempt without time there was none, and some were made
    for their times alone."""
    timed: dict[str, int] = Counter()
    made = 0
    for entry in outcome.entries:
        pace, way, before = entry.pace, entry.way, outcome.baseline_of(entry)
        measured = pace and before and not pace.recalled
        if pace and measured:
            timed[way] = max(timed[way], len(pace.baseline))
        if not entry.baseline:
            made += max(_attempted(entry), len(pace.candidate) if pace and measured else 0)
    for entry in outcome.entries:
        if entry.baseline:
            made += max(_attempted(entry), timed[entry.way])
    return made


def _attempted(entry: Entry) -> int:
    if entry.result.cached:
        return 0
    return sum(attempt.seconds > 0 for attempt in entry.result.attempts)
