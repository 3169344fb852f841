"""When a network boot has certainly failed: when nothing can come of it any more.

The wire is ours. A fault of it that never ends is proof, and a client's patience need not be waited
for. Whatever ends by itself is waited for, as long as the client asks on: a fault that lasts some
seconds, frames that were lost, a card that is slow. And what a client did not get is the end only
if it asks for nothing else.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bootharness.diagnosis.patience import Client, client_at
from bootharness.diagnosis.programs import PC_BIOS, client_of, foreign_program
from bootharness.diagnosis.refusals import REFUSALS, decisive, tried_again
from bootharness.errors import UsageError
from bootharness.plan.fault import Fault
from bootharness.trace.network_facts import (
    MENU_WAITS,
    NOT_FOR_HTTP,
    NetEvent,
    NetEventKind,
    NetFile,
    NetworkFacts,
    base_name,
)

__all__ = [
    "CAUSES",
    "CROSS_SIGNED",
    "MENU",
    "NO_FILENAME",
    "NO_NEXT_SERVER",
    "PASSED_OVER",
    "PROXY_IGNORED",
    "PROXY_OBEYED",
    "QUIET_S",
    "WRONG_PROGRAM",
    "Wait",
    "certain",
    "faults",
    "last_asked",
    "loads_of",
    "named_by_proxy",
    "root",
    "served_as",
    "still_awaited",
]

QUIET_S = 1.5
"""Who was refused and has asked for nothing else for so long has given up."""

_ANSWERS = {
    NetEventKind.DISCOVER: NetEventKind.OFFER,
    NetEventKind.REQUEST: NetEventKind.ACK,
    NetEventKind.PROXY_REQUEST: NetEventKind.PROXY_ACK,
}
CAUSES = {
    NetEventKind.DISCOVER: "dhcp-no-offer",
    NetEventKind.REQUEST: "dhcp-no-ack",
    NetEventKind.NAK: "dhcp-no-ack",
    NetEventKind.PROXY_REQUEST: "proxy-silent",
    NetEventKind.UNANSWERED_ARP: "tftp-stalled",
    NetEventKind.NAME_UNANSWERED: "dns-no-answer",
    NetEventKind.NAME_UNKNOWN: "dns-no-name",
    NetEventKind.REPEATED: "tftp-stalled",
    NetEventKind.SENT_AGAIN: "tftp-stalled",
    NetEventKind.HTTP_STALLED: "http-stalled",
    NetEventKind.LINK_DOWN: "link-down",
    NetEventKind.LINK_UP: "link-down",
    NetEventKind.FILE_MISSING: "tftp-not-found",
    NetEventKind.HTTP_STATUS: "http-status",
    NetEventKind.HTTP_REFUSED: "http-refused",
    NetEventKind.TLS_FAILED: "http-refused",
    NetEventKind.CERTIFICATE_REFUSED: "certificate-refused",
    NetEventKind.HTTP_CLOSED: "http-truncated",
}
"""Of what was not answered, or refused, the cause that it may be."""
# the faults of ours that keep an answer back, and how often a client asks before that is certain
_KEPT_BACK_BY = {
    NetEventKind.DISCOVER: (("no-offer", "blocked"), 2),
    NetEventKind.REQUEST: (("no-ack", "nak"), 2),
    NetEventKind.NAK: (("nak",), 0),
    NetEventKind.PROXY_REQUEST: ((), 0),
    NetEventKind.UNANSWERED_ARP: (("wrong-next-server",), 2),
    NetEventKind.NAME_UNANSWERED: (("dns-silent",), 2),
    NetEventKind.REPEATED: (("stall", "wrong-rollover"), 3),
    NetEventKind.SENT_AGAIN: (("stall", "wrong-rollover"), 2),
    NetEventKind.HTTP_STALLED: (("http-stall",), 0),
    NetEventKind.LINK_DOWN: (("link-down",), 0),
    NetEventKind.LINK_UP: ((), 0),
}
_IN_A_FILE = (NetEventKind.REPEATED, NetEventKind.SENT_AGAIN, NetEventKind.HTTP_STALLED)
_OF_A_FILE = ("stall", "http-stall", "wrong-rollover")
_LEAST_REPEATS = {
    NetEventKind.DISCOVER: 2,
    NetEventKind.REQUEST: 2,
    NetEventKind.PROXY_REQUEST: 1,
    NetEventKind.UNANSWERED_ARP: 2,
    NetEventKind.NAME_UNANSWERED: 2,
    NetEventKind.REPEATED: 2,
    NetEventKind.SENT_AGAIN: 2,
}
_FIRST_REPEAT = {NetEventKind.REPEATED: 1, NetEventKind.SENT_AGAIN: 2}
_QUIET = (NetEventKind.LINK_DOWN, NetEventKind.NAK)
"""What is only the end if it is the last that is heard."""
_ASKS = (
    NetEventKind.NAME_ASKED,
    NetEventKind.FILE_REQUESTED,
    NetEventKind.FILE_SIZE_ASKED,
    NetEventKind.FILE_SERVED,
    NetEventKind.REDIRECTED,
    NetEventKind.REPEATED,
    *REFUSALS,
)
_DHCP = (NetEventKind.DISCOVER, NetEventKind.REQUEST, NetEventKind.ACK, NetEventKind.NAK)
_IN_ORDER = ("nbp", "script", "kernel", "initrd")
# a boot program begins as it did before, and the server has not changed; a script may count
_LOOP_AFTER = {"nbp": 3, "script": 20}
_REDIRECTED_IN_A_CIRCLE = 10
"""A browser ends there; iPXE goes on for ever."""
_SCRIPT_LOOPED = 6
"""So often has come what is a loop, if nothing comes behind: iPXE's stack ends at about twelve."""
CROSS_SIGNED = re.compile(r"^/auto/[0-9a-f]{8}\.der$")
"""What iPXE looks for elsewhere when it cannot trust a certificate."""
NO_NEXT_SERVER = "dhcp-no-next-server"
"""The cause of who is told of a boot file and of no server that has it."""
NOT_THERE = "server-not-there"
"""The cause of who asks for an address that nobody has, and that DHCP did not give."""
MENU = "boot-menu-waits"
"""The cause of who is told of a menu that waits for a person."""
NO_FILENAME = "dhcp-no-filename"
"""The cause of who is told of no boot file."""
PASSED_OVER = "dhcp-offer-passed-over"
"""The cause of who takes no offer, though one names a boot file."""
PROXY_IGNORED = "proxy-ignored"
"""The cause of who does not take what a proxy answers."""
PROXY_OBEYED = "proxy-obeyed"
"""The cause of who took the word of a proxy that is none of ours."""
WRONG_PROGRAM = "wrong-boot-program"
"""The cause of who got a boot program that does not run there."""
_WANTS_TO_BOOT = ("PXE", "HTTPClient")
"""What is in the words of a DHCP client that wants to boot as we serve it."""


