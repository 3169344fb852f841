"""The sentences and short texts that all reports of a gate share."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.events import Event, Happening
from bootharness.gate.groups import groups
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.series import named, short
from bootharness.gate.since import Course, Seen, Since
from bootharness.gate.trend import Crossing
from bootharness.text import count, printable

__all__ = [
    "WORDS",
    "bad_baseline",
    "booted_on",
    "built_otherwise",
    "day",
    "event_said",
    "expectation",
    "fresh_and_reused",
    "headline",
    "kernel_name",
    "payload",
    "projection",
    "reached",
    "sentences",
    "share",
    "shared",
    "since_said",
    "summary",
    "totals",
    "worth_a_word",
]

WORDS = {
    Standing.GOOD: "GOOD",
    Standing.WARNING: "WARN",
    Standing.STILL: "STILL",
    Standing.UNKNOWN: "UNKNOWN",
    Standing.BAD: "BAD",
}
"""How a standing is written where there is little room."""

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
_MOST_OF_A_KIND = 12
_WAYS = 2
_KINDS = {
    "headroom": "a loader's limit is near",
    "slower": "the boot is slower than the baseline's",
    "flaky": "the boot is flaky",
}
"""The remarks that differ in their numbers alone."""


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
        said += f"; {_course(worst.first, since)}" if since.course is Course.STILL else ""
    if len(outcome.candidates) > 1:
        said += f" ({_of_all(outcome, worst.standing)}{_besides(outcome, worst.standing)})"
    return f"refused: {said}"


def since_said(entry: Entry) -> str:
    """Say how a cell goes on from what was known before, empty where there is nothing to say."""
    since = entry.since
    if not since:
        return ""
    if since.course is Course.FIXED:
        failed = since.last_bad
        return f"fixed: {_known(failed)} fails here ({failed.cause})" if failed else ""
    parts = []
    if since.as_baseline:
        cause = entry.result.decisive.cause
        parts.append(f"fails as the baseline does ({cause}): no regression")
    elif since.baseline:
        parts.append(f"the baseline fails, too, but in another way ({since.baseline.cause})")
    if entry.standing is not Standing.STILL or since.last_good:
        parts.append(_course(entry, since))
    if since.last_good:
        parts.append(f"last good {_known(since.last_good, 'on')}")
    return "; ".join(parts)


def _course(entry: Entry, since: Since) -> str:
    first = since.first_bad
    if since.course is Course.NEW or not first:
        return "a new failure"
    if first.kernel == entry.result.cell.kernel and first.at is not None:
        return f"still failing, first seen on {day(first.at)}"
    return f"still failing, since {_known(first, 'first seen on')}"


def _known(seen: Seen, when: str = "") -> str:
    """Write a kernel with the day when it was first seen so, where that was before this gate."""
    name = printable(named(short(seen.kernel), seen.release))
    return f"{name} ({when} {day(seen.at)})" if when and seen.at is not None else name


def day(at: float) -> str:
    """Write the day of a moment, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def event_said(event: Event) -> str:
    """Say what has happened, which kernel shows it, and how it was before."""
    return printable(_event_said(event))


def _event_said(event: Event) -> str:
    kernel = named(short(event.kernel), event.release)
    same = event.kernel == event.previous
    before = f"{'it' if same else short(event.previous)} was"
    ways = f" ({'; '.join(event.ways[:_WAYS])}" if event.ways else ""
    more = len(event.ways) - _WAYS
    ways += (f" and {more:,} more ways)" if more > 0 else ")") if ways else ""
    match event.what:
        case Happening.LIMIT:
            loader = Path(event.loader).name
            return f"{loader} can load {event.after}, before {event.before}"
        case Happening.TOOLCHAIN:
            return f"{kernel}: {event.after}, {short(event.previous)}: {event.before}"
        case Happening.FIXED:
            return f"{kernel} is good{ways}; {before} {event.before}"
    return f"{kernel}: {event.after}{ways}; {before} {event.before or 'good'}"


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


def kernel_name(entry: Entry) -> str:
    """Write a kernel by its source and, where the boot has told, its release."""
    return named(entry.result.cell.kernel, entry.result.decisive.facts.release)


def expectation(entry: Entry) -> str:
    """Say what was expected, where that is not that the boot is good."""
    expect = entry.result.cell.expect
    if expect == Verdict.GOOD:
        return ""
    if entry.result.as_expected is not False:
        return f"expected: {expect}"
    wanted = "it to be bad" if expect == Verdict.BAD else expect
    came = entry.result.decisive
    return f"expected {wanted}, but it {f'ended in {came.cause}' if came.cause else 'booted'}"


