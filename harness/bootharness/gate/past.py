"""The results of a history as the outcome of one gate, to be drawn as one is."""

from collections.abc import Iterable

from msgspec.structs import replace

from bootharness.gate.axes import varying, way
from bootharness.gate.events import Event
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.series import place_of, series_of
from bootharness.gate.version import version_place
from bootharness.runs.headroom import headroom_of
from bootharness.runs.history import History
from bootharness.runs.result import CellResult, Past

__all__ = ["outcome_of", "superseded"]


def outcome_of(
    pasts: Iterable[Past], history: History, happened: tuple[Event, ...] = ()
) -> GateOutcome:
    """Return the last result of each boot, by flavour and version; nothing is compared.

    ``happened`` is what is to be told of the months.
    """
    # of a failure that is held by now, what was before is no failure any more
    last = {(past.result.cell.kernel, past.result.cell.plan): past.result for past in pasts}
    results = sorted((replace(each, cached=False) for each in last.values()), key=_by_version)
    names = varying(each.cell for each in results)
    entries = tuple(Entry(result, way(result.cell, names)) for result in results)
    headroom = tuple(headroom_of(results, history))
    return GateOutcome(entries, headroom=headroom, past=True, events=happened)


def superseded(outcome: GateOutcome) -> frozenset[str]:
    """Return the kernels of which a later version was booted too, by their sources."""
    newest: dict[str, float] = {}
    places = {}
    for each in outcome.entries:
        kernel = each.result.cell.kernel
        at = place_of(each.result.decisive.facts.release, kernel)
        if at is not None:
            places[kernel] = at
            newest[series_of(kernel)] = max(at, newest.get(series_of(kernel), at))
    return frozenset(kernel for kernel, at in places.items() if at < newest[series_of(kernel)])


def _by_version(result: CellResult) -> tuple[bool, str, float, str]:
    place = version_place(result.decisive.facts.release)
    return place is None, place[1] if place else "", place[0] if place else 0, result.cell.kernel
