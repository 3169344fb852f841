"""A proxy of DHCP beside a server of somebody else: a pure event machine.

That server gives the address, the proxy names the boot file (PXE 2.1, "ProxyDHCP"). What the other
one says to the card is not heard, for a switch brings it to the card alone. What the client says
proves it: whose offer it takes goes to all, and an address that it uses was granted.
"""

from collections.abc import Mapping

from msgspec import Struct, field

from bootharness.formats.dhcp import (
    ACK,
    DISCOVER,
    INFORM,
    OFFER,
    REQUEST,
    DhcpMessage,
    DhcpOption,
    sub_options,
)
from bootharness.formats.ethernet import ip_text
from bootharness.network.boot_rule import BootRule, wants_to_boot, who
from bootharness.network.events import Journal
from bootharness.network.repeats import Repeats
from bootharness.trace.network_facts import NetEventKind

__all__ = ["PROXY_PORT", "ProxyDhcp"]

PROXY_PORT = 4011
_NOBODY = bytes(4)
_BROADCAST = b"\xff" * 4
# PXE discovery control: boot the file that this very message names
_PXE_OPTIONS = sub_options({6: b"\x08"})
_NOTHING = BootRule("")


class ProxyDhcp(Struct):
    """Names files to the clients of one port; ``rules`` are tried in order, and ``options`` by
    number stand in every answer."""

    address: bytes
    rules: tuple[BootRule, ...]
    journal: Journal
    fetched: set[str] = field(default_factory=set)
    options: Mapping[int, bytes] = {}
    to_ipxe: bool = False
    _awaited: bytes = _NOBODY
    _from: str = ""
    _boots: bool = False
    _repeats: Repeats = field(default_factory=Repeats)

    def receive(self, payload: bytes, port: int, now: float) -> tuple[DhcpMessage, bytes] | None:
        """Return the answer to a message that came to a port, and the address to send it to.

        Raises FormatError when it is no DHCP message.
        """
        message = DhcpMessage.parse(payload)
        if message.operation != 1 or message.kind not in (DISCOVER, REQUEST, INFORM):
            return None
        self.to_ipxe = message.is_ipxe
        repeats = self._repeats.count((message.kind, message.xid, port), now)
        rule = next((each for each in self.rules if each.matches(message, self.fetched)), _NOTHING)
        asking, itself = who(message), ip_text(self.address)
        if port == PROXY_PORT:
            text = f"{itself}, {asking}"
            self.journal.note(now, NetEventKind.PROXY_REQUEST, repeats=repeats, text=text)
            self.journal.note(now, NetEventKind.PROXY_ACK, rule.file, text=f"by {itself}")
            return self._answer(message, ACK, rule), message.client_ip
        if message.kind == DISCOVER:
            self.journal.note(now, NetEventKind.DISCOVER, repeats=repeats, text=asking)
            if not (rule.file and wants_to_boot(message)):
                return None
            self.journal.note(now, NetEventKind.PROXY_OFFER, rule.file, text=f"by {itself}")
            return self._answer(message, OFFER, rule), _BROADCAST
        if message.kind == REQUEST:
            self._asks_another(message, asking, repeats, now)
        return None

    def uses(self, address: bytes, now: float) -> None:
        """Take that the client uses an address: the server that it asked for it has granted it."""
        if address == self._awaited != _NOBODY:
            granted = f"{ip_text(address)}{self._from}"
            text = granted if self._boots else "not a PXE client"
            self.journal.note(now, NetEventKind.ACK, text=text)
            self._awaited = _NOBODY

    def _asks_another(self, message: DhcpMessage, asking: str, repeats: int, now: float) -> None:
        wanted = message.options.get(DhcpOption.REQUESTED_IP, message.client_ip)
        server = message.options.get(DhcpOption.SERVER_ID, b"")
        self._from = f" by another server, {ip_text(server)}" if server else ""
        self._awaited, self._boots = wanted, wants_to_boot(message)
        if server and not repeats:
            text = f"{ip_text(wanted)}{self._from}"
            self.journal.note(now, NetEventKind.OFFER, text=text)
        self.journal.note(now, NetEventKind.REQUEST, repeats=repeats, text=asking)

    def _answer(self, message: DhcpMessage, kind: int, rule: BootRule) -> DhcpMessage:
        server = rule.next_server or self.address
        options = {
            DhcpOption.MESSAGE_TYPE: bytes([kind]),
            DhcpOption.SERVER_ID: self.address,
            DhcpOption.VENDOR_CLASS: b"HTTPClient" if message.is_http else b"PXEClient",
            DhcpOption.VENDOR_OPTIONS: _PXE_OPTIONS,
            DhcpOption.MACHINE_ID: message.machine_id,
            DhcpOption.SERVER_NAME: ip_text(server).encode(),
            DhcpOption.BOOT_FILE: rule.file.encode(),
            **self.options,
            **rule.options,
        }
        return message.reply(options, next_server=server, file=rule.file.encode())
