"""The sentences and short texts that all reports of a gate share."""

from collections import Counter, defaultdict
from collections.abc import Container
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.events import Event, Happening
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.series import named, short
from bootharness.gate.since import Course, Seen, Since
from bootharness.gate.trend import Crossing
from bootharness.text import count, printable

__all__ = [
    "WORDS",
    "booted_on",
    "built_otherwise",
    "course_said",
    "day",
    "event_said",
    "expectation",
    "kernel_name",
    "payload",
    "projection",
    "reached",
    "sentences",
    "share",
    "shared",
    "since_said",
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

_MOST_OF_A_KIND = 12
_WAYS = 2
_KINDS = {
    "headroom": "a loader's limit is near",
    "slower": "the boot is slower than the baseline's",
    "flaky": "the boot is flaky",
}
"""The remarks that differ in their numbers alone."""


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
        parts.append(course_said(entry, since))
    if since.last_good:
        parts.append(f"last good {_known(since.last_good, 'on')}")
    return "; ".join(parts)


def course_said(entry: Entry, since: Since) -> str:
    """Say whether a failure is new, or since when it is there."""
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
