"""Where the wire writes down what happens; it is bounded, whatever a guest sends."""

from msgspec import Struct, field

from bootharness.trace.network_facts import NetEvent, NetEventKind

__all__ = ["Journal"]

_LIMIT = 4000
"""Events of one guest; a boot has about thirty."""
_TEXT_LIMIT = 200


class Journal(Struct):
    """The events of one guest, in seconds on the wire's clock."""

    mac: str = ""
    events: list[NetEvent] = field(default_factory=list)

    def note(
        self,
        now: float,
        kind: NetEventKind,
        file: str = "",
        *,
        block: int | None = None,
        repeats: int = 0,
        text: str = "",
    ) -> None:
        """Write an event down."""
        if len(self.events) < _LIMIT:
            file, text = _plain(file), _plain(text)
            self.events.append(NetEvent(now, kind, self.mac, file, block, repeats, text))


def _plain(text: str) -> str:
    """Return a guest's text without what could do harm in a terminal or a report."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_TEXT_LIMIT])
