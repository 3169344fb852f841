"""The results of a history as the outcome of one gate, to be drawn as one is."""

from collections.abc import Iterable
from dataclasses import replace

from harness.cells.history import History
from harness.cells.result import Past
from harness.gate.axes import varying, way
from harness.gate.outcome import Entry, Outcome
from harness.gate.rooms import rooms

__all__ = ["outcome_of"]


def outcome_of(pasts: Iterable[Past], history: History) -> Outcome:
    """Return the last result of each cell; nothing is compared."""
    last = {past.result.cell: past.result for past in pasts}
    results = [replace(result, cached=False) for result in last.values()]
    names = varying(last)
    entries = tuple(Entry(result, way(result.cell, names)) for result in results)
    return Outcome(entries, rooms=tuple(rooms(results, history)))
