"""Features as columns: what each case has of one, and which of them move together."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from random import Random
from typing import Any

from msgspec import Struct

from bootharness.factors.rules import Case
from bootharness.factors.values import Kind, Value, kind_of, kind_of_one, place
from bootharness.text import listed, printable

__all__ = ["Column", "Together", "columns"]

_PAIRS = 2_000
_UNLIKE = 0.02
_FEW_PAIRS = 3
_NAMED = 3
_KINDS = {"number": "numbers", "version": "versions", "text": "texts"}


class Column(Struct, frozen=True):
    """A feature: its value in each case, and the place of that in the order of its kind.

    Both are None where it is not known, or of another kind than most.
    """

    name: str
    kind: Kind
    values: tuple[Value | None, ...]
    places: tuple[Any, ...]
    others: tuple[Value, ...] = ()

    @property
    def note(self) -> str:
        """What is said of values that are of another kind than most, empty without any."""
        if not self.others:
            return ""
        some = listed([printable(repr(str(each))) for each in self.others], _NAMED)
        which = "is none" if len(self.others) == 1 else "are none"
        return f"{self.name} has {_KINDS[self.kind]}: {some} {which}, and counts as unknown"


def columns(cases: Sequence[Case]) -> Iterator[Column]:
    """Yield a column of each feature of which the cases have different values."""
    names = {name for case in cases for name in case.features}
    for name in sorted(names):
        known = [case.features.get(name) for case in cases]
        kind = kind_of(value for value in known if value is not None)
        values = tuple(
            None if value is None or not kind_of_one(value, kind) else value for value in known
        )
        places = tuple(None if value is None else place(value, kind) for value in values)
        others = dict.fromkeys(
            each for each, kept in zip(known, values, strict=True)
            if each is not None and kept is None
        )  # fmt: skip
        if len({each for each in places if each is not None}) > 1:
            yield Column(name, kind, values, places, tuple(others))


class Together:
    """Tells which columns move together: they order nearly all pairs of cases alike.

    Of many pairs it looks at some, always the same.
    """

    def __init__(self, known: Iterable[Column], cases: int) -> None:
        self._known: dict[tuple[str, str], bool] = {}
        self._columns = {column.name: column for column in known}
        if cases * (cases - 1) // 2 <= _PAIRS:
            self._pairs = [*combinations(range(cases), 2)]
        else:
            random = Random(0)
            self._pairs = [tuple(random.sample(range(cases), 2)) for _ in range(_PAIRS)]  # type: ignore[misc]

    def __call__(self, one: str, other: str) -> bool:
        """Return whether two features move together."""
        if one == other:
            return True
        key = (min(one, other), max(one, other))
        if key not in self._known:
            self._known[key] = self._told(*key)
        return self._known[key]

    def _told(self, one: str, other: str) -> bool:
        first, second = self._columns[one], self._columns[other]
        ordered = first.kind != "text" and second.kind != "text"
        told = unlike = 0
        for here, there in self._pairs:
            a, b = first.places[here], first.places[there]
            c, d = second.places[here], second.places[there]
            if a is None or b is None or c is None or d is None:
                continue
            told += 1
            unlike += (a == b) != (c == d) or (ordered and (a < b) != (c < d))
            if unlike > _UNLIKE * len(self._pairs):
                return False
        return told >= _FEW_PAIRS and unlike <= _UNLIKE * told
