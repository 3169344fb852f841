"""What the wire has seen of a boot's failure, as sentences: one for each cause that it proves."""

import re
from collections.abc import Callable, Sequence

from bootharness.diagnosis.certainty import (
    CROSS_SIGNED,
    NO_FILENAME,
    NO_NEXT_SERVER,
    PROXY_IGNORED,
    PROXY_OBEYED,
    WRONG_PROGRAM,
    Wait,
    faults,
    loads_of,
    named_by_proxy,
    served_as,
)
from bootharness.diagnosis.net_servers import (
    after_others,
    no_next_server,
    proxy_ignored,
    wrong_program,
)
from bootharness.diagnosis.patience import client_at
from bootharness.diagnosis.refusals import again_and_again
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts

__all__ = [
    "SENTENCES",
    "as_named",
    "asking",
    "came_whole",
    "configurations_tried",
    "flawed_beside_kernel",
    "program_of",
]

_DIGITS = 12
_LAST_NUMBER = 65535
_NAMES, _TIMES = 14, 3
_CONFIGURATION = re.compile(
    r"(?:^|/)(?:pxelinux\.cfg/[^/]+|grub\.cfg[^/]*|(?:sys|ext|iso)linux\.cfg)$"
)


def asking(wait: Wait) -> str:
    """Say what a client asks for, and for how long it goes on."""
    event = wait.event
    what = {
        NetEventKind.DISCOVER: "asks for an address",
        NetEventKind.REQUEST: "asks for the address that it was offered",
        NetEventKind.NAK: "was refused its address",
        NetEventKind.PROXY_REQUEST: f"asks for its boot file at {event.text.partition(',')[0]}",
        NetEventKind.UNANSWERED_ARP: f"asks {event.text}",
        NetEventKind.NAME_UNANSWERED: f"asks for the address of {event.text}",
        NetEventKind.REPEATED: f"asks for block {event.block or 0:,} of {event.file}",
        NetEventKind.HTTP_STALLED: f"waits for more of {event.file}",
        NetEventKind.LINK_DOWN: "has no link",
        NetEventKind.LINK_UP: "has its link again and asks for nothing yet",
    }[event.kind]
    return f"{what}, since {wait.since:.2f} s, and may go on until {wait.until:.0f} s"


def configurations_tried(facts: NetworkFacts) -> tuple[str, ...]:
    """Return the names of configurations that were asked for in vain, none where one came."""
    if any(_CONFIGURATION.search(name) for name in came_whole(facts)):
        return ()
    return tuple(name for name in facts.not_there if _CONFIGURATION.search(name))


def as_named(file: str, facts: NetworkFacts) -> str:
    """Name a file, and what it is for where that is known."""
    role = facts.role(file)
    return f"{file}, the {role}," if role else file


def came_whole(facts: NetworkFacts) -> list[str]:
    """Return the files that came whole, in the order in which they did."""
    return [event.file for event in facts.events if event.kind == NetEventKind.FILE_SERVED]


def program_of(facts: NetworkFacts) -> str:
    """Name what has the say: what came as the boot program, or what is in the card's ROM."""
    nbp, served = facts.roles.get("nbp"), came_whole(facts)
    for each in reversed(facts.files):  # what is flawed has not run
        if each.role == "nbp" and each.name in served and not each.flaw:
            return each.name
    if nbp is not None and nbp in served and not any(each.flaw for each in facts.files):
        return nbp
    of_card = facts.firmware == "bios" or not facts.events
    client = "iPXE" if of_card else client_at(facts, facts.events[-1]).name
    if client != "iPXE":
        return client
    return "the card's iPXE" if nbp is None else "the card's PXE"


def flawed_beside_kernel(trace: BootTrace) -> str:
    """Say what is wrong with what came last beside the kernel, where that shows."""
    came = [
        each
        for each in (trace.network.files if trace.network else ())
        if each.role in ("", "initrd", "kernel") and each.outcome == "served"
    ]
    if not any(each.role == "kernel" for each in came):
        return ""
    return f"; {came[-1].name} {came[-1].flaw}" if came[-1].flaw else ""