KeptBack = Callable[[float], float]
"""Returns how many seconds the host had a guest wait since some moment: its clock is behind."""


class Wait(NamedTuple):
    """A question without an answer, as yet: what it will have been, who asks, since when, and until
    when that client asks on. ``proven`` is the fault that keeps the answer back for ever."""

    cause: str
    event: NetEvent
    client: Client
    since: float
    until: float
    proven: Fault | None


def certain(
    facts: NetworkFacts, now: float, kept_back: KeptBack = lambda _: 0.0
) -> tuple[str, NetEvent] | None:
    """Return the cause of a boot's failure and the event that showed it, None as yet. What the host
    has ``kept_back`` since a question is added to its client's patience."""
    # whoever else there is may still name a file: only its client knows when it waits no more
    spoilt = [each for each in _spoilt(facts) if not (facts.servers and each[0] == NO_FILENAME)]
    found = [*spoilt, *_refused(facts, now), *_looped(facts)]
    wrong = foreign_program(facts)
    # a UEFI goes on with its other boot options
    if wrong and now - wrong.seconds > QUIET_S and _runs_nothing_else(facts, wrong):
        found.append((WRONG_PROGRAM, wrong))
    for wait in _waits(facts):
        over = wait.proven and (wait.event.kind not in _QUIET or now - wait.since > QUIET_S)
        if over or now > wait.until + kept_back(wait.since):
            found.append((wait.cause, wait.event))
    return _earliest(found, facts)


