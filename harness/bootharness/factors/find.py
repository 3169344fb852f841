"""What separates kernels that boot from those that do not: a rule, what says the same, rivals."""

from collections.abc import Iterator, Sequence
from itertools import islice, product

from bootharness.errors import UsageError
from bootharness.factors.columns import Column, Together, columns
from bootharness.factors.rules import Case, Condition, Factors, Rule
from bootharness.factors.search import Hit, Search
from bootharness.factors.values import place, written
from bootharness.text import count, listed, printable

__all__ = ["find_factors"]

# of conditions that separate equally well, those that a loader has to do with come first
_FIRST = ("payload_bytes", "setup_sects", "init_size", "file_bytes", "release")
_EQUAL = 100
_RIVALS = 8
_SPELLINGS = 200
_NAMED = 3


def find_factors(cases: Sequence[Case]) -> Factors:
    """Return what separates the bad cases from the good ones, and whether chance does as well.

    Raises UsageError when all are good or all are bad, or when nothing is known of them that
    differs.
    """
    if not cases:
        raise UsageError(
            "there are no results: give what `boot`, `gate` or `bisect` has written with --json, "
            "or boot kernels first"
        )
    bad = sum(1 << at for at, case in enumerate(cases) if case.bad)
    if not 0 < bad.bit_count() < len(cases):
        which = "none is bad" if not bad else "all are bad"
        raise UsageError(
            f"of {count(len(cases), 'kernel')} {which}: it takes good ones and bad ones to tell "
            "what they differ in"
        )
    known = [*columns(cases)]
    if not known:
        raise UsageError("nothing is known of these kernels that differs between good and bad")
    search = Search(known, len(cases))
    kernels = _kernels(cases)
    hits = _ranked(search, bad)
    best, most = hits[0], search.cost(hits[0])
    together = Together(known, len(cases))
    equal: list[Rule] = []
    rivals: list[Rule] = []
    trivial = min(bad.bit_count(), len(cases) - bad.bit_count())  # to call all of them the same
    rule = next(_spellings(best, search, cases, bad))
    said = [_features(rule)]
    for hit in hits:
        same = search.cost(hit) == most
        found, limit = (equal, _EQUAL) if same else (rivals, _RIVALS)
        if not same and len(rivals) == _RIVALS:
            break
        if not same and hit.wrong >= trivial:
            continue
        for other in islice(_spellings(hit, search, cases, bad), _SPELLINGS):
            if len(found) < limit and not _is_said(_features(other), said, together):
                said.append(_features(other))
                found.append(other)
    return Factors(
        good=len(cases) - bad.bit_count(),
        bad=bad.bit_count(),
        kernels=len(kernels),
        rule=rule,
        chance=search.chance(bad, best, _shuffled(rule, known, kernels)),
        together=tuple(_moving(each, known, together) for each in rule.conditions),
        equal=tuple(equal),
        rivals=tuple(rivals),
        nearest=tuple(_nearest(rule, cases)),
        notes=(*_flaky(cases), *filter(None, (column.note for column in known))),
    )


def _kernels(cases: Sequence[Case]) -> list[list[int]]:
    """Return the cases of each kernel."""
    kernels: dict[object, list[int]] = {}
    for at, case in enumerate(cases):
        kernels.setdefault(case.kernel or at, []).append(at)
    return [*kernels.values()]


def _shuffled(rule: Rule, known: Sequence[Column], kernels: list[list[int]]) -> list[list[int]]:
    """Return what is shuffled as a whole: kernels, unless a rule is only of how they are booted."""
    columns = {column.name: column for column in known}
    for each in rule.conditions:
        places = columns[each.feature].places
        if all(len({places[at] for at in kernel} - {None}) < 2 for kernel in kernels):
            return kernels
    return [[at] for kernel in kernels for at in kernel]


def _ranked(search: Search, bad: int) -> list[Hit]:
    """Return what was found, the best first."""

    def order(hit: Hit) -> tuple[float, tuple[tuple[int, str], ...]]:
        first = (min(map(_rank, search.same[at])) for at in hit.conditions)
        return search.cost(hit), tuple(first)

    return sorted(search.hits(bad), key=order)


def _rank(condition: Condition) -> tuple[int, str]:
    name = condition.feature
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), str(condition))


def _spellings(hit: Hit, search: Search, cases: Sequence[Case], bad: int) -> Iterator[Rule]:
    """Yield a rule with every condition that holds for the same cases, the first one first."""
    right = search.right(hit, bad)
    wrong = tuple(case.name for at, case in enumerate(cases) if not right >> at & 1)
    for conditions in product(*(sorted(search.same[at], key=_rank) for at in hit.conditions)):
        yield Rule(tuple(conditions), hit.joined, wrong)


def _features(rule: Rule) -> tuple[str, ...]:
    return tuple(each.feature for each in rule.conditions)


def _is_said(
    features: tuple[str, ...], said: Sequence[tuple[str, ...]], together: Together
) -> bool:
    """Return whether a rule is said already, by features that move together with its own."""
    return any(
        all(map(together, features, order))
        for each in said
        if len(each) == len(features)
        for order in (each, each[::-1])
    )


def _moving(condition: Condition, known: Sequence[Column], together: Together) -> tuple[str, ...]:
    names = [column.name for column in known if together(condition.feature, column.name)]
    ranked = sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return (condition.feature, *(name for name in ranked if name != condition.feature))


def _nearest(rule: Rule, cases: Sequence[Case]) -> Iterator[str]:
    """Yield, for each threshold, a case on either side of it, one that the rule gets right."""
    for condition in rule.conditions:
        for value in (condition.below, condition.above):
            if value is None:
                continue
            here = [
                case for case in cases
                if condition.feature in case.features
                and place(case.features[condition.feature], condition.kind)
                == place(value, condition.kind)
            ]  # fmt: skip
            case = next((each for each in here if each.name not in rule.wrong), here[0])
            said = "bad" if case.bad else "good"
            yield f"{case.name}: {condition.feature} {written(value)}, {said}"


def _flaky(cases: Sequence[Case]) -> Iterator[str]:
    flaky = [case for case in cases if case.flaky]
    if flaky:
        some = [
            f"{printable(case.name)} (bad in {case.bad_boots} of {case.boots} boots)"
            for case in flaky
        ]
        yield (
            f"not always alike: {listed(some, _NAMED)}; what most boots of a kernel were counts, "
            "bad where it is even"
        )
