"""The results of a history as the outcome of one gate, to be drawn as one is."""

from collections.abc import Iterable

from msgspec.structs import replace

from bootharness.gate.axes import varying, way
from bootharness.gate.events import Event
from bootharness.gate.outcome import Entry, GateOutcome
from bootharness.gate.version import version_place
from bootharness.runs.headroom import headroom_of
from bootharness.runs.history import History
from bootharness.runs.result import CellResult, Past

__all__ = ["outcome_of"]


def outcome_of(
    pasts: Iterable[Past], history: History, happened: tuple[Event, ...] = ()
) -> GateOutcome:
    """Return the last result of each cell, by flavour and version; nothing is compared.

    ``happened`` is what is to be told of the months.
    """
    last = {past.result.cell: past.result for past in pasts}
    results = sorted((replace(each, cached=False) for each in last.values()), key=_by_version)
    names = varying(last)
    entries = tuple(Entry(result, way(result.cell, names)) for result in results)
    headroom = tuple(headroom_of(results, history))
    return GateOutcome(entries, headroom=headroom, past=True, events=happened)


def _by_version(result: CellResult) -> tuple[bool, str, float, str]:
    place = version_place(result.decisive.facts.release)
    return place is None, place[1] if place else "", place[0] if place else 0, result.cell.kernel
