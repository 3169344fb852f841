"""When a network boot has certainly failed: decided from the wire, not by a client's patience.

Clients go on asking for 16 to 137 seconds. A question that is asked for the third time and
has no answer will not get one, and what has been sent in full cannot become right any more.
"""

from bootharness.trace.network_facts import NetEvent, NetEventKind, NetFile, NetworkFacts

__all__ = ["QUIET_S", "certain", "ends_if_quiet", "served_as"]

QUIET_S = 1.5
"""A link that is down for so long is not coming back, nor who was refused and asks no more."""
_THIRD = 2
_THIRD_AGAIN = 3
_LAST = (
    (NetEventKind.LINK_DOWN, (NetEventKind.LINK_UP, NetEventKind.LINK_DOWN), "link-down"),
    (
        NetEventKind.NAK,
        (NetEventKind.DISCOVER, NetEventKind.REQUEST, NetEventKind.ACK, NetEventKind.NAK),
        "dhcp-no-ack",
    ),
)
"""What is the last of these kinds, and what it means if it stays the last."""
_HTTP = {
    NetEventKind.HTTP_STALLED: "http-stalled",
    NetEventKind.HTTP_REFUSED: "http-refused",
    NetEventKind.HTTP_CLOSED: "http-truncated",
}


def certain(facts: NetworkFacts, now: float) -> tuple[str, NetEvent] | None:
    """Return the cause of a boot's failure and the event that showed it, None as yet."""
    seen: set[NetEventKind] = set()
    for event in facts.events:
        cause = _cause(event, seen, facts)
        if cause:
            return cause, event
        seen.add(event.kind)
    quiet = ends_if_quiet(facts)
    return quiet if quiet and now - quiet[1].seconds > QUIET_S else None


def ends_if_quiet(facts: NetworkFacts) -> tuple[str, NetEvent] | None:
    """Return the cause and the event that it will be if nothing follows; None while all is well."""
    for last, kinds, cause in _LAST:
        events = [event for event in facts.events if event.kind in kinds]
        if events and events[-1].kind == last:
            return cause, events[-1]
    return None


def _cause(event: NetEvent, seen: set[NetEventKind], facts: NetworkFacts) -> str | None:
    kind, repeats = event.kind, event.repeats
    needed = facts.role(event.file) is not None
    if kind == NetEventKind.DISCOVER and repeats >= _THIRD and NetEventKind.OFFER not in seen:
        return "dhcp-no-offer"
    if kind == NetEventKind.REQUEST and repeats >= _THIRD and NetEventKind.ACK not in seen:
        return "dhcp-no-ack"
    if kind == NetEventKind.ACK and not event.file and "not a PXE client" not in event.text:
        return "dhcp-no-filename"
    if kind == NetEventKind.UNANSWERED_ARP and repeats >= _THIRD:
        return "tftp-stalled"
    if kind == NetEventKind.REPEATED and repeats >= _THIRD_AGAIN:
        return "tftp-stalled"
    if kind == NetEventKind.FILE_MISSING and needed:
        return "tftp-not-found"
    if kind == NetEventKind.HTTP_STATUS and needed:
        return "http-status"
    if kind in _HTTP:
        return _HTTP[kind]
    if kind == NetEventKind.FILE_SERVED and needed:
        return _served_badly(served_as(event, facts))
    return None


def served_as(event: NetEvent, facts: NetworkFacts) -> NetFile | None:
    """Return the transfer that an event tells of, the last one of that file begun before it."""
    files = [
        file
        for file in facts.files
        if file.name == event.file and file.requested_at <= event.seconds
    ]
    return files[-1] if files else None


def _served_badly(file: NetFile | None) -> str | None:
    if file is None:
        return None
    promised = file.file_bytes if file.promised_bytes is None else file.promised_bytes
    if file.sent_bytes < max(promised, file.file_bytes):
        return f"{file.protocol}-truncated"
    return None if file.intact or file.protocol == "http" else "tftp-corrupt"