def root(facts: NetworkFacts) -> tuple[str, NetEvent] | None:
    """Return what `certain` does once the boot is over, so that nothing else can come."""
    waits = ((wait.cause, wait.event) for wait in _waits(facts))
    wrong, ignored = foreign_program(facts), _ignored(facts)
    found = [(WRONG_PROGRAM, wrong)] if wrong else []
    found += [(PROXY_IGNORED, ignored)] if ignored else []
    again = tried_again(facts)
    found += [(CAUSES[again.kind], again)] if again else []
    nowhere = _to_nowhere(facts)
    found += [(NO_NEXT_SERVER, nowhere)] if nowhere else []
    menu, passed_over = _menu(facts), _passed_over(facts)
    found += [(MENU, menu)] if menu else []
    found += [passed_over] if passed_over else []
    found += [*_spoilt(facts), *_refused(facts, None), *_looped(facts, over=True), *waits]
    return _earliest(found, facts)


def still_awaited(
    facts: NetworkFacts, now: float, asked_after: float = 0.0, kept_back: KeptBack = lambda _: 0.0
) -> Wait | None:
    """Return a question, asked last ``asked_after`` a moment, that may still be answered; None
    where there is none."""
    return next(
        (
            wait
            for wait in _waits(facts, least=False)
            if not wait.proven
            and now <= wait.until + kept_back(wait.since)
            and wait.event.seconds > asked_after
        ),
        None,
    )


def last_asked(facts: NetworkFacts) -> float:
    """Return when a client asked for something to boot last, 0 for never."""
    asked = (
        event.seconds
        for event in reversed(facts.events)
        if event.kind in _ASKS
        or (event.kind in _DHCP and any(each in event.text for each in _WANTS_TO_BOOT))
    )
    return next(asked, 0.0)


def served_as(event: NetEvent, facts: NetworkFacts) -> NetFile | None:
    """Return the transfer that an event tells of, the last one of that file begun before it; what
    is asked for at once when it has come is another."""
    files = [
        file
        for file in facts.files
        if file.name == event.file and file.requested_at <= event.seconds
    ]
    if event.kind == NetEventKind.FILE_SERVED:
        files = [each for each in files if each.requested_at < event.seconds] or files
    return files[-1] if files else None


def _earliest(
    found: list[tuple[str, NetEvent]], facts: NetworkFacts
) -> tuple[str, NetEvent] | None:
    order = {id(event): at for at, event in enumerate(facts.events)}
    return min(found, key=lambda each: order[id(each[1])], default=None)


def _spoilt(facts: NetworkFacts) -> Iterator[tuple[str, NetEvent]]:
    """What was sent in full and is wrong, or in part and taken for all: it cannot become right."""
    for event in facts.events:
        kind = event.kind
        if kind == NetEventKind.ACK and not event.file and "not a PXE client" not in event.text:
            if not _named_otherwise(event, facts):
                yield NO_FILENAME, event
        elif kind == NetEventKind.FILE_SERVED and facts.role(event.file) is not None:
            cause = _served_badly(served_as(event, facts))
            if cause:
                yield cause, event
        elif kind == NetEventKind.HTTP_CLOSED and _taken_for_all(event, facts):
            yield CAUSES[kind], event


def _ignored(facts: NetworkFacts) -> NetEvent | None:
    """Return the last answer of a proxy to a client that asked it the same again after an answer,
    and asked for no file, else None."""
    answers = [each for each in facts.events if each.kind == NetEventKind.PROXY_ACK]
    since = _after(answers[0], facts) if answers else ()
    again = any(each.kind == NetEventKind.PROXY_REQUEST and each.repeats >= 2 for each in since)
    return answers[-1] if again and not any(each.kind in _ASKS for each in since) else None


