"""What has happened over the months: what began to fail and was mended, limits and toolchains."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from bootharness.diagnosis.verdict import Verdict
from bootharness.gate.axes import varying, way
from bootharness.gate.since import Content, Line, Seen, content_of, in_order, line_of, seen_of
from bootharness.runs.result import LimitSeen, Past

__all__ = ["TURNS", "Event", "Happening", "events"]


class Happening(StrEnum):
    """What an event is."""

    FIRST_BAD = "first bad"
    OTHER_CAUSE = "another cause"
    FIXED = "fixed"
    LIMIT = "limit moved"
    TOOLCHAIN = "toolchain changed"


TURNS = (Happening.FIRST_BAD, Happening.OTHER_CAUSE, Happening.FIXED)
"""Those that boots show."""


class Event(Struct, frozen=True):
    """Something that is not as it was before, ``at`` the moment when that was first seen, in
    seconds since 1970.

    ``before`` and ``after`` are what changed: the cause of a boot, empty of a good one; a loader's
    limit; a compiler. ``kernel`` is the first one of which it is so, and ``previous`` the one right
    before it in its series: the same where what has changed is not in the kernel. A limit has a
    ``loader`` in their place, and ``limit`` is what its payload's was before, in bytes. ``ways``
    are how it was booted, where not all boots show it.
    """

    what: Happening
    at: float
    before: str
    after: str
    kernel: str = ""
    release: str = ""
    previous: str = ""
    loader: str = ""
    limit: int | None = None
    ways: tuple[str, ...] = ()


def events(pasts: Iterable[Past], limits: Iterable[LimitSeen] = ()) -> tuple[Event, ...]:
    """Return what has happened to kernels that were booted, and to the limits of their loaders,
    the oldest first.

    ``pasts`` are the oldest first. Kernels are of one series when their names differ in a version
    alone; versions order them, or else the time of their first boot. Of grown kernels, and of what
    nothing was found out about, nothing is said.
    """
    known = [
        past for past in pasts
        if past.result.verdict is not Verdict.SKIP
        and not past.result.cell.kernel.startswith("grow:")
    ]  # fmt: skip
    names = varying(past.result.cell for past in known)
    lines: dict[Line, list[Past]] = defaultdict(list)
    series: dict[str, list[Past]] = defaultdict(list)
    for past in known:
        line = line_of(past.result.cell)
        lines[line].append(past)
        series[line[1]].append(past)
    # what happens twice in the same way is told twice
    alike: dict[tuple[Event, int], list[tuple[float, str]]] = defaultdict(list)
    booted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for its in lines.values():
        how = way(its[0].result.cell, names)
        for past in its:
            booted[past.result.cell.kernel, past.result.decisive.facts.release].add(how)
        times: Counter[Event] = Counter()
        for event in sorted(_of_line(its), key=lambda event: event.at):
            same = replace(event, at=0.0)
            alike[same, times[same]].append((event.at, how))
            times[same] += 1
    found = []
    for (event, _), seen in alike.items():
        ways = tuple(dict.fromkeys(how for _, how in seen))
        several = len(ways) < len(booted[event.kernel, event.release])
        found.append(replace(event, at=min(at for at, _ in seen), ways=ways if several else ()))
    for its in series.values():
        found += _toolchains(its)
    loaders = {past.result.cell.plan.loader for past in known}
    found += _limits(each for each in limits if each.loader in loaders)
    return tuple(sorted(found, key=lambda event: event.at))


def _of_line(pasts: list[Past]) -> Iterator[Event]:
    """Yield what has happened to kernels that were booted in the same way: from one to the next by
    what came of each at first, and of each what came of it later."""
    first: dict[Content, Seen] = {}
    last: dict[Content, Seen] = {}
    for past in pasts:
        own = seen_of(past.result, past.made_at)
        content = content_of(own)
        if content in last:
            yield from _turned(last[content], own)
        first.setdefault(content, own)
        last[content] = own
    ordered = [seen for _, seen in in_order(first, None)]
    for before, own in pairwise(ordered):
        yield from _turned(before, own)


def _turned(before: Seen, own: Seen) -> Iterator[Event]:
    """Yield how a kernel does otherwise than one before it, or than it did itself."""
    if (before.verdict, before.cause) == (own.verdict, own.cause) or own.at is None:
        return
    what = Happening.FIXED
    if own.verdict is Verdict.BAD:
        bad = before.verdict is Verdict.BAD
        what = Happening.OTHER_CAUSE if bad else Happening.FIRST_BAD
    yield Event(what, own.at, before.cause or "", own.cause or "", own.kernel, own.release,
                previous=before.kernel)  # fmt: skip


def _toolchains(pasts: Iterable[Past]) -> Iterator[Event]:
    """Yield where the kernels of a series, of those that have said who built them, were built by
    another compiler than the ones before."""
    first: dict[Content, Seen] = {}
    compilers: dict[Content, str] = {}
    for past in pasts:
        own = seen_of(past.result, past.made_at)
        compiler = past.result.decisive.facts.compiler
        if compiler and content_of(own) not in first:
            first[content_of(own)] = own
            compilers[content_of(own)] = compiler
    ordered = in_order(first, None)
    for (old, before), (new, own) in pairwise(ordered):
        if compilers[old] != compilers[new] and own.at is not None:
            yield Event(Happening.TOOLCHAIN, own.at, compilers[old], compilers[new], own.kernel,
                        own.release, previous=before.kernel)  # fmt: skip


def _limits(seen: Iterable[LimitSeen]) -> Iterator[Event]:
    """Yield where what a loader can boot has changed."""
    last: dict[tuple[str, str], LimitSeen] = {}
    for each in seen:
        before = last.get((each.loader, each.part))
        # two histories may both have noted the same
        if before and before.largest != each.largest:
            yield Event(Happening.LIMIT, each.at, _written(before), _written(each),
                        loader=each.loader,
                        limit=before.largest if each.part == "payload" else None)  # fmt: skip
        last[each.loader, each.part] = each


def _written(limit: LimitSeen) -> str:
    if limit.largest is None:
        return f"any {limit.part} that fits into memory"
    return f"{limit.largest:,} {limit.unit}s of {limit.part}"
