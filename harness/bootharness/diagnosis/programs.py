"""Boot programs that came to clients on which they do not run."""

import re

from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts

__all__ = ["PC_BIOS", "client_of", "foreign_program"]

PC_BIOS = "PC BIOS"
_ARCHITECTURE = re.compile(r"architecture (\d+)")
# RFC 4578 and IANA's "Processor Architecture Types"
_CLIENTS = {0: PC_BIOS, 6: "ia32 UEFI", 7: "x64 UEFI", 9: "x64 UEFI", 10: "arm UEFI",
            11: "arm64 UEFI", 15: "ia32 UEFI", 16: "x64 UEFI", 18: "arm UEFI",
            19: "arm64 UEFI", 27: "riscv64 UEFI"}  # fmt: skip
_NAMES = (
    NetEventKind.OFFER,
    NetEventKind.ACK,
    NetEventKind.PROXY_OFFER,
    NetEventKind.PROXY_ACK,
)
_ASKS = (NetEventKind.DISCOVER, NetEventKind.REQUEST, NetEventKind.PROXY_REQUEST)


def client_of(facts: NetworkFacts, event: NetEvent) -> tuple[int, str] | None:
    """Return the architecture of the client that asked last before an event, by number and name;
    None where it is not known."""
    asks = [each for each in facts.events if each.kind in _ASKS and each.seconds <= event.seconds]
    said = _ARCHITECTURE.search(asks[-1].text) if asks else None
    name = _CLIENTS.get(int(said[1])) if said else None
    return (int(said[1]), name) if said and name else None


def foreign_program(facts: NetworkFacts) -> NetEvent | None:
    """Return that a boot program came whole which does not run on its client, if that asked for
    nothing more; else None."""
    # a UEFI asks for an address again, for its next boot option, and is named the same file
    last = next((each for each in reversed(facts.events) if each.file and each.kind not in _NAMES),
                None)  # fmt: skip
    if last is None or last.kind != NetEventKind.FILE_SERVED:
        return None
    file = next((each for each in reversed(facts.files) if each.name == last.file), None)
    client = client_of(facts, last)
    if file is None or not file.program or client is None or file.program == client[1]:
        return None
    return last