def _to_nowhere(facts: NetworkFacts) -> NetEvent | None:
    """Return the answer that named a file and no server, if its client asked for nothing then: some
    take the DHCP server itself for it, and iPXE does not."""
    told = [each for each in facts.events if each.kind == NetEventKind.ACK and each.file]
    if not told or "names no next server" not in told[-1].text:
        return None
    return None if any(each.kind in _ASKS for each in _after(told[-1], facts)) else told[-1]


def _menu(facts: NetworkFacts) -> NetEvent | None:
    """Return the answer that told of a menu that waits for a person, if nothing was asked for then,
    else None."""
    told = [each for each in facts.events if facts.servers and MENU_WAITS in each.text]
    asked = (*_ASKS, NetEventKind.PROXY_REQUEST)
    if not told or any(each.kind in asked for each in _after(told[-1], facts)):
        return None
    return told[-1]


def _passed_over(facts: NetworkFacts) -> tuple[str, NetEvent] | None:
    """Return why a UEFI took none of the offers that it got, and asked on, with the last of them;
    None where it took one."""
    offers = [each for each in facts.events if each.kind == NetEventKind.OFFER]
    if not (facts.servers and offers) or facts.first(NetEventKind.REQUEST):
        return None
    asked_on = [each for each in _after(offers[0], facts) if each.kind == NetEventKind.DISCOVER]
    if len(asked_on) < _LEAST_REPEATS[NetEventKind.DISCOVER]:
        return None  # an iPXE asks once more, for a proxy's
    if NOT_FOR_HTTP in offers[-1].text:
        return PASSED_OVER, offers[-1]
    return None if any(each.file for each in facts.events) else (NO_FILENAME, offers[-1])


def loads_of(event: NetEvent, facts: NetworkFacts) -> tuple[NetEvent, ...]:
    """Return when a file came since something was asked for that was not asked for before."""
    asked: set[str] = set()
    loads: list[NetEvent] = []
    for each in facts.events:
        if (each.kind, each.file) == (NetEventKind.FILE_SERVED, event.file) and each.file in asked:
            loads.append(each)
        elif each.kind in _ASKS and each.file not in asked:
            asked.add(each.file)
            loads.clear()
    return tuple(loads)


def _looped(facts: NetworkFacts, *, over: bool = False) -> Iterator[tuple[str, NetEvent]]:
    """What is loaded again and again, and nothing new is asked for in between.

    Once the boot is over, an iPXE that asked for what it had come as has done it too.
    """
    for event in {each.file: each for each in facts.events if each.file}.values():
        role = facts.role(event.file) or ""
        limit = _LOOP_AFTER.get(role)
        if limit is None:
            continue
        loads = loads_of(event, facts)
        least = _SCRIPT_LOOPED if over and role == "script" else limit
        if len(loads) >= least:
            yield "chain-loop", loads[:limit][-1]
        elif over and role == "nbp" and (again := _by_itself(event, facts)):
            yield "chain-loop", again
    if sent_round := _redirected_round(facts):
        yield "chain-loop", sent_round


def _redirected_round(facts: NetworkFacts) -> NetEvent | None:
    """Return when somebody was sent on from where it had been often, and no file came between."""
    times = Counter[str]()
    for event in facts.events:
        if event.kind in (NetEventKind.FILE_REQUESTED, NetEventKind.FILE_SERVED):
            times.clear()
        elif event.kind == NetEventKind.REDIRECTED:
            times[event.file] += 1
            if times[event.file] == _REDIRECTED_IN_A_CIRCLE:
                return event
    return None


def _by_itself(event: NetEvent, facts: NetworkFacts) -> NetEvent | None:
    """Return when an iPXE that came as a file was named it, and asked for it, if it did."""
    loads = loads_of(event, facts)
    if not loads or facts.firmware != "uefi":
        return None  # by a BIOS the card's own program is an iPXE
    since = _after(loads[0], facts)
    asked = [at for at, each in enumerate(since)
             if (each.kind, each.file) == (NetEventKind.FILE_REQUESTED, event.file)]  # fmt: skip
    told = since[: asked[0]] if asked else ()
    named = any(each.kind == NetEventKind.REQUEST and "iPXE" in each.text for each in told)
    return since[asked[0]] if named else None


