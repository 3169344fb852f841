"""How payloads grow from version to version, and which version will be too large for a loader."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from itertools import combinations
from statistics import median, quantiles

from msgspec import Struct

from bootharness.gate.outcome import GateOutcome
from bootharness.gate.version import RELEASE, version_name, version_place
from bootharness.predictor.headroom import Headroom
from bootharness.runs.result import BootFacts

__all__ = [
    "Crossing",
    "Point",
    "Series",
    "crossings",
    "payload_limits",
    "series",
    "trend",
]

_LEAST_FOR_A_RANGE = 4
_FARTHEST = 100
"""Of what lies more versions ahead nobody knows anything."""
_FARTHEST_BY_TWO = 2
"""A line through two versions says nothing of what lies farther ahead than so many times what is
between them."""


class Point(Struct, frozen=True):
    """A kernel on the line of its versions: ``place`` counts minor versions since 2.0."""

    release: str
    sha256: str
    place: float
    payload_bytes: int


class Series(Struct, frozen=True):
    """Kernels that differ in their version alone, the oldest first.

    ``slopes`` are how many bytes a minor version adds, by each two of them, the least first.
    """

    name: str
    points: tuple[Point, ...]
    slopes: tuple[float, ...]

    @property
    def per_version(self) -> float | None:
        """How many bytes a minor version adds: the median, which a single odd kernel does not
        change. None where all are of one version."""
        return median(self.slopes) if self.slopes else None

    @property
    def versions(self) -> int:
        """How many minor versions its kernels are of."""
        return len({int(point.place) for point in self.points})


class Crossing(Struct, frozen=True):
    """Which version will be the first that is larger than a loader's limit.

    ``place`` is on the line of versions and ``releases`` how many minor versions that is
    from the newest kernel; both are 0 or less where a kernel is too large already. It rests on
    so many ``kernels``, of the versions ``oldest`` to ``newest``, ``remembered`` of which were
    booted before. ``earliest`` and ``latest`` are where half of what the kernels say of their
    growth, two by two, lies between; both are None where there are too few versions to tell, and
    ``latest`` alone where nobody knows.
    """

    series: str
    loader: str
    limit: int
    place: float
    version: str
    releases: float
    kernels: int
    oldest: str
    newest: str
    remembered: int = 0
    earliest: str | None = None
    latest: str | None = None


def trend(outcome: GateOutcome) -> tuple[tuple[Series, ...], tuple[Crossing, ...]]:
    """Return the series that a gate's kernels belong to, and where they come to its limits."""
    own = [
        entry.result.decisive.facts
        for entry in outcome.entries
        if not entry.result.cell.kernel.startswith("grow:")
    ]
    known = {facts.sha256 for facts in own}
    lines = tuple(
        each
        for each in series((*own, *outcome.builds))
        if len(each.points) > 1 and known & {point.sha256 for point in each.points}
    )
    return lines, tuple(crossings(lines, outcome.headroom, known=known))


def series(kernels: Iterable[BootFacts]) -> tuple[Series, ...]:
    """Return kernels by flavour and compression: only of such does a size say something.

    A kernel that comes several times counts once; one without a version is left out.
    """
    found: dict[str, dict[str, Point]] = defaultdict(dict)
    for facts in kernels:
        place = version_place(facts.release)
        if place and facts.payload_bytes:
            name = ", ".join(part for part in (place[1] or "plain", facts.compression) if part)
            found[name][facts.sha256] = Point(
                facts.release, facts.sha256, place[0], facts.payload_bytes
            )
    result = []
    for name in sorted(found):
        points = tuple(sorted(found[name].values(), key=lambda point: point.place))
        result.append(Series(name, points, _slopes(points)))
    return tuple(result)


def _slopes(points: tuple[Point, ...]) -> tuple[float, ...]:
    slopes = (
        (other.payload_bytes - one.payload_bytes) / (other.place - one.place)
        for one, other in combinations(points, 2)
        if other.place - one.place > 0.5  # two patches of a version say nothing of versions
    )
    return tuple(sorted(slopes))


def payload_limits(headroom: Iterable[Headroom]) -> set[tuple[str, int]]:
    """Return the loaders that have a payload limit, each with that limit in bytes."""
    return {(each.loader, each.limit) for each in headroom if each.part == "payload" and each.limit}


def crossings(
    all_series: Iterable[Series], headroom: Iterable[Headroom], *, known: Container[str] = ()
) -> Iterator[Crossing]:
    """Yield where series that grow come to the payload limits of these loaders.

    ``known`` are the kernels, by their digests, that were not taken from the history.
    """
    limits = payload_limits(headroom)
    for each in all_series:
        if not each.per_version or each.per_version <= 0:
            continue
        oldest, newest = each.points[0], each.points[-1]
        farthest = float(_FARTHEST)
        if each.versions == 2:
            farthest = _FARTHEST_BY_TWO * (newest.place - oldest.place)
        for loader, limit in sorted(limits):
            left = limit - newest.payload_bytes
            ahead = left / each.per_version
            if ahead > farthest:
                continue
            earliest, latest = _between(each, left) if left > 0 else (None, None)
            yield Crossing(
                series=each.name,
                loader=loader,
                limit=limit,
                place=newest.place + max(ahead, 0.0),
                version=_first_beyond(newest.place, ahead),
                releases=ahead,
                kernels=len(each.points),
                oldest=_short(oldest.release),
                newest=_short(newest.release),
                remembered=sum(point.sha256 not in known for point in each.points) if known else 0,
                earliest=earliest,
                latest=latest,
            )


def _short(release: str) -> str:
    found = RELEASE.fullmatch(release)
    assert found  # else it is on no line of versions
    return f"{found[1]}.{found[2]}" + (f"-rc{found[4]}" if found[4] else "")


def _first_beyond(newest: float, ahead: float) -> str:
    """Return the first version that is beyond a limit, not the last within."""
    return version_name(newest if ahead <= 0 else int(newest + ahead) + 1)


def _between(line: Series, left: int) -> tuple[str | None, str | None]:
    """Return the versions between which so many bytes more are likely reached."""
    if line.versions < _LEAST_FOR_A_RANGE:
        return None, None
    low, _, high = quantiles(line.slopes, n=4)
    newest = line.points[-1].place
    never = low <= 0 or left / low > _FARTHEST
    return _first_beyond(newest, left / high), None if never else _first_beyond(newest, left / low)
