"""Where the wire writes down what happens; it is bounded, whatever a guest sends.

Of events of one kind that concern one file the first and the last are kept. So nothing that is
said over and over takes the room of something else, and what came last is always there.
"""

from collections import deque

from msgspec import Struct, field

from bootharness.trace.network_facts import NetEvent, NetEventKind

__all__ = ["Journal"]

_FIRST, _LAST = 30, 20
"""Events of one kind and file; a boot has about thirty in all."""
_NAMES = 300
"""Kinds and files that are told apart; a guest may ask for any number of names."""
_TEXT_LIMIT = 200


class _Said(Struct):
    """Events of one kind and file, each with its number."""

    first: list[tuple[int, NetEvent]] = field(default_factory=list)
    last: deque[tuple[int, NetEvent]] = field(default_factory=lambda: deque(maxlen=_LAST))


class Journal(Struct):
    """The events of one guest, in seconds on the wire's clock. ``noted`` counts all of them."""

    mac: str = ""
    noted: int = 0
    _kept: dict[tuple[NetEventKind, str], _Said] = field(default_factory=dict)

    @property
    def events(self) -> tuple[NetEvent, ...]:
        """The events that were kept, in their order."""
        kept = [each for said in self._kept.values() for each in (*said.first, *said.last)]
        return tuple(event for _, event in sorted(kept, key=lambda each: each[0]))

    @property
    def left_out(self) -> int:
        """How many events were not kept."""
        return self.noted - sum(len(said.first) + len(said.last) for said in self._kept.values())

    def note(
        self,
        now: float,
        kind: NetEventKind,
        file: str = "",
        *,
        block: int | None = None,
        repeats: int = 0,
        text: str = "",
        at: str = "",
    ) -> None:
        """Write an event down."""
        file, text, at = _plain(file), _plain(text), _plain(at)
        key = (kind, file)
        if key not in self._kept and len(self._kept) >= _NAMES:
            key = (kind, "")
        said = self._kept.setdefault(key, _Said())
        event = NetEvent(now, kind, self.mac, file, block, repeats, text, at)
        (said.first if len(said.first) < _FIRST else said.last).append((self.noted, event))
        self.noted += 1


def _plain(text: str) -> str:
    """Return a guest's text without what could do harm in a terminal or a report."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_TEXT_LIMIT])
