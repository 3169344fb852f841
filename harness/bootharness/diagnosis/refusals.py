"""What a server refuses, and what a boot program does not do without."""

from collections import Counter

from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts

__all__ = ["REFUSALS", "again_and_again", "tried_again"]

REFUSALS = (
    NetEventKind.NAME_UNKNOWN,
    NetEventKind.FILE_MISSING,
    NetEventKind.HTTP_STATUS,
    NetEventKind.HTTP_REFUSED,
    NetEventKind.TLS_FAILED,
    NetEventKind.CERTIFICATE_REFUSED,
    NetEventKind.HTTP_CLOSED,
)
_LOADED = ("kernel", "initrd")
_OFTEN = 10


def again_and_again(event: NetEvent, facts: NetworkFacts) -> bool:
    """Return whether the same was refused so often that a script tries it for ever."""
    same = sum((each.kind, each.file) == (event.kind, event.file) for each in facts.events)
    return event.kind in REFUSALS and same >= _OFTEN


def tried_again(facts: NetworkFacts) -> NetEvent | None:
    """Return the last refusal for which a menu has begun again: twice and more a file was asked for
    in vain right behind another, a kernel or an initrd, that had come anew each time."""
    times = Counter[tuple[str, str]]()
    loaded, found = "", None
    for event in facts.events:
        if event.kind == NetEventKind.FILE_SERVED:
            loaded = event.file if facts.role(event.file) in _LOADED else ""
        elif event.kind in REFUSALS:
            times[loaded, event.file] += 1
            found = event if loaded and times[loaded, event.file] > 1 else found
            loaded = ""
    return found
