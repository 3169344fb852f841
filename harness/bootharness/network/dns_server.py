"""A DNS server to which every name is one of ours."""

from msgspec import Struct, field

from bootharness.formats.dns import DnsQuestion
from bootharness.network.events import Journal
from bootharness.network.repeats import Repeats
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEventKind

__all__ = ["DNS_PORT", "DnsServer"]

DNS_PORT = 53


class DnsServer(Struct):
    """Answers the clients of one port that a name has these ``addresses``, or as faults have it."""

    addresses: tuple[bytes, ...]
    journal: Journal
    faults: Faults = field(default_factory=Faults)
    _repeats: Repeats = field(default_factory=Repeats)

    def receive(self, payload: bytes, now: float) -> bytes | None:
        """Return the answer to a message, None where no name was asked for, or for none.

        Raises FormatError for a name that is none.
        """
        question = DnsQuestion.parse(payload)
        if question is None:
            return None
        kind, answer = NetEventKind.NAME_ASKED, question.answer(*self.addresses)
        if "dns-silent" in self.faults:
            kind, answer = NetEventKind.NAME_UNANSWERED, b""
        elif "dns-no-name" in self.faults:
            kind, answer = NetEventKind.NAME_UNKNOWN, question.unknown()
        repeats = self._repeats.count(question.name, now)
        self.journal.note(now, kind, repeats=repeats, text=question.name)
        return answer or None
