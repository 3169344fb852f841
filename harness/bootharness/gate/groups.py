"""Cells that fail alike, told together: over kernels, loaders, routes and all other axes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from glob import escape
from itertools import takewhile

from msgspec import Struct

from bootharness.gate.axes import AXES, axes
from bootharness.gate.outcome import Entry, GateOutcome, Standing
from bootharness.gate.series import place_of, short
from bootharness.plan import STAGE1

__all__ = ["Crowd", "Fold", "Group", "fitting", "groups", "kernels_said"]

_LEAST_ALIKE = 3
_NAMED = 3
_TOLD = (Standing.BAD, Standing.STILL, Standing.UNKNOWN)


class Fold(Struct, frozen=True, dict=True):
    """Cells of the same kernels in each way that they are booted in.

    ``kernels`` says which kernels of the gate, ``ways`` how they are booted, ``others`` what boots
    all of them; ``where`` are the axes that tell these ways from the others, with their values.
    """

    entries: tuple[Entry, ...]
    kernels: str
    ways: str
    others: str
    where: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def first(self) -> Entry:
        """The cell that stands for all: of the first of the kernels."""
        return self.entries[0]

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The sources of its kernels, each once."""
        return tuple(dict.fromkeys(entry.result.cell.kernel for entry in self.entries))


class Group(Struct, frozen=True, dict=True):
    """Cells that stand alike and end in the same cause, folded."""

    standing: Standing
    cause: str | None
    fold: Fold

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Its cells."""
        return self.fold.entries

    @property
    def first(self) -> Entry:
        """The cell that stands for all."""
        return self.fold.first

    @property
    def said(self) -> str:
        """What fails how, and what does not."""
        fold, decisive = self.fold, self.first.result.decisive
        end = decisive.cause or ("booted" if self.standing is Standing.BAD else decisive.verdict)
        ways = f" {fold.ways}" if fold.ways else ""
        return f"{fold.kernels}: {end}{ways}" + (f"; {fold.others}" if fold.others else "")


class Crowd:
    """The cells of a gate, by the versions of their kernels: what some of them are told by."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = _in_order([*entries])
        self._table = {entry.way: axes(entry.result.cell) for entry in {
            entry.way: entry for entry in self.entries}.values()}  # fmt: skip
        self._kernels = [*dict.fromkeys(each.result.cell.kernel for each in self.entries)]
        self._good = {(entry.way, entry.result.cell.kernel) for entry in self.entries
                      if entry.standing in (Standing.GOOD, Standing.WARNING)}  # fmt: skip

    def folded(self, some: Iterable[Entry]) -> Iterator[Fold]:
        """Yield some of its cells, which are in its order, in as few folds as tell which."""
        by_way: dict[str, list[Entry]] = defaultdict(list)
        for entry in some:
            by_way[entry.way].append(entry)
        same: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for way, entries in by_way.items():
            same[tuple(entry.result.cell.kernel for entry in entries)].append(way)
        table, good = self._table, self._good
        for kernels, ways in same.items():
            where = _where(ways, table)
            clear = [way for way in table if all((way, kernel) in good for kernel in kernels)]
            yield Fold(
                entries=tuple(entry for way in ways for entry in by_way[way]),
                kernels=kernels_said(kernels, self._kernels),
                ways=_ways(ways, where, table),
                others=_others(ways, clear, table, several=len(kernels) > 1),
                where=where,
            )


def groups(outcome: GateOutcome) -> tuple[Group, ...]:
    """Return what fails, and what nothing was found out about, the worst and the largest first."""
    crowd = Crowd(outcome.candidates)
    alike: dict[tuple[Standing, str | None], list[Entry]] = defaultdict(list)
    for entry in crowd.entries:
        if entry.standing in _TOLD:
            alike[entry.standing, entry.result.decisive.cause].append(entry)
    found = [
        Group(standing, cause, fold)
        for (standing, cause), entries in alike.items()
        for fold in crowd.folded(entries)
    ]
    order = list(Standing)
    return tuple(sorted(found, key=lambda each: (-order.index(each.standing), -len(each.entries))))


