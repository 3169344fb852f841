"""What has changed from one gate to another: each cell of one beside the same cell of the other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.errors import COULD_NOT_FIND_OUT
from bootharness.gate.compare import built
from bootharness.gate.groups import Crowd, Group
from bootharness.gate.outcome import Change, Entry, GateOutcome, Standing
from bootharness.gate.series import series_of
from bootharness.gate.since import Course, Since, place, seen_of
from bootharness.runs.result import Attempt

__all__ = ["GateDiff", "Turn", "Turned", "diff_of"]

_FAILS = (Standing.BAD, Standing.STILL)
_Pair = tuple[Entry | None, Entry | None]


class Turn(StrEnum):
    """How a cell of the later gate differs from that of the earlier one, the worst first."""

    BROKEN = "newly-bad"
    OTHERWISE = "cause-changed"
    LOST = "now-unknown"
    WARNED = "new-warning"
    FIXED = "fixed"
    HELD = "now-expected"
    KNOWN = "now-known"
    NEW = "new"
    GONE = "gone"


class Turned(Struct, frozen=True):
    """Cells that have turned alike, folded: those of the later gate, or what is gone from the
    earlier one.

    ``before`` are the cells of the earlier gate, each at the place of its own in the group, None
    for what was not booted there. ``changes`` are in what the first two boots differ, and
    ``warnings`` the sentences that are new of the first.
    """

    turn: Turn
    group: Group
    before: tuple[Entry | None, ...]
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()


class GateDiff(Struct, frozen=True):
    """Two gates compared, the candidates of one with those of the other.

    ``same`` cells are as they were. ``builds`` are the kernels that were compared as two builds of
    one thing, for their names differ in a version alone.
    """

    before: GateOutcome
    after: GateOutcome
    turned: tuple[Turned, ...]
    same: int
    builds: tuple[tuple[str, str], ...]

    @property
    def exit_status(self) -> int:
        """1 where something fails that did not fail so before, else 125 where something is not
        known now, was not booted for the later gate was interrupted, or is in one gate only, as
        all else is."""
        turns = {each.turn for each in self.turned}
        if turns & {Turn.BROKEN, Turn.OTHERWISE}:
            return 1
        open_ = Turn.LOST in turns or self.after.untried or self.apart
        return COULD_NOT_FIND_OUT if open_ else 0

    @property
    def apart(self) -> bool:
        """Whether no cell is in both gates, so that nothing was compared."""
        in_both = (each.before[0] and each.turn is not Turn.GONE for each in self.turned)
        return bool(self.turned) and not self.same and not any(in_both)


def diff_of(before: GateOutcome, after: GateOutcome) -> GateDiff:
    """Compare two gates cell by cell.

    Cells are the same that boot the same kernel, by its source, in the same way; else those of
    the only kernels that are left of a series in either gate.
    """
    pairs = _pairs(before.candidates, after.candidates)
    alike: dict[tuple[Turn, object, object], list[_Pair]] = defaultdict(list)
    same = 0
    for old, new in pairs:
        turn = _turn(old, new)
        if turn is None:
            same += 1
        else:
            alike[turn, _end(old), (_end(new), _new_warnings(old, new))].append((old, new))
    crowds = Crowd(before.candidates), Crowd(after.candidates)
    turned = [
        each for (turn, *_), its in alike.items()
        for each in _folded(turn, its, crowds[turn is not Turn.GONE])
    ]  # fmt: skip
    order = list(Turn)
    turned.sort(key=lambda each: (order.index(each.turn), -len(each.group.entries)))
    builds = {
        (old.result.cell.kernel, new.result.cell.kernel): None
        for old, new in pairs
        if old and new and old.result.cell.kernel != new.result.cell.kernel
    }
    return GateDiff(before, after, tuple(turned), same, tuple(builds))


def _pairs(before: Iterable[Entry], after: Iterable[Entry]) -> list[_Pair]:
    """Put each cell beside the same one of the other gate, None beside what has none."""
    left = {(each.result.cell.kernel, place(each.result.cell)): each for each in before}
    pairs: list[_Pair] = []
    others = []
    for new in after:
        old = left.pop((new.result.cell.kernel, place(new.result.cell)), None)
        if old:
            pairs.append((old, new))
        else:
            others.append(new)
    lines = _by_line(left.values())
    for line, its in _by_line(others).items():
        if len(its) == 1 and len(lines.get(line, ())) == 1:
            pairs.append((lines.pop(line)[0], its[0]))
        else:
            pairs += [(None, new) for new in its]
    return [*pairs, *((old, None) for its in lines.values() for old in its)]


def _by_line(entries: Iterable[Entry]) -> dict[object, list[Entry]]:
    found: dict[object, list[Entry]] = defaultdict(list)
    for each in entries:
        found[series_of(each.result.cell.kernel), place(each.result.cell)].append(each)
    return found


def _turn(old: Entry | None, new: Entry | None) -> Turn | None:
    """Say how a cell has turned, None where it is as it was."""
    if new is None:
        return Turn.GONE
    was = old.standing if old else None
    if new.standing in _FAILS:
        if old is None or was not in _FAILS:
            return Turn.BROKEN
        return Turn.OTHERWISE if _end(old) != _end(new) else None
    if new.standing is Standing.UNKNOWN:
        return None if was is Standing.UNKNOWN else Turn.LOST
    if old is None:
        return Turn.NEW
    if was is Standing.UNKNOWN:
        return Turn.KNOWN
    if was in _FAILS:
        return Turn.HELD if _end(old) == _end(new) else Turn.FIXED
    return Turn.WARNED if _new_warnings(old, new) else None


def _end(entry: Entry | None) -> tuple[Verdict, str | None] | None:
    return entry.result.decisive.outcome if entry else None


def _new_warnings(old: Entry | None, new: Entry | None) -> tuple[str, ...]:
    """Return the kinds of warnings that a cell has now and had not.

    Slower is what the later gate has measured in turns, as the earlier one had, which found it not
    so, with kernels that are compressed in the same way, and on the same kind of computer: times of
    two runs say nothing.
    """
    if not (old and new and new.standing is Standing.WARNING):
        return ()
    known = {each.kind for each in old.remarks}
    kinds = dict.fromkeys(each.kind for each in new.remarks if each.kind not in known)
    if "slower" in kinds and not _alike(old, new):
        del kinds["slower"]
    return tuple(kinds)


def _alike(old: Entry, new: Entry) -> bool:
    one, other = (each.result.decisive for each in (old, new))
    alike = one.facts.compression == other.facts.compression and one.profile == other.profile
    return old.pace is not None and alike


def _folded(turn: Turn, pairs: list[_Pair], crowd: Crowd) -> Iterator[Turned]:
    """Yield cells that have turned alike in as few folds as tell which."""
    beside = {id(new or old): (old, new) for old, new in pairs}
    for fold in crowd.folded(each for each in crowd.entries if id(each) in beside):
        first = fold.first
        old, new = beside[id(first)]
        before = tuple(beside[id(each)][0] for each in fold.entries)
        if old and new:
            led = replace(new, since=_since(old, new))
            its = replace(fold, entries=(led, *fold.entries[1:]))
            kinds = _new_warnings(old, new)
            yield Turned(
                turn,
                Group(new.standing, new.result.decisive.cause, its),
                before,
                tuple(_changes(old.result.decisive, new.result.decisive)),
                tuple(each.sentence for each in new.remarks if each.kind in kinds),
            )
        else:
            yield Turned(turn, Group(first.standing, first.result.decisive.cause, fold), before)


def _since(old: Entry, new: Entry) -> Since | None:
    """Say from which kernel to which one has turned, None where it is the same kernel: then it is
    nothing in it."""
    one, other = old.result.decisive.facts.sha256, new.result.decisive.facts.sha256
    if one and one == other:
        return None
    known = new.since
    if (known and known.first_bad and known.last_good) or old.result.verdict is not Verdict.GOOD:
        return known
    return Since(Course.NEW, first_bad=seen_of(new.result), last_good=seen_of(old.result))


def _changes(old: Attempt, new: Attempt) -> Iterator[Change]:
    """Yield in what two boots of the same cell differ, as far as both have told."""
    before, after = old.facts, new.facts
    if before.sha256 and after.sha256:
        if before.sha256 == after.sha256:
            yield Change("kernel", "", "the same kernel, byte for byte")
        else:
            if before.release != after.release:
                yield Change("release", before.release, after.release)
            yield from built(before, after)
    one, other = (
        f"{each.qemu_version}, {each.accelerator}" if each.qemu_version else ""
        for each in (before, after)
    )
    if one and other and one != other:
        yield Change("QEMU", one, other)
    if old.host.cpu and new.host.cpu and old.host.cpu != new.host.cpu:
        yield Change("CPU", old.host.cpu, new.host.cpu)
