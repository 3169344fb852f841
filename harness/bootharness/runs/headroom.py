"""How close kernels that were booted come to what their loaders can boot; limits are predicted
once, and kept in the history."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from bootharness.errors import CouldNotFindOut, NotEmulated, UsageError
from bootharness.predictor.headroom import Headroom, PartLimit, headrooms
from bootharness.routes.loader import Loader
from bootharness.routes.table import ROUTES
from bootharness.runs.cell import Cell
from bootharness.runs.history import History
from bootharness.runs.identity import own_version
from bootharness.runs.result import CellResult

__all__ = ["headroom_of", "takes_loader"]


def headroom_of(results: Iterable[CellResult], history: History | None) -> Iterator[Headroom]:
    """Yield how close each kernel comes to each limit of each loader that it was booted with."""
    limits: dict[str, tuple[PartLimit, ...]] = {}
    seen = set()
    for result in results:
        cell, facts = result.cell, result.decisive.facts
        pair = cell.kernel, cell.plan.loader
        if not takes_loader(cell) or not facts.payload_bytes or pair in seen:
            continue
        seen.add(pair)
        if cell.plan.loader not in limits:
            limits[cell.plan.loader] = _limits(cell.plan.loader, history)
            if history:
                history.note_limits(cell.plan.loader, limits[cell.plan.loader])
        yield from headrooms(
            *pair,
            limits[cell.plan.loader],
            payload_bytes=facts.payload_bytes,
            setup_sects=facts.setup_sects,
        )


def takes_loader(cell: Cell) -> bool:
    """Return whether a cell boots through a loader of somebody's choice."""
    route = ROUTES.get(cell.plan.route)  # a route of the past may be gone
    return route is not None and "loader" in route.takes


def _limits(name: str, history: History | None) -> tuple[PartLimit, ...]:
    try:
        loader = Loader.named(name)
    except (CouldNotFindOut, UsageError):  # a loader of the past may be gone
        return ()
    text = f"limits of {loader.digest} by {own_version()}"
    key = hashlib.sha256(text.encode()).hexdigest()
    kept = history.recall(key) if history else None
    if kept:
        with suppress(msgspec.DecodeError, ValueError, TypeError):  # damaged: it is predicted again
            return msgspec.json.decode(kept, type=tuple[PartLimit, ...])
    from bootharness.predictor.forecast import KnownLoader  # most limits are known

    try:
        found = KnownLoader.examine(loader).limits
    except NotEmulated:
        found = ()
    if history:
        history.keep(key, msgspec.json.encode(found))
    return found
