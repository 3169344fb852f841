"""Causes that lie in servers that somebody brought, and how they are told: who said what."""

import re
from collections.abc import Callable

from bootharness.diagnosis.certainty import MENU, NO_FILENAME, PASSED_OVER
from bootharness.diagnosis.patience import client_at
from bootharness.diagnosis.programs import client_of
from bootharness.diagnosis.refusals import done_without
from bootharness.text import count
from bootharness.trace.network_facts import (
    MENU_WAITS,
    NOT_FOR_HTTP,
    NetEvent,
    NetEventKind,
    NetworkFacts,
)

__all__ = ["after_others", "no_next_server", "proxy_ignored", "their_sentence", "wrong_program"]

_BY = re.compile(r"by (\S+ at [0-9a-f.:]+)")
_PORT = re.compile(r"^([0-9.]+) has nobody at UDP port (\d+)$")
_ERROR = re.compile(r"^tftp error \d+ ")
_OFFERS = (NetEventKind.OFFER, NetEventKind.PROXY_OFFER)
_NAMED = 3
_TELLS = (NetEventKind.ACK, NetEventKind.PROXY_ACK, *_OFFERS)


def wrong_program(event: NetEvent, facts: NetworkFacts) -> str:
    """Return how it is told that a boot program came which does not run on its client."""
    file = next(each for each in reversed(facts.files) if each.name == event.file)
    client, told = client_of(facts, event), [each for each in facts.events if each.kind in _TELLS]
    assert client
    by = next((found for each in reversed(told) if each.file and (found := _by(each))), "")
    return (
        f"{event.file} is a boot program for {file.program}, and the client is of architecture "
        f"{client[0]}, {client[1]}{f', to which {by} named it' if by else ''}: it came whole, and "
        "then nothing was asked for"
    )


def their_sentence(cause: str, event: NetEvent, facts: NetworkFacts) -> str | None:
    """Return how a cause is told where servers are somebody's own, None where as always."""
    tell = _SENTENCES.get(cause)
    return tell(event, facts) if tell and facts.servers else None


def _no_offer(event: NetEvent, facts: NetworkFacts) -> str:
    asked = [each for each in facts.events if each.kind == NetEventKind.DISCOVER]
    proxy = facts.first(NetEventKind.PROXY_OFFER)
    only = f"; only a proxy, {_by(proxy)}, answered" if proxy else ""
    return (
        f"{client_at(facts, event).name} asked for an address {count(len(asked), 'time')} from "
        f"{asked[0].seconds:.2f} s on and got no DHCP offer from {facts.server}{only}"
        f"{_relayed(facts)}{_said(facts)}"
    )


def _relayed(facts: NetworkFacts) -> str:
    """Say what became of the question behind a relay."""
    passed = [each for each in facts.events if each.kind == NetEventKind.RELAYED]
    if not passed:
        return ""
    lost = next((each for each in passed if each.text.endswith("nobody has")), None)
    if lost:
        return f"; the relay passed it on {lost.text}"
    return f"; the relay passed it on {passed[-1].text}, and no answer came back"


def _no_filename(event: NetEvent, facts: NetworkFacts) -> str:
    by = _by(event)
    if event.kind == NetEventKind.OFFER:
        return (
            f"the DHCP offer{f' by {by}' if by else ''} names no boot file, and nobody else named "
            f"one{_took_none(event, facts)}"
        )
    others = [each for each in facts.events if each.kind == NetEventKind.OFFER and each.file]
    chosen = (
        f"the DHCP ack at {event.seconds:.2f} s{f', by {by},' if by else ''} names no boot file"
    )
    if others:
        return (
            f"{chosen}: the client took that offer, and not the one by {_by(others[-1])}, which "
            f"names {others[-1].file}"
        )
    proxy = facts.first(NetEventKind.PROXY_OFFER)
    if proxy:
        return f"{chosen}, and the proxy, {_by(proxy)}, told none either{_said(facts)}"
    return f"{chosen}, and nobody else told one, so there is nothing to boot{_said(facts)}"


def _proxy_silent(event: NetEvent, facts: NetworkFacts) -> str:
    at = event.text.partition(",")[0]
    offered = facts.first(NetEventKind.PROXY_OFFER)
    itself = [
        by
        for each in facts.events
        if each.kind in _TELLS and (by := _by(each)).endswith(f" at {at}")
    ]
    who = f"the proxy, {_by(offered)}," if offered else itself[0] if itself else "the proxy"
    client = client_of(facts, event)
    of = f" by a client of architecture {client[0]}, {client[1]}" if client else ""
    closed = ": nobody listens at its port 4011" if "4011" in _closed(facts, at) else ""
    return (
        f"{who} offered to name the boot file and does not answer at {at} port 4011, where it was "
        f"asked {count(event.repeats + 1, 'time')}{of}{closed}{_said(facts)}"
    )


