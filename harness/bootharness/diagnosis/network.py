"""Causes that lie in the network: no answer, no file, not all of it, or another one."""

from collections.abc import Callable

from bootharness.diagnosis.certainty import certain, served_as
from bootharness.diagnosis.verdict import Diagnosis
from bootharness.text import count
from bootharness.trace.boot_trace import BootTrace
from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts
from bootharness.trace.signs import program_error

__all__ = ["SIGNS"]

_EVIDENCE = 8
_BAD_EVEN_IF_IT_BOOTS = "tftp-corrupt"


def network_failed(trace: BootTrace) -> Diagnosis | None:
    """What the wire shows cannot come to anything, or was wrong though the kernel ran."""
    facts = trace.network
    if facts is None:
        return None
    failed = certain(facts, trace.ending.seconds)
    if failed is None:
        return None
    cause, event = failed
    if trace.ending.kind == "reached" and cause != _BAD_EVEN_IF_IT_BOOTS:
        return None
    sentence = _SENTENCES[cause](event, facts)
    return Diagnosis(cause, sentence, _evidence(event, facts))


def told_too_little(trace: BootTrace) -> Diagnosis | None:
    """The client was told that a file is smaller than it is, and did not come through.

    Some take what comes all the same, so it is not certain until the boot has ended.
    """
    facts, handoff = trace.network, trace.handoff
    if facts is None or trace.ending.kind == "reached" or (handoff and handoff.memory_equal):
        return None
    for file in facts.files:
        promised = file.promised_bytes
        if facts.role(file.name) and promised is not None and promised < file.file_bytes:
            return Diagnosis(
                "tftp-truncated",
                f"the client was told that {file.name} has {count(promised, 'byte')}, and it has "
                f"{file.file_bytes:,}",
                tuple(str(event) for event in facts.events if event.file == file.name)[:_EVIDENCE],
            )
    return None


def script_error(trace: BootTrace) -> Diagnosis | None:
    """The boot program, or the script that it ran, gave up and said why."""
    if trace.network is None or trace.handoff or trace.ending.kind == "reached":
        return None
    heard = trace.ending.kind == "boot-program"
    said = trace.ending.detail if heard else program_error(trace.screen)
    if not said:
        return None
    return Diagnosis(
        "script-error",
        f'{_running(trace.network)} gave up {trace.ending.seconds:.2f} s after launch: "{said}"',
        tuple(str(event) for event in trace.network.events[-_EVIDENCE:]),
    )