def _runs_nothing_else(facts: NetworkFacts, event: NetEvent) -> bool:
    client = client_of(facts, event)
    return client is not None and client[1] == PC_BIOS


def _named_otherwise(event: NetEvent, facts: NetworkFacts) -> bool:
    """Whether a client has learned what to boot though this answer did not say so, or is told by
    nobody whom it asks for that."""
    proxies = (NetEventKind.PROXY_OFFER, NetEventKind.PROXY_ACK)
    if any(each.kind in proxies and each.file for each in facts.events):
        return True
    unanswered = facts.first(NetEventKind.PROXY_REQUEST) and not facts.first(NetEventKind.PROXY_ACK)
    asks = any(each.kind in _ASKS for each in _after(event, facts))
    return asks or bool(unanswered) or _menu(facts) is not None


def _taken_for_all(event: NetEvent, facts: NetworkFacts) -> bool:
    """Whether a client that got a part of a file went on with what comes behind it in a boot."""
    own = facts.role(event.file)
    if own not in _IN_ORDER:
        return False
    asked = [each.file for each in _after(event, facts) if each.kind == NetEventKind.FILE_REQUESTED]
    behind = _IN_ORDER[_IN_ORDER.index(own) + 1 :]
    return event.file not in asked and any(facts.role(name) in behind for name in asked)


def _served_badly(file: NetFile | None) -> str | None:
    if file is None or file.part:
        return None
    promised = file.file_bytes if file.promised_bytes is None else file.promised_bytes
    if file.sent_bytes < max(promised, file.file_bytes):
        return f"{file.protocol}-truncated"
    return None if file.intact or file.protocol == "http" else "tftp-corrupt"


def _refused(facts: NetworkFacts, now: float | None) -> Iterator[tuple[str, NetEvent]]:
    """What was refused, if the client has got nothing else since and asks no more.

    With ``now`` None the boot is over.
    """
    if now is not None and (facts.brought or now - last_asked(facts) <= QUIET_S):
        return  # whoever boots somebody's own files may do without one of them
    refused: list[NetEvent] = []
    for event in reversed(facts.events):
        if event.kind in REFUSALS:
            if CROSS_SIGNED.search(event.file) and facts.first(NetEventKind.CERTIFICATE_REFUSED):
                continue
            needed = not event.file or facts.brought or facts.role(event.file) is not None
            if needed or named_by_proxy(event, facts):
                refused.insert(0, event)
        elif event.kind == NetEventKind.NAME_ASKED and event.repeats > 1 and now is None:
            continue  # a script that tries again had begun anew when its time was over
        elif event.kind in _ASKS:
            break
    if last := decisive(refused):
        yield PROXY_OBEYED if named_by_proxy(last, facts) else CAUSES[last.kind], last


def named_by_proxy(event: NetEvent, facts: NetworkFacts) -> NetEvent | None:
    """Return the offer of a proxy, which is none of ours, to which a client owes a file's name."""
    proxies = [] if facts.servers else facts.events
    told = (each for each in proxies if each.kind == NetEventKind.PROXY_OFFER and each.file)
    return next((each for each in told if each.file == event.file), None)


def _waits(facts: NetworkFacts, *, least: bool = True) -> Iterator[Wait]:
    """Yield the open questions, those that have been asked often enough to mean something."""
    for event in _open(facts):
        repeats = _LEAST_REPEATS.get(event.kind, 0)
        if not least or event.repeats >= repeats:
            wait = _wait(event, facts)
            # who says nothing may want nothing more of it, unless it never got what it wants
            if wait.proven or event.kind != NetEventKind.SENT_AGAIN:
                yield wait


