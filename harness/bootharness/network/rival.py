"""Another DHCP server on the wire: one that knows nothing of booting, or a proxy of others.

The first gives an address and names no file; the second gives no address, and names a file of its
own.
"""

from msgspec import Struct, field

from bootharness.formats.dhcp import DhcpMessage
from bootharness.formats.ethernet import ip_bytes
from bootharness.network.addresses import PROXY_HOST, RIVAL_HOST
from bootharness.network.boot_rule import BootRule
from bootharness.network.dhcp_server import DhcpServer
from bootharness.network.events import Journal
from bootharness.trace.network_facts import NetEventKind

__all__ = ["PROXY_ADDRESS", "RIVALS_AFTER", "RIVALS_FIRST", "Rival"]

PROXY_ADDRESS = ip_bytes(PROXY_HOST)
RIVALS_FIRST, RIVALS_AFTER = ("rival-first", "proxy-first"), ("rival",)
"""The faults by which there is another, that answers before our server does, or after it."""
_PROXY_FILE = "proxy.0"
_AS_PROXY = {
    NetEventKind.OFFER: NetEventKind.PROXY_OFFER,
    NetEventKind.ACK: NetEventKind.PROXY_ACK,
}


class Rival(Struct):
    """Answers the clients of one port, with a ``lease`` or as a proxy without one; what it says is
    in their ``journal``."""

    lease: bytes | None
    journal: Journal
    _own: Journal = field(default_factory=Journal)

    @property
    def host(self) -> str:
        """Its address."""
        return RIVAL_HOST if self.lease else PROXY_HOST

    def receive(self, payload: bytes, now: float) -> tuple[DhcpMessage, bytes] | None:
        """Return the answer to a message, and the address to send it to.

        Raises FormatError when it is no DHCP message.
        """
        rules = () if self.lease else (BootRule(_PROXY_FILE),)
        server = DhcpServer(ip_bytes(self.host), self.lease or bytes(4), rules, self._own)
        if self.lease is None and not DhcpMessage.parse(payload).is_pxe:
            return None
        before = self._own.noted
        answered = server.receive(payload, now)
        if answered and self._own.noted > before:
            said = self._own.events[-1]
            kind = said.kind if self.lease else _AS_PROXY.get(said.kind, said.kind)
            by = f"by another server, {self.host}"
            text = f"{said.text}, {by}" if self.lease else by
            self.journal.note(now, kind, said.file, text=text)
        return answered