def _times(facts: NetworkFacts, kind: NetEventKind, until: NetEvent) -> str:
    times = [
        f"{each.seconds:.2f}"
        for each in facts.events
        if each.kind == kind and each.seconds <= until.seconds
    ]
    return f"{', '.join(times[:-1])} and {times[-1]} s" if len(times) > 1 else f"{times[0]} s"


def _as_asked(facts: NetworkFacts, *kinds: str) -> str:
    """Name the faults that were asked for and have a part in it."""
    named = [str(fault) for fault in faults(facts, *kinds, "loss")]
    return f" (fault {' and '.join(named)})" if named else ""


def _no_offer(event: NetEvent, facts: NetworkFacts) -> str:
    times = _times(facts, NetEventKind.DISCOVER, event)
    kept_back = _as_asked(facts, "no-offer", "blocked")
    return f"the card asked for an address at {times} and got no DHCP offer{kept_back}"


def _no_ack(event: NetEvent, facts: NetworkFacts) -> str:
    times = _times(facts, NetEventKind.REQUEST, event)
    if facts.first(NetEventKind.NAK):
        return f"the DHCP server refused the address that it had offered (NAK) at {times}"
    kept_back = _as_asked(facts, "no-ack")
    return (
        f"the card requested the address that it was offered at {times} and got no DHCP "
        f"ack{kept_back}"
    )


def _no_filename(event: NetEvent, _facts: NetworkFacts) -> str:
    _, by, server = event.text.partition(", by ")
    return (
        f"the DHCP ack at {event.seconds:.2f} s{by and f', by {server},'} names no boot file, so "
        "there is nothing to boot"
    )


def _proxy_obeyed(event: NetEvent, facts: NetworkFacts) -> str:
    proxy, ours = named_by_proxy(event, facts), facts.first(NetEventKind.OFFER)
    assert proxy  # by its offer the cause was found
    by = proxy.text.removeprefix("by another server, ")
    ours_names = (
        f"and not {ours.file}, which our DHCP server names"
        if ours and ours.file
        else "for our DHCP server names none"
    )
    return (
        f"{client_at(facts, event).name} took the boot file {proxy.file}, which a proxy at {by} "
        f"offered at {proxy.seconds:.2f} s, {ours_names}; the proxy has no "
        f"such file{_as_asked(facts, 'proxy-first')}"
    )


def _link_down(event: NetEvent, facts: NetworkFacts) -> str:
    asked = _as_asked(facts, "link-down")
    if event.kind == NetEventKind.LINK_UP:
        downs = [each for each in facts.events if each.kind == NetEventKind.LINK_DOWN]
        return (
            f"the card's link was down from {downs[-1].seconds:.2f} s until {event.seconds:.2f} s"
            f"{asked}, and nothing was asked for after that"
        )
    return f"the card's link is down since {event.seconds:.2f} s{asked}"


def _chain_loop(event: NetEvent, facts: NetworkFacts) -> str:
    if event.kind == NetEventKind.FILE_REQUESTED:
        return (
            f"{event.file} loads itself: the DHCP server named it to the firmware, and then to the "
            f"iPXE that it is, which asked for it at {event.seconds:.2f} s"
        )
    if event.kind == NetEventKind.REDIRECTED:
        sent = [each for each in facts.events if each.kind == event.kind]
        ways = dict.fromkeys(f"{each.file} to {each.text.partition(' to ')[2]}" for each in sent)
        return (
            f"the redirects over HTTP lead in a circle, and never to a file: "
            f"{', '.join(list(ways)[-_NAMES:])}; {client_at(facts, event).name} had been sent on "
            f"{sent.index(event) + 1} times by {event.seconds:.2f} s"
        )
    loads = [each for each in loads_of(event, facts) if each.seconds <= event.seconds]
    times = [f"{each.seconds:.2f}" for each in loads[-_TIMES:]]
    sentence = (
        f"{as_named(event.file, facts)} is loaded again and again: it came {len(loads):,} times, "
        f"the last at {', '.join(times[:-1])} and {times[-1]} s, and nothing new was asked for "
        "between"
    )
    if facts.role(event.file) == "nbp" and _offered_between(loads, facts):
        sentence += "; the DHCP server names it to every client, so to itself too"
    return sentence


