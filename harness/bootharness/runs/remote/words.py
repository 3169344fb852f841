"""The names that a person knows files by, in the place of those that they have on a worker."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bootharness.runs.remote.parcel import Parcel
from bootharness.runs.result import Attempt, BootFacts

__all__ = ["Words"]

_ZLIB_LEVEL = 2


class Words(Struct, frozen=True):
    """What stands in texts of a worker, and what a person reads in its place, in the order in which
    it is replaced."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, places: Mapping[Parcel, Path]) -> Self:
        """Return the words for the files of a cell, by where they are."""
        pairs = []
        for each, path in places.items():
            named = Path(each.named)
            place, own = (path.parent, named.parent) if each.first else (path, named)
            pairs += [
                (str(path), each.named),
                (str(place), str(own)),
                (place.name, own.name),
                (f"{each.digest}-", ""),
            ]
        return cls(tuple(pairs))

    def text(self, text: str) -> str:
        """Return a text with the person's words."""
        for ours, theirs in self.pairs:
            text = text.replace(ours, theirs)
        return text

    def attempt(self, attempt: Attempt) -> Attempt:
        """Return an attempt with the person's words in all that it says."""
        if not self.pairs:
            return attempt
        facts = self._json(msgspec.json.encode(attempt.facts))
        return replace(
            attempt,
            sentence=self.text(attempt.sentence),
            facts=msgspec.json.decode(facts, type=BootFacts),
            trace=self._packed(attempt.trace),
            picture=self._packed(attempt.picture),
        )

    def _packed(self, packed: bytes) -> bytes:
        if not packed:
            return packed
        plain = zlib.decompress(packed)
        changed = self._json(plain)
        return packed if changed == plain else zlib.compress(changed, _ZLIB_LEVEL)

    def _json(self, text: bytes) -> bytes:
        for ours, theirs in self.pairs:
            text = text.replace(_within(ours), _within(theirs))
        return text


def _within(text: str) -> bytes:
    """Return a text as it stands within a JSON string."""
    return msgspec.json.encode(text.encode(errors="backslashreplace").decode())[1:-1]
