"""Another DHCP server on the wire, that knows nothing of booting: it names no file."""

from msgspec import Struct, field

from bootharness.formats.dhcp import DhcpMessage
from bootharness.formats.ethernet import ip_bytes
from bootharness.network.addresses import RIVAL_HOST
from bootharness.network.dhcp_server import DhcpServer
from bootharness.network.events import Journal

__all__ = ["RIVAL_ADDRESS", "Rival"]

RIVAL_ADDRESS = ip_bytes(RIVAL_HOST)
_BY = f"by another server, {RIVAL_HOST}"


class Rival(Struct):
    """Answers the clients of one port as any router does; what it says is in their ``journal``."""

    lease: bytes
    journal: Journal
    _own: Journal = field(default_factory=Journal)

    def receive(self, payload: bytes, now: float) -> tuple[DhcpMessage, bytes] | None:
        """Return the answer to a message, and the address to send it to.

        Raises FormatError when it is no DHCP message.
        """
        server = DhcpServer(RIVAL_ADDRESS, self.lease, (), self._own)
        before = self._own.noted
        answered = server.receive(payload, now)
        if answered and self._own.noted > before:
            said = self._own.events[-1]
            self.journal.note(now, said.kind, text=f"{said.text}, {_BY}")
        return answered