def _offered_between(loads: Sequence[NetEvent], facts: NetworkFacts) -> bool:
    """Whether a program that came again was named by the DHCP server, and not by a configuration
    that it had."""
    acks = [each.seconds for each in facts.events if each.kind == NetEventKind.ACK]
    return any(loads[-2].seconds < at < loads[-1].seconds for at in acks)


def _no_config(_event: NetEvent, facts: NetworkFacts) -> str:
    tried = configurations_tried(facts)
    names = list(tried) if len(tried) <= _NAMES else [*tried[: _NAMES - 1], "...", tried[-1]]
    who = program_of(facts)
    beside = next((each for each in map(_there_is, facts.events) if each), "")
    return (
        f"{who} found no configuration: it asked, in this order, for {', '.join(names)}"
        f"{beside and f', {beside}'}"
    )


def _there_is(event: NetEvent) -> str:
    """Return what a folder has in place of a configuration that is not there: a name of another
    case."""
    why = event.text.partition(" ")[2]
    missing = event.kind == NetEventKind.FILE_MISSING and _CONFIGURATION.search(event.file)
    return why if missing and why.startswith("but") else ""


def _no_name(event: NetEvent, facts: NetworkFacts) -> str:
    asked = f"{client_at(facts, event).name} asked the name server that it was told of"
    if event.kind == NetEventKind.NAME_UNKNOWN:
        return (
            f"{asked} for the address of {event.text}, and was answered that there is no such name"
            f"{_as_asked(facts, 'dns-no-name')}"
        )
    return (
        f"{asked} {count(event.repeats + 1, 'time')} for the address of {event.text}, and got no "
        f"answer{_as_asked(facts, 'dns-silent')}"
    )


def _not_found(event: NetEvent, facts: NetworkFacts) -> str:
    if facts.root:
        return _not_in(event, event.text.partition(" ")[2], facts)
    return f"the server has no file {event.file}, which is the boot's {facts.role(event.file)}"


def _not_in(event: NetEvent, why: str, facts: NetworkFacts) -> str:
    """Say that a folder has no such file, or why it is not served."""
    times = " again and again" if again_and_again(event, facts) else ""
    asked = f"{event.file} was asked for{times}"
    asked += after_others(event, facts)
    if why and not why.startswith("but"):
        return f"{asked}, and it {why}"
    return f"{asked}, and the folder has no such file{why and f', {why}'}"


def _stalled(event: NetEvent, facts: NetworkFacts) -> str:
    if event.kind == NetEventKind.UNANSWERED_ARP:
        return (
            f"nobody answers at the address of the boot server that DHCP gave: {event.text} was "
            f"asked {event.repeats + 1} times"
        )
    file = served_as(event, facts)
    got = f"{file.sent_bytes:,} of {count(file.file_bytes, 'byte')}" if file else "nothing"
    since = [
        each.seconds
        for each in facts.events
        if (each.kind, each.file, each.block) == (event.kind, event.file, event.block)
    ]
    if event.kind == NetEventKind.SENT_AGAIN:
        return (
            f"{event.file} stalled at block {event.block or 0:,}, after {got}: "
            f"{client_at(facts, event).name} said nothing any more, {event.text}, and "
            f"{_instead(event, facts)}"
        )
    return (
        f"{event.file} stalled at block {event.block or 0:,}, after {got}: "
        f"{client_at(facts, event).name} asked for that block {count(event.repeats, 'more time')} "
        f"in {event.seconds - since[0]:.1f} s, and {_instead(event, facts)}"
    )


def _instead(event: NetEvent, facts: NetworkFacts) -> str:
    """Say what a client got in place of a block."""
    if (event.block or 0) > _LAST_NUMBER and (wrong := _as_asked(facts, "wrong-rollover")):
        return f"got it under another number{wrong}"
    return f"got nothing{_as_asked(facts, 'stall')}"