def payload(outcome: GateOutcome, entry: Entry, unit: str = "") -> str:
    """Write how large a payload is, and how much larger than the baseline's."""
    size = entry.result.decisive.facts.payload_bytes
    other = outcome.baseline_of(entry)
    old = other.result.decisive.facts.payload_bytes if other else 0
    if not size:
        return ""
    return f"{size:,}{unit} ({size - old:+,})" if old and size != old else f"{size:,}{unit}"


def share(outcome: GateOutcome, entry: Entry) -> str:
    """Write how much of its loader's limit a payload takes up."""
    room = outcome.payload_room(entry)
    return f"{room.percent:.1f} %" if room else ""


def reached(entry: Entry) -> str:
    """Write how far a boot came: ``init 2.88 s``.

    The baseline's time stands beside it only where boots were measured in turns and are slower:
    else they differ by what the host was doing.
    """
    milestones = [*entry.result.decisive.facts.milestones.items()]
    if not milestones:
        return ""
    name, seconds = milestones[-1]
    pace = entry.pace
    if not pace or not any(each.kind == "slower" for each in entry.remarks):
        return f"{name} {seconds:.2f} s"
    more = f"{median(pace.candidate) - median(pace.baseline):+.2f}"
    return f"{name} {seconds:.2f} s ({more}{' of its own' if pace.counted else ''})"


def booted_on(entry: Entry) -> str:
    """Write which computer a boot was made on, empty where nobody has told."""
    host = entry.result.decisive.host
    return ", ".join(filter(None, (host.name, host.cpu)))


def built_otherwise(entry: Entry) -> tuple[str, ...]:
    """Say in what the kernel differs from the baseline; times are drawn, or stand in a table."""
    times = entry.result.decisive.facts.milestones
    return tuple(str(change) for change in entry.changes if change.what not in times)


def sentences(entry: Entry, without: Container[str] = ()) -> tuple[str, ...]:
    """Say everything that there is to say of a cell, a sentence each, but for some remarks."""
    attempt = entry.result.decisive
    cause = f"{attempt.cause}: " if attempt.cause else ""
    said = (expectation(entry), f"{cause}{attempt.sentence}", since_said(entry))
    remarks = (remark.sentence for remark in entry.remarks if remark.sentence not in without)
    return (*filter(None, said), *remarks)


def shared(outcome: GateOutcome) -> dict[str, str]:
    """Return the remarks that several cells have, each with how to say it of all of them.

    Where there are many of a kind that differ in their numbers, one line says it of all. What only
    cells that fail have is told with them.
    """
    counts = Counter(remark.sentence for entry in outcome.entries for remark in entry.remarks)
    kinds: dict[str, dict[str, None]] = defaultdict(dict)
    boots: Counter[str] = Counter()
    for entry in outcome.entries:
        if entry.standing is Standing.WARNING:
            for remark in entry.remarks:
                kinds[remark.kind][remark.sentence] = None
            boots.update({remark.kind for remark in entry.remarks})
    found = {}
    for kind, sentences_of_kind in kinds.items():
        if kind in _KINDS and len(sentences_of_kind) > _MOST_OF_A_KIND:
            *_, last = sentences_of_kind
            said = f"in {count(boots[kind], 'boot')} {_KINDS[kind]}, the last: {last}"
            found.update(dict.fromkeys(sentences_of_kind, said))
            continue
        for sentence in sentences_of_kind:
            if counts[sentence] > 1:
                found[sentence] = f"in {count(counts[sentence], 'boot')}: {sentence}"
    return found


def worth_a_word(entry: Entry, without: Container[str]) -> bool:
    """Whether a cell is not simply good, for more than what is said of several."""
    if entry.since and entry.since.course is Course.FIXED:
        return True
    if entry.standing is not Standing.WARNING:
        return entry.standing is not Standing.GOOD
    return any(remark.sentence not in without for remark in entry.remarks)


def projection(crossing: Crossing) -> str:
    """Say when a series comes to a limit, what that rests on, and how sure it is."""
    loader = Path(crossing.loader).name
    flavour, _, compression = crossing.series.partition(", ")
    kernel = f"{'an' if flavour[0] in 'aeiou' else 'a'} {flavour} kernel"
    kernel += f" ({compression})" if compression else ""
    if crossing.releases <= 0:
        return (
            f"{kernel} has outgrown {loader}: Linux {crossing.version} is larger than "
            f"{count(crossing.limit, 'byte')}"
        )
    rests_on = count(crossing.kernels, "kernel")
    if crossing.remembered:
        rests_on += f", {crossing.remembered:,} of them from your history"
    rests_on += f", {crossing.oldest} to {crossing.newest}"
    match crossing.earliest, crossing.latest:
        case None, _:
            sure = f"{rests_on}; rough"
        case earliest, None:
            sure = f"{earliest} or later; {rests_on}"
        case earliest, latest:
            sure = f"{earliest} to {latest}; {rests_on}" if earliest != latest else rests_on
    return f"at this growth {kernel} outgrows {loader} around Linux {crossing.version} ({sure})"