def _wait(event: NetEvent, facts: NetworkFacts) -> Wait:
    client, since = client_at(facts, event), _since(event, facts)
    until = since + client.patience_s(event.kind)
    proven = None
    kinds, repeats = _KEPT_BACK_BY[event.kind]
    for fault in faults(facts, *kinds):
        if fault.kind in _OF_A_FILE and base_name(fault.file) != base_name(event.file):
            continue
        if fault.seconds:
            until += fault.seconds
        elif event.repeats >= repeats and not (facts.brought and client.may_do_without(event.kind)):
            proven = fault
    return Wait(_unanswered(event, facts), event, client, since, until, proven)


def _unanswered(event: NetEvent, facts: NetworkFacts) -> str:
    """Return the cause of a question that nobody answers."""
    if event.kind == NetEventKind.UNANSWERED_ARP and not _told_by_dhcp(event, facts):
        return NOT_THERE
    return CAUSES[event.kind]


def _told_by_dhcp(event: NetEvent, facts: NetworkFacts) -> bool:
    """Return whether an address that was asked for is the boot server's by DHCP: nothing was asked
    of any other since an answer that gave it."""
    before = facts.events[: facts.events.index(event)]
    told_or_asked = (each for each in reversed(before) if each.kind in (NetEventKind.ACK, *_ASKS))
    last = next(told_or_asked, None)
    return last is None or last.kind == NetEventKind.ACK


def _since(event: NetEvent, facts: NetworkFacts) -> float:
    """When the client began to ask what it asks for with this event."""
    same = [
        each
        for each in facts.events
        if (each.kind, each.file, each.block) == (event.kind, event.file, event.block)
        and each.seconds <= event.seconds
    ]
    first = _FIRST_REPEAT.get(event.kind, 0)
    starts = [each.seconds for each in same if each.repeats == first]
    return starts[-1] if starts else event.seconds


def _open(facts: NetworkFacts) -> Iterator[NetEvent]:
    """Yield the last event of each question that has no answer."""
    last = {(event.kind, event.file): event for event in facts.events}
    kinds = {event.kind for event in facts.events}
    for (kind, _), event in last.items():
        if kind in _ANSWERS:
            if _ANSWERS[kind] not in kinds:
                yield event
        elif kind == NetEventKind.NAK:
            if not any(each.kind in _DHCP for each in _after(event, facts)):
                yield event
        elif kind in (NetEventKind.UNANSWERED_ARP, NetEventKind.NAME_UNANSWERED):
            if not any(each.kind in _ASKS for each in _after(event, facts)):
                yield event
        elif kind in _IN_A_FILE:
            if not _went_on(event, facts) and not (facts.brought and _asks_else(event, facts)):
                yield event
        elif kind == NetEventKind.LINK_DOWN:
            up = [each for each in _after(event, facts) if each.kind == NetEventKind.LINK_UP]
            if not up:
                yield event
            elif up[-1] is facts.events[-1]:  # and from then on nothing came of it
                yield up[-1]


def _after(event: NetEvent, facts: NetworkFacts) -> tuple[NetEvent, ...]:
    at = next(at for at, each in enumerate(facts.events) if each is event)
    return facts.events[at + 1 :]


def _went_on(event: NetEvent, facts: NetworkFacts) -> bool:
    file = served_as(event, facts)
    later = [
        each
        for each in _after(event, facts)
        if each.file == event.file
        and each.kind in (NetEventKind.FILE_REQUESTED, NetEventKind.FILE_SERVED)
    ]
    if later or file is None:
        return bool(later)
    if file.outcome == "served":
        return True
    if event.kind == NetEventKind.HTTP_STALLED:
        return file.last_at > event.seconds
    if not event.block or not file.block_bytes:
        return False
    return file.sent_bytes >= event.block * file.block_bytes


def _asks_else(event: NetEvent, facts: NetworkFacts) -> bool:
    """Whether a client has asked for another file since: a script may have one in the place of what
    did not come."""
    return any(each.kind in _ASKS and each.file != event.file for each in _after(event, facts))


def faults(facts: NetworkFacts, *kinds: str) -> Iterator[Fault]:
    """Yield the faults of these kinds that the wire had."""
    for text in facts.faults:
        try:
            fault = Fault.parse(text)
        except UsageError:  # a trace may say anything
            continue
        if fault.kind in kinds:
            yield fault
