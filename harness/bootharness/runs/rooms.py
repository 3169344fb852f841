"""How much room each kernel of a gate leaves in each loader; limits are predicted once."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from bootharness.errors import CouldNotFindOut, UsageError
from bootharness.gate.outcome import Room
from bootharness.routes.loader import Loader
from bootharness.runs.history import History
from bootharness.runs.identity import loader_digest, own_version
from bootharness.runs.result import CellResult
from bootharness.runs.work import named_loader

__all__ = ["rooms"]

_MEMORY_BYTES = 64 << 20
"""More than any loader's limit that is not memory's."""
_MEMORY = "memory-clobbered"
_PARTS = ("payload", "setup")


@dataclass(frozen=True, slots=True)
class _Limit:
    """The largest of a part, in ``unit``; None where only memory ends it."""

    part: str
    unit: str
    largest: int | None


def rooms(results: Iterable[CellResult], history: History | None) -> Iterator[Room]:
    """Yield the room that each kernel takes up of each loader that it was booted with."""
    limits: dict[str, tuple[_Limit, ...]] = {}
    seen = set()
    for result in results:
        cell, facts = result.cell, result.decisive.facts
        pair = cell.kernel, cell.loader
        if cell.path != "mbr" or not facts.payload_bytes or pair in seen:
            continue
        seen.add(pair)
        if cell.loader not in limits:
            limits[cell.loader] = _limits(cell.loader, history)
        sizes = {"payload": facts.payload_bytes, "setup": facts.setup_sects or 4}
        for each in limits[cell.loader]:
            yield Room(*pair, each.part, each.unit, sizes[each.part], each.largest)


def _limits(name: str, history: History | None) -> tuple[_Limit, ...]:
    try:
        loader = named_loader(name)
    except (CouldNotFindOut, UsageError):  # a loader of the past may be gone
        return ()
    text = f"limits of {loader_digest(loader)} by {own_version()}"
    key = hashlib.sha256(text.encode()).hexdigest()
    kept = history.recall(key) if history else None
    if kept:
        return msgspec.json.decode(kept, type=tuple[_Limit, ...])
    found = tuple(_predicted(loader))
    if history:
        history.keep(key, msgspec.json.encode(found))
    return found


def _predicted(loader: Loader) -> Iterator[_Limit]:
    from bootharness.predictor.limits import find_limits  # with it comes an emulator

    for limit in find_limits(loader, bioses=("seabios",), memory_bytes=_MEMORY_BYTES, parts=_PARTS):
        by_memory = limit.failing is None or limit.failing.cause == _MEMORY
        yield _Limit(limit.part, limit.unit, None if by_memory else limit.largest)
