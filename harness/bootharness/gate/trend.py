"""How payloads grow from version to version, and which version will be too large for a loader."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from statistics import median

from msgspec import Struct

from bootharness.gate.outcome import GateOutcome
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
    "version_name",
    "version_place",
]

_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:-rc(\d+))?[^-]*(?:-(.+))?")
# the last minor version of each major one; from 7 on as many as of most
_LAST_MINOR = {2: 39, 3: 19, 4: 20, 5: 19, 6: 19}
_USUAL_LAST_MINOR = 19
# Linux comes out every nine to ten weeks; patches lie between a version and the next
_PATCHES = 200
_LEAST_POINTS = 3
_FARTHEST = 100
"""Of what lies more versions ahead nobody knows anything."""


class Point(Struct, frozen=True):
    """A kernel on the line of its versions: ``place`` counts minor versions since 2.0."""

    release: str
    sha256: str
    place: float
    payload_bytes: int


class Series(Struct, frozen=True):
    """Kernels that differ in their version alone, the oldest first.

    ``per_version`` is how many bytes a minor version adds: of all pairs the median, which
    a single odd kernel does not change. None where there are too few versions to tell.
    """

    name: str
    points: tuple[Point, ...]
    per_version: float | None


class Crossing(Struct, frozen=True):
    """Which version will be the first that is larger than a loader's limit.

    ``place`` is on the line of versions and ``releases`` how many minor versions that is
    from the newest kernel; both are 0 or less where a kernel is too large already.
    """

    series: str
    loader: str
    limit: int
    place: float
    version: str
    releases: float


def version_place(release: str) -> tuple[float, str] | None:
    """Return where a release is on the line of versions, and which series it belongs to.

    ``6.12.107+deb13-cloud-amd64`` is a ``cloud-amd64``. None for what has no version.
    """
    found = _RELEASE.fullmatch(release)
    if not found:
        return None
    major, minor, patch = int(found[1]), int(found[2]), int(found[3] or 0)
    flavour = re.sub(r"^(\d+-)+", "", found[5] or "")  # Debian's ABI number: 6.1.0-50-cloud
    if major not in _LAST_MINOR and major < 7:
        return None
    before = sum(_last_minor(each) + 1 for each in range(2, major))
    fraction = min(patch, _PATCHES - 1) / _PATCHES
    return before + minor + (-0.01 if found[4] else fraction), flavour


def version_name(place: float) -> str:
    """Return the version at a place: ``8.3``."""
    left, major = int(place), 2
    while left > _last_minor(major):
        left -= _last_minor(major) + 1
        major += 1
    return f"{major}.{left}"


def _last_minor(major: int) -> int:
    return _LAST_MINOR.get(major, _USUAL_LAST_MINOR)


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
    return lines, tuple(crossings(lines, outcome.headroom))


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
        result.append(Series(name, points, _per_version(points)))
    return tuple(result)


def _per_version(points: tuple[Point, ...]) -> float | None:
    slopes = [
        (other.payload_bytes - one.payload_bytes) / (other.place - one.place)
        for one, other in combinations(points, 2)
        if other.place - one.place > 0.5  # two patches of a version say nothing of versions
    ]
    return median(slopes) if len(points) >= _LEAST_POINTS and slopes else None


def payload_limits(headroom: Iterable[Headroom]) -> set[tuple[str, int]]:
    """Return the loaders that have a payload limit, each with that limit in bytes."""
    return {(each.loader, each.limit) for each in headroom if each.part == "payload" and each.limit}


def crossings(all_series: Iterable[Series], headroom: Iterable[Headroom]) -> Iterator[Crossing]:
    """Yield where series that grow come to the payload limits of these loaders."""
    limits = payload_limits(headroom)
    for each in all_series:
        if not each.per_version or each.per_version <= 0:
            continue
        newest = each.points[-1]
        for loader, limit in sorted(limits):
            ahead = (limit - newest.payload_bytes) / each.per_version
            if ahead <= _FARTHEST:
                # the first version that is beyond the limit, not the last within
                place = newest.place + max(ahead, 0.0)
                version = version_name(place if ahead <= 0 else int(place) + 1)
                yield Crossing(each.name, loader, limit, place, version, ahead)
