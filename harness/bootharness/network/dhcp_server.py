"""A DHCP server for clients that boot: a pure event machine."""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.formats.dhcp import (
    ACK,
    DISCOVER,
    INFORM,
    NAK,
    OFFER,
    REQUEST,
    DhcpMessage,
    DhcpOption,
    sub_options,
)
from bootharness.formats.ethernet import ip_bytes, ip_text
from bootharness.network.boot_rule import BootRule, wants_to_boot, who
from bootharness.network.events import Journal
from bootharness.network.repeats import Repeats
from bootharness.plan.fault import Faults
from bootharness.trace.network_facts import NetEventKind

__all__ = ["DhcpServer"]

_LEASE_S = 3600
_NETMASK = ip_bytes("255.255.255.0")
_BROADCAST = b"\xff" * 4
_WANTS_BROADCAST = 0x8000
# another address on the same network, where nobody is
_WRONG_SERVER = ip_bytes("10.0.2.222")
# iPXE: no-pxedhcp, do not wait for a proxy
_IPXE_OPTIONS = sub_options({176: b"\1"})
# PXE discovery control: boot the file that this very message names
_PXE_OPTIONS = sub_options({6: b"\x08"})
_NOTHING = BootRule("")


class DhcpServer(Struct):
    """Answers the clients of one port; ``rules`` are tried in order. ``options`` by number stand in
    every answer, those that are empty in none."""

    address: bytes
    lease: bytes
    rules: tuple[BootRule, ...]
    journal: Journal
    faults: Faults = field(default_factory=Faults)
    fetched: set[str] = field(default_factory=set)
    options: Mapping[int, bytes] = {}
    to_ipxe: bool = False
    _asked_at: dict[int, float] = field(default_factory=dict)
    _repeats: Repeats = field(default_factory=Repeats)

    def receive(self, payload: bytes, now: float) -> tuple[DhcpMessage, bytes] | None:
        """Return the answer to a message, and the address to send it to.

        Raises FormatError when it is no DHCP message.
        """
        message = DhcpMessage.parse(payload)
        if message.operation != 1 or message.kind not in (DISCOVER, REQUEST, INFORM):
            return None
        server = message.options.get(DhcpOption.SERVER_ID, self.address)
        if server != self.address:
            return None  # it has chosen another server
        self.to_ipxe = message.is_ipxe
        repeats = self._repeats.count((message.kind, message.xid), now)
        rule = self._rule(message)
        asking = who(message)
        if message.kind == DISCOVER:
            self.journal.note(now, NetEventKind.DISCOVER, repeats=repeats, text=asking)
            if any(self._kept_back(each, message.kind, now) for each in ("no-offer", "blocked")):
                return None
            answer = self._answer(message, OFFER, rule)
            self.journal.note(now, NetEventKind.OFFER, answer.boot_file, text=ip_text(self.lease))
            return self._addressed(message, answer)
        self.journal.note(now, NetEventKind.REQUEST, repeats=repeats, text=asking)
        if self._kept_back("no-ack", message.kind, now):
            return None
        wanted = message.options.get(DhcpOption.REQUESTED_IP, message.client_ip)
        if "nak" in self.faults or (message.kind == REQUEST and wanted != self.lease):
            self.journal.note(now, NetEventKind.NAK, text=ip_text(wanted[:4]))
            return self._answer(message, NAK, rule), _BROADCAST
        answer = self._answer(message, ACK, rule)
        self.journal.note(now, NetEventKind.ACK, answer.boot_file, text=self._granted(message))
        return self._addressed(message, answer)

    def _kept_back(self, fault: str, kind: int, now: float) -> bool:
        """Return whether a fault keeps back the answer: for ever, or so long after the first."""
        first = self._asked_at.setdefault(kind, now)
        return self.faults.last(fault, now - first)

    def _granted(self, message: DhcpMessage) -> str:
        # who did not ask as a PXE client has been booted already
        return ip_text(self.lease) if wants_to_boot(message) else "not a PXE client"

    def _rule(self, message: DhcpMessage) -> BootRule:
        rules = (rule for rule in self.rules if rule.matches(message, self.fetched))
        return next(rules, _NOTHING)

    def _answer(self, message: DhcpMessage, kind: int, rule: BootRule) -> DhcpMessage:
        options = {DhcpOption.MESSAGE_TYPE: bytes([kind]), DhcpOption.SERVER_ID: self.address}
        if message.machine_id:
            options[DhcpOption.MACHINE_ID] = message.machine_id
        if kind == NAK:
            return replace(message.reply(options), client_ip=bytes(4))
        server = rule.next_server or self.address
        if "wrong-next-server" in self.faults:
            server = _WRONG_SERVER
        file = rule.file
        options |= {
            DhcpOption.SUBNET_MASK: _NETMASK,
            DhcpOption.ROUTER: self.address,
            DhcpOption.NAME_SERVER: self.address,
            DhcpOption.LEASE_TIME: _LEASE_S.to_bytes(4, "big"),
        }
        # who heeds no proxy is hurt by none
        alone = "proxy-first" not in self.faults
        if message.is_pxe and alone:
            options |= {
                DhcpOption.VENDOR_CLASS: b"PXEClient",
                DhcpOption.VENDOR_OPTIONS: _PXE_OPTIONS,
            }
        if message.is_http:  # it takes no answer that does not say the same
            options[DhcpOption.VENDOR_CLASS] = b"HTTPClient"
        if message.is_ipxe and alone:
            options[DhcpOption.IPXE] = _IPXE_OPTIONS
        if file:
            options |= {
                DhcpOption.SERVER_NAME: ip_text(server).encode(),
                DhcpOption.BOOT_FILE: file.encode(),
            }
        options |= {**self.options, **rule.options}
        if "no-filename" in self.faults:
            file = ""
            options[DhcpOption.BOOT_FILE] = b""
        return message.reply(options, your_ip=self.lease, next_server=server, file=file.encode())

    @staticmethod
    def _addressed(message: DhcpMessage, answer: DhcpMessage) -> tuple[DhcpMessage, bytes]:
        if message.flags & _WANTS_BROADCAST:
            return answer, _BROADCAST
        return answer, message.client_ip if any(message.client_ip) else answer.your_ip