def _in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Return cells by the versions of their kernels, where all have one."""
    places = {
        entry.result.cell.kernel: place_of(
            entry.result.decisive.facts.release, entry.result.cell.kernel
        )
        for entry in entries
    }
    if None in places.values():
        return [*entries]
    return sorted(entries, key=lambda entry: places[entry.result.cell.kernel] or 0.0)


def kernels_said(some: Sequence[str], every: Sequence[str]) -> str:
    """Say which of a gate's kernels these are; both are in the same order."""
    names = [short(each) for each in some]
    if len(some) == 1:
        return names[0]
    number = f"{len(some):,} kernels"
    if len(some) == len(every):
        return f"all {number}" if len(some) > 2 else f"both kernels, {names[0]} and {names[1]}"
    start = every.index(some[0])
    if [*every[start : start + len(some)]] == [*some]:
        if start + len(some) == len(every):
            return f"from {names[0]} on ({number})"
        if len(some) >= _LEAST_ALIKE:
            return f"{names[0]} to {names[-1]} ({number})"
    if len(some) <= _NAMED:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{', '.join(names[:_NAMED])} and {len(some) - _NAMED:,} more kernels"


def _where(
    ways: Collection[str], table: dict[str, dict[str, str]]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the axes on which these ways are not where all are, and where they are."""
    found = []
    for name in AXES:
        here = _values(ways, name, table)
        own_loader = name == "loader" and here not in ((), (STAGE1,))
        if here and (own_loader or {*here} != {*_values(table, name, table)}):
            found.append((name, here))
    return tuple(found)


def _values(ways: Iterable[str], name: str, table: dict[str, dict[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (table[way][name] for way in ways))))


def _ways(
    ways: Sequence[str],
    where: tuple[tuple[str, tuple[str, ...]], ...],
    table: dict[str, dict[str, str]],
) -> str:
    """Say how they boot: ``with no-carry*.asm (mbr, 64 MiB)``; of ways that are not every
    combination of something, name some."""
    covered = [
        way for way, at in table.items() if all(at[name] in values for name, values in where)
    ]
    if {*covered} != {*ways}:
        more = len(ways) - _NAMED
        return f"by {'; '.join(ways[:_NAMED])}" + (f" and {more:,} more ways" if more > 0 else "")
    loader, rest = "", []
    for name, values in where:
        if name == "loader" and values:
            others = [each for each in _values(table, name, table) if each not in values]
            shown = [each.rpartition("/")[2] for each in values]
            loader = f"with {fitting(shown, [each.rpartition('/')[2] for each in others])}"
        elif values:
            rest.append(" and ".join(values) if len(values) < _LEAST_ALIKE else ", ".join(values))
    if not loader:
        return f"by {', '.join(rest)}" if rest else ""
    return f"{loader} ({', '.join(rest)})" if rest else loader


def fitting(values: Sequence[str], others: Sequence[str]) -> str:
    """Write names as one pattern that fits none of the others, or else one by one."""
    if len(values) == 1:
        return values[0]
    begin = _common(values)
    end = _common([each[len(begin) :][::-1] for each in values])[::-1]
    pattern = f"{escape(begin)}*{escape(end)}"
    if begin and not any(fnmatchcase(each, pattern) for each in others):
        return f"{begin}*{end}"
    return f"{', '.join(values[:-1])} and {values[-1]}"


def _common(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    first, last = min(texts), max(texts)
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same)


def _others(
    ways: Sequence[str], clear: Sequence[str], table: dict[str, dict[str, str]], *, several: bool
) -> str:
    """Say what boots the same kernels, where routes or loaders tell it."""
    for name in ("route", "loader"):
        bad, good = set(_values(ways, name, table)), _values(clear, name, table)
        if good and bad and not bad & {*good}:
            shown = sorted(each.rpartition("/")[2] for each in good)
            listed = f"{', '.join(shown[:-1])} and {shown[-1]}" if shown[1:] else shown[0]
            return f"{listed} {'boot' if shown[1:] else 'boots'} {'them' if several else 'it'}"
    return ""