def proxy_ignored(event: NetEvent, facts: NetworkFacts) -> str:
    """Return how it is told that a client does not take what a proxy answers."""
    asked = [each for each in facts.events if each.kind == NetEventKind.PROXY_REQUEST]
    name = f"names {event.file}" if event.file else "names no file"
    return (
        f"{client_at(facts, event).name} asked the proxy, {_by(event)}, "
        f"{count(asked[-1].repeats + 1, 'time')} at port 4011 and was answered, but did not take "
        f"the answer, which {name}"
    )


def no_next_server(event: NetEvent, facts: NetworkFacts) -> str:
    """Return how it is told that a boot file was named and no server that has it."""
    by = f", by {by}," if (by := _by(event)) else ""
    return (
        f"the DHCP ack at {event.seconds:.2f} s{by} names {event.file} and no next server that has "
        f"it, and {client_at(facts, event).name} asked nobody for it"
    )


def _passed_over(event: NetEvent, facts: NetworkFacts) -> str:
    why = event.text.partition(NOT_FOR_HTTP)[2]
    return (
        f"the DHCP offer of {event.file} by {_by(event)} is {NOT_FOR_HTTP}{why}"
        f"{_took_none(event, facts)}"
    )


def _took_none(event: NetEvent, facts: NetworkFacts) -> str:
    asked = [each for each in facts.events if each.kind == NetEventKind.DISCOVER]
    return (
        f": {client_at(facts, event).name} took none, and asked {count(len(asked), 'time')} from "
        f"{asked[0].seconds:.2f} s on{_said(facts)}"
    )


def _menu_waits(event: NetEvent, facts: NetworkFacts) -> str:
    return (
        f"{_by(event)} told {client_at(facts, event).name} of {MENU_WAITS}:"
        f"{event.text.partition(f'{MENU_WAITS}:')[2]}; nobody chose, and nothing was asked for"
    )


def _not_found(event: NetEvent, facts: NetworkFacts) -> str:
    said, _, at = event.text.rpartition(", by ")
    words = _ERROR.sub("", said)
    quoted = f': "{words}"' if words else ""
    asker = f"{client_at(facts, event).name} asked for nothing else that was there"
    after = after_others(event, facts)
    return f"the TFTP server at {at} does not give {event.file}{quoted}{after}, and {asker}"


def after_others(event: NetEvent, facts: NetworkFacts) -> str:
    """Say which other files had been refused right before one was, empty for none."""
    others = done_without(event, facts)
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f", after {', '.join(others[:_NAMED])}{more} had been refused" if others else ""


def _nobody_there(event: NetEvent, facts: NetworkFacts) -> str:
    ip = event.text.removeprefix("who has ").rstrip("?")
    told = [each for each in facts.events if each.kind in _TELLS and each.file]
    what = f"which {event.file} names" if event.file else "which it asks for"
    for each in told:
        if each.text.endswith(f"from {ip}"):
            what = f"to which {_by(each)} sent it for {each.file}"
        elif each.text.endswith(f"through {ip}"):
            what = f"the router that {_by(each)} named"
    return (
        f"nobody has the address {ip}, {what}: {client_at(facts, event).name} asked for it "
        f"{count(event.repeats + 1, 'time')}"
    )


def _stalled(event: NetEvent, facts: NetworkFacts) -> str | None:
    if event.kind == NetEventKind.UNANSWERED_ARP:
        return _nobody_there(event, facts)
    if (event.block or 1) > 1:
        return None
    at = event.text.removeprefix("tftp from ")
    closed = "69" in _closed(facts, at)
    why = ": no TFTP server runs there, its port 69 is closed" if closed else ", and nothing came"
    return (
        f"{event.file} was asked for at {at} {count(event.repeats + 1, 'time')}{why}{_said(facts)}"
    )


def _by(event: NetEvent) -> str:
    found = _BY.search(event.text)
    return found[1] if found else ""


def _said(facts: NetworkFacts) -> str:
    return "".join(f'; {who}: "{words}"' for who, _, words in
                   (each.partition(": ") for each in facts.said))  # fmt: skip


def _closed(facts: NetworkFacts, at: str) -> list[str]:
    """Return the ports of an address at which nobody listens."""
    told = [_PORT.match(each.text) for each in facts.events
            if each.kind == NetEventKind.UNREACHABLE]  # fmt: skip
    return [found[2] for found in told if found and found[1] == at]


_SENTENCES: dict[str, Callable[[NetEvent, NetworkFacts], str | None]] = {
    "dhcp-no-offer": _no_offer,
    NO_FILENAME: _no_filename,
    MENU: _menu_waits,
    PASSED_OVER: _passed_over,
    "proxy-silent": _proxy_silent,
    "tftp-not-found": _not_found,
    "tftp-stalled": _stalled,
    "server-not-there": _nobody_there,
}
