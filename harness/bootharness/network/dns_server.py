"""A DNS server to which every name is one of ours: a pure function of what is asked."""

from bootharness.formats.dns import DnsQuestion
from bootharness.network.events import Journal
from bootharness.trace.network_facts import NetEventKind

__all__ = ["DNS_PORT", "answer_name"]

DNS_PORT = 53


def answer_name(
    payload: bytes, addresses: tuple[bytes, ...], journal: Journal, now: float
) -> bytes | None:
    """Return the answer that a name has these addresses, None where no name was asked for.

    Raises FormatError for a name that is none.
    """
    question = DnsQuestion.parse(payload)
    if question is None:
        return None
    journal.note(now, NetEventKind.NAME_ASKED, text=question.name)
    return question.answer(*addresses)
