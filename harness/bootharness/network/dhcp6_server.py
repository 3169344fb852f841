"""A DHCPv6 server for clients that boot: a pure event machine."""

from msgspec import Struct, field

from bootharness.formats.dhcp6 import (
    ADVERTISE,
    CONFIRM,
    INFORMATION,
    REBIND,
    RENEW,
    REPLY,
    REQUEST6,
    SOLICIT,
    Dhcp6Message,
    Dhcp6Option,
    Lease,
)
from bootharness.formats.ethernet import ip_text
from bootharness.network.boot_rule import BootRule, who
from bootharness.network.events import Journal
from bootharness.network.repeats import Repeats
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEventKind

__all__ = ["DHCP6_PORT", "Dhcp6Server"]

DHCP6_PORT = 547
_LEASE_S = 3600
# a DUID of the kind that is a card's address: RFC 8415, 11.4
_DUID = b"\0\3\0\1"
_ASKS = (REQUEST6, CONFIRM, RENEW, REBIND, INFORMATION)
_INTEL = 343
_NO_NAME = BootRule("")


class Dhcp6Server(Struct):
    """Answers the clients of one port; ``rules`` are tried in order. A file without a URL is named
    as one over TFTP."""

    mac: bytes
    address: bytes
    lease: bytes
    rules: tuple[BootRule, ...]
    journal: Journal
    faults: Faults = field(default_factory=Faults)
    fetched: set[str] = field(default_factory=set)
    to_ipxe: bool = False
    _asked_at: dict[int, float] = field(default_factory=dict)
    _repeats: Repeats = field(default_factory=Repeats)

    def receive(self, payload: bytes, mac: bytes, now: float) -> bytes | None:
        """Return the answer to a message, None where it gets none.

        Raises FormatError when it is no DHCPv6 message.
        """
        message = Dhcp6Message.parse(payload, mac)
        own = _DUID + self.mac
        if message.options.get(Dhcp6Option.SERVER_ID, own) != own:
            return None  # it has chosen another server
        if message.kind != SOLICIT and message.kind not in _ASKS:
            return None
        self.to_ipxe = message.is_ipxe
        first, asking = message.kind == SOLICIT, who(message)
        asked, answered = (
            (NetEventKind.DISCOVER, NetEventKind.OFFER)
            if first
            else (NetEventKind.REQUEST, NetEventKind.ACK)
        )
        self.journal.note(
            now,
            asked,
            repeats=self._repeats.count((message.kind, message.xid), now),
            text=", ".join(filter(None, ("IPv6", asking))),
        )
        if self._kept_back("no-offer" if first else "no-ack", message.kind, now):
            return None
        file = self._file(message)
        text = ip_text(self.lease) if asking else "not a PXE client"
        self.journal.note(now, answered, file, text=text)
        return self._answer(message, ADVERTISE if first else REPLY, file).build()

    def _kept_back(self, fault: str, kind: int, now: float) -> bool:
        first = self._asked_at.setdefault(kind, now)
        return self.faults.last(fault, now - first)

    def _file(self, message: Dhcp6Message) -> str:
        rules = (rule for rule in self.rules if rule.matches(message, self.fetched))
        file = next(rules, _NO_NAME).file
        if not file or "no-filename" in self.faults:
            return ""
        return file if "://" in file else f"tftp://[{ip_text(self.address)}]/{file.lstrip('/')}"

    def _answer(self, message: Dhcp6Message, kind: int, file: str) -> Dhcp6Message:
        options: dict[int, bytes] = {Dhcp6Option.SERVER_ID: _DUID + self.mac}
        if client := message.options.get(Dhcp6Option.CLIENT_ID):
            options[Dhcp6Option.CLIENT_ID] = client
        if message.association is not None:
            lease = Lease(self.lease, message.association, _LEASE_S)
            options[Dhcp6Option.ASSOCIATION] = lease.build()
        options[Dhcp6Option.NAME_SERVERS] = self.address
        if message.is_http:  # it takes no answer that does not say the same
            options[Dhcp6Option.VENDOR_CLASS] = _INTEL.to_bytes(4, "big") + b"\0\x0aHTTPClient"
        if file:
            options[Dhcp6Option.BOOT_FILE] = file.encode()
        return Dhcp6Message(kind, message.xid, message.mac, options)