def _not_there(event: NetEvent, facts: NetworkFacts) -> str:
    ip = event.text.removeprefix("who has ").rstrip("?")
    client = client_at(facts, event).name
    named = f"which {event.file} names: {client}" if event.file else f"but {client}"
    times = count(event.repeats + 1, "time")
    return f"nobody has the address {ip}, {named} asked for it {times}"


def _truncated(event: NetEvent, facts: NetworkFacts) -> str:
    file = served_as(event, facts)
    assert file  # by what was sent of it the cause was found
    promised = file.file_bytes if file.promised_bytes is None else file.promised_bytes
    why = f"the client was told {promised:,}"
    if promised != file.file_bytes:
        why += f", and the file has {file.file_bytes:,}"
    return f"{event.file} ended after {count(file.sent_bytes, 'byte')}: {why}"


def _corrupt(event: NetEvent, facts: NetworkFacts) -> str:
    file = served_as(event, facts)
    assert file  # by what was sent of it the cause was found
    return (
        f"what was sent of {event.file} is not the file: its SHA-256 is "
        f"{file.sha256[:_DIGITS]} instead of {file.file_sha256[:_DIGITS]}"
    )


def _http(event: NetEvent, facts: NetworkFacts) -> str:
    file = served_as(event, facts)
    got = f" after {file.sent_bytes:,} of {count(file.file_bytes, 'byte')}" if file else ""
    asked = _as_asked(facts, "http-stall") if event.kind == NetEventKind.HTTP_STALLED else ""
    subject = f"{event.file}: " if event.file else ""
    at = f", asked at {event.at}," if event.at else ""
    return f"{subject}{event.text}{at}{got}{asked}".rstrip(",")


def _http_status(event: NetEvent, facts: NetworkFacts) -> str:
    status, _, why = event.text.partition(", ")
    if facts.root and status.startswith("404"):
        return f"{_not_in(event, why, facts)}, over HTTP ({status})"
    named = as_named(event.file, facts).rstrip(",")
    return (
        f"the HTTP server answered {status} to the request for {named}{after_others(event, facts)}"
    )


_WRONG_WITH_IT = {
    "cert-expired": "has expired by the machine's clock",
    "cert-not-yet": "is not valid yet by the machine's clock",
    "cert-other-name": "is for another name",
    "cert-untrusted": "nobody has signed whom it trusts",
}


def _certificate_refused(event: NetEvent, facts: NetworkFacts) -> str:
    faulty = [_WRONG_WITH_IT[each.kind] for each in faults(facts, *_WRONG_WITH_IT)]
    which = f", which {' and '.join(faulty)}" if faulty else ""
    elsewhere = [each.at for each in facts.events if CROSS_SIGNED.search(each.file)]
    names = [each.text for each in facts.events if each.seconds <= event.seconds
             and each.kind == NetEventKind.NAME_ASKED and each.text not in elsewhere]  # fmt: skip
    whose = f"the certificate of {names[-1]}" if names else "the server's certificate"
    said = f' with the alert "{event.text}"' if event.text else " and said nothing"
    return (
        f"{client_at(facts, event).name} refused {whose}{which}: it broke the "
        f"connection off{said}{_as_asked(facts, *_WRONG_WITH_IT)}"
    )


SENTENCES: dict[str, Callable[[NetEvent, NetworkFacts], str]] = {
    "dhcp-no-offer": _no_offer,
    "dhcp-no-ack": _no_ack,
    NO_FILENAME: _no_filename,
    NO_NEXT_SERVER: no_next_server,
    "link-down": _link_down,
    "chain-loop": _chain_loop,
    "tree-no-config": _no_config,
    WRONG_PROGRAM: wrong_program,
    PROXY_IGNORED: proxy_ignored,
    PROXY_OBEYED: _proxy_obeyed,
    "dns-no-answer": _no_name,
    "dns-no-name": _no_name,
    "tftp-not-found": _not_found,
    "tftp-stalled": _stalled,
    "server-not-there": _not_there,
    "tftp-truncated": _truncated,
    "tftp-corrupt": _corrupt,
    "http-status": _http_status,
    "http-stalled": _http,
    "http-truncated": _http,
    "http-refused": _http,
    "certificate-refused": _certificate_refused,
}
