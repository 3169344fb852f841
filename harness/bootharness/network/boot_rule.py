"""Which file a DHCP server names to which client."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from bootharness.formats.dhcp import DhcpMessage

__all__ = ["BootRule"]


class BootRule(Struct, frozen=True):
    """Which file a client boots; what is None does not matter.

    ``after`` is a file that the client has fetched before, for a chain of boot programs.
    """

    file: str
    architecture: int | None = None
    ipxe: bool | None = None
    pxe: bool | None = None
    mac: bytes | None = None
    after: str | None = None

    def matches(self, message: "DhcpMessage", fetched: Collection[str]) -> bool:
        """Return whether the rule is for this client."""
        return (
            self.architecture in (None, message.architecture)
            and self.ipxe in (None, message.is_ipxe)
            and self.pxe in (None, message.is_pxe)
            and self.mac in (None, message.mac)
            and (self.after is None or self.after in fetched)
        )
