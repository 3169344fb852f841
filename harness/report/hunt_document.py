"""A hunt as JSON. Within one version fields are added but never change their meaning."""

from collections.abc import Sequence
from typing import Any

import msgspec

from harness.bisector.answer import Answer
from harness.bisector.log import Seen
from harness.bisector.search import Found, Search

__all__ = ["HUNT_SCHEMA_VERSION", "hunt_document"]

HUNT_SCHEMA_VERSION = 1


def hunt_document(
    title: str, search: Search, seen: Sequence[Seen], answer: Answer | None
) -> dict[str, Any]:
    """Return the JSON document of a hunt as plain values."""
    result = search.result
    lost = None if isinstance(result, Found) or result is None else result.reason
    return {
        "schema_version": HUNT_SCHEMA_VERSION,
        "title": title,
        "size": search.size,
        "sought": search.sought,
        "confidence_wanted": search.confidence,
        "found": msgspec.to_builtins(result) if isinstance(result, Found) else None,
        "lost": lost,
        "answer": msgspec.to_builtins(answer) if answer else None,
        "boots": msgspec.to_builtins(seen),
    }
