"""How much room each kernel of a gate leaves in each loader; limits are predicted once."""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from harness.cells.history import History
from harness.cells.identity import loader_digest, own_version
from harness.cells.result import CellResult
from harness.cells.work import named_loader
from harness.errors import CouldNotFindOut
from harness.gate.outcome import Room
from harness.limits import Limit, find_limits

__all__ = ["rooms"]

_MEMORY_BYTES = 64 << 20
"""More than any loader's limit that is not memory's."""
_MEMORY = "memory-clobbered"
_PARTS = ("payload", "setup")


def rooms(results: Iterable[CellResult], history: History | None) -> Iterator[Room]:
    """Yield the room that each kernel takes up of each loader that it was booted with."""
    limits: dict[str, tuple[Limit, ...]] = {}
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
        for limit in limits[cell.loader]:
            by_memory = limit.failing is None or limit.failing.cause == _MEMORY
            yield Room(
                kernel=cell.kernel,
                loader=cell.loader,
                part=limit.part,
                unit=limit.unit,
                size=sizes[limit.part],
                limit=None if by_memory else limit.largest,
            )


def _limits(name: str, history: History | None) -> tuple[Limit, ...]:
    try:
        loader = named_loader(name)
    except CouldNotFindOut:
        return ()
    text = f"limits of {loader_digest(loader)} by {own_version()}"
    key = hashlib.sha256(text.encode()).hexdigest()
    kept = history.recall(key) if history else None
    if kept:
        return msgspec.json.decode(kept, type=tuple[Limit, ...])
    found = tuple(
        find_limits(loader, bioses=("seabios",), memory_bytes=_MEMORY_BYTES, parts=_PARTS)
    )
    if history:
        history.keep(key, msgspec.json.encode(found))
    return found
