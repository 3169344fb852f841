"""What a server refuses, and what a boot program does not do without."""

from collections import Counter
from collections.abc import Sequence

from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts, base_name

__all__ = [
    "REFUSALS",
    "again_and_again",
    "asked_anew",
    "decisive",
    "done_without",
    "tried_again",
]

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
_ANEW_S = 1.0
"""Who asks in several ways, or under several names, does so at once."""


def decisive(refused: Sequence[NetEvent]) -> NetEvent | None:
    """Return that of several refusals, one right behind the other, after which nothing else was
    tried: the last, by the shortest name that it was asked for under.

    What was refused before it was done without. PXELINUX asks for ``vmlinuz.c32`` and others beside
    ``vmlinuz``, and for ``ldlinux.c32`` in several folders.
    """
    if not refused:
        return None
    same = [each for each in refused if _are_one(each, refused[-1])]
    return min(same, key=lambda each: len(_called(each)))


def done_without(event: NetEvent, facts: NetworkFacts) -> tuple[str, ...]:
    """Return the names of other files that were refused right before one was."""
    names: list[str] = []
    for each in reversed(facts.events[: facts.events.index(event)]):
        if each.kind not in REFUSALS:
            break
        if each.file and not _are_one(each, event):
            names.insert(0, each.file)
    return tuple(dict.fromkeys(names))


def asked_anew(event: NetEvent, facts: NetworkFacts) -> bool:
    """Return whether the same had been asked for in vain a while before, as by a menu that began
    again."""
    return any(
        (each.kind, each.file) == (event.kind, event.file)
        and abs(event.seconds - each.seconds) >= _ANEW_S
        for each in facts.events
    )


def _are_one(one: NetEvent, other: NetEvent) -> bool:
    """Return whether two names are for one file: the same in two folders, or one more ending."""
    short, long = sorted((_called(one), _called(other)), key=len)
    return f"{long}.".startswith(f"{short}.")


def _called(event: NetEvent) -> str:
    return base_name(event.file) or event.text


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