def nbp_hang(trace: BootTrace) -> Diagnosis | None:
    """The boot program was entered, and then nothing more happened, on the wire or elsewhere."""
    facts = trace.network
    if facts is None or trace.ending.kind not in ("idle", "timeout") or trace.handoff:
        return None
    served = [event for event in facts.events if event.kind == NetEventKind.FILE_SERVED]
    if not served or facts.events[-1] is not served[-1]:
        return None
    return Diagnosis(
        "nbp-hang",
        f"{_running(facts)}, the {facts.role(served[-1].file)}, came whole at "
        f"{served[-1].seconds:.2f} s, and from then on nothing was asked for, said or booted for "
        f"{trace.ending.seconds - served[-1].seconds:.1f} s",
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def still_coming(trace: BootTrace) -> Diagnosis | None:
    """The time was over while a file was on its way."""
    facts = trace.network
    if facts is None or trace.ending.kind != "timeout" or trace.handoff:
        return None
    files = [file for file in facts.files if file.outcome == "open" and file.sent_bytes]
    if not files:
        return None
    file = files[-1]
    return Diagnosis(
        "timed-out",
        f"the boot was not finished in time{trace.ended_after}: {file.name} was still on its "
        f"way, {file.sent_bytes:,} of {count(file.file_bytes, 'byte')}, {file.rate:,.0f} a second",
        tuple(str(event) for event in facts.events[-_EVIDENCE:]),
    )


def _running(facts: NetworkFacts) -> str:
    """The last file that the boot program has got."""
    served = [event.file for event in facts.events if event.kind == NetEventKind.FILE_SERVED]
    return served[-1] if served else "the boot program"


def _evidence(event: NetEvent, facts: NetworkFacts) -> tuple[str, ...]:
    """The last events up to the one that told."""
    until = [str(each) for each in facts.events if each.seconds <= event.seconds]
    return tuple(until[-_EVIDENCE:])


def _times(facts: NetworkFacts, kind: NetEventKind, until: NetEvent) -> str:
    times = [
        f"{each.seconds:.2f}"
        for each in facts.events
        if each.kind == kind and each.seconds <= until.seconds
    ]
    return f"{', '.join(times[:-1])} and {times[-1]} s" if len(times) > 1 else f"{times[0]} s"


def _no_offer(event: NetEvent, facts: NetworkFacts) -> str:
    times = _times(facts, NetEventKind.DISCOVER, event)
    return f"the card asked for an address at {times} and got no DHCP offer"


def _no_ack(event: NetEvent, facts: NetworkFacts) -> str:
    times = _times(facts, NetEventKind.REQUEST, event)
    if facts.first(NetEventKind.NAK):
        return f"the DHCP server refused the address that it had offered (NAK) at {times}"
    return f"the card requested the address that it was offered at {times} and got no DHCP ack"


def _no_filename(event: NetEvent, _facts: NetworkFacts) -> str:
    return f"the DHCP ack at {event.seconds:.2f} s names no boot file, so there is nothing to boot"


def _link_down(event: NetEvent, _facts: NetworkFacts) -> str:
    return f"the card's link is down since {event.seconds:.2f} s"


def _not_found(event: NetEvent, facts: NetworkFacts) -> str:
    return f"the server has no file {event.file}, which is the boot's {facts.role(event.file)}"


def _stalled(event: NetEvent, facts: NetworkFacts) -> str:
    if event.kind == NetEventKind.UNANSWERED_ARP:
        return (
            f"nobody answers at the address of the boot server that DHCP gave: {event.text} was "
            f"asked {event.repeats + 1} times"
        )
    file = served_as(event, facts)
    got = f"{file.sent_bytes:,} of {count(file.file_bytes, 'byte')}" if file else "nothing"
    return (
        f"{event.file} stalled at block {event.block or 0:,}, after {got}: the client asked for "
        f"that block {count(event.repeats, 'more time')}, and nothing came"
    )


def _truncated(event: NetEvent, facts: NetworkFacts) -> str:
    file = served_as(event, facts)
    if file is None:
        return f"{event.file} ended early: {event.text}"
    promised = file.file_bytes if file.promised_bytes is None else file.promised_bytes
    why = f"the client was told {promised:,}"
    if promised != file.file_bytes:
        why += f", and the file has {file.file_bytes:,}"
    return f"{event.file} ended after {count(file.sent_bytes, 'byte')}: {why}"


def _corrupt(event: NetEvent, facts: NetworkFacts) -> str:
    file = served_as(event, facts)
    digests = f"{_short(file.sha256)} instead of {_short(file.file_sha256)}" if file else "another"
    return f"what was sent of {event.file} is not the file: its SHA-256 is {digests}"


def _short(digest: str) -> str:
    return digest[:12]


def _http(event: NetEvent, facts: NetworkFacts) -> str:
    file = served_as(event, facts)
    got = f" after {file.sent_bytes:,} of {count(file.file_bytes, 'byte')}" if file else ""
    return f"{event.file}: {event.text}{got}"


def _http_status(event: NetEvent, facts: NetworkFacts) -> str:
    role = facts.role(event.file)
    return f"the HTTP server answered {event.text} to the request for {event.file}, the {role}"


_SENTENCES: dict[str, Callable[[NetEvent, NetworkFacts], str]] = {
    "dhcp-no-offer": _no_offer,
    "dhcp-no-ack": _no_ack,
    "dhcp-no-filename": _no_filename,
    "link-down": _link_down,
    "tftp-not-found": _not_found,
    "tftp-stalled": _stalled,
    "tftp-truncated": _truncated,
    "tftp-corrupt": _corrupt,
    "http-status": _http_status,
    "http-stalled": _http,
    "http-truncated": _http,
    "http-refused": _http,
}

SIGNS: tuple[Callable[[BootTrace], Diagnosis | None], ...] = (
    network_failed,
    told_too_little,
    script_error,
    nbp_hang,
    still_coming,
)
"""What can go wrong before a kernel is entered, in place of what can with a disk."""
