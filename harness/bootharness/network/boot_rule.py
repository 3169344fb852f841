"""Which file a DHCP server names to which client, and what else it tells it."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from bootharness.formats.dhcp import DhcpMessage

__all__ = ["BootRule"]


class BootRule(Struct, frozen=True):
    """What a client is answered: a boot file, who has it where that is not the server itself, and
    DHCP options by number, the empty ones being left out. Which client: what is None does not
    matter.

    ``vendor_class`` is what the client's begins with. ``after`` is a file that the client has
    fetched before, for a chain of boot programs.
    """

    file: str
    architecture: int | None = None
    ipxe: bool | None = None
    pxe: bool | None = None
    mac: bytes | None = None
    after: str | None = None
    user_class: str | None = None
    vendor_class: str | None = None
    next_server: bytes | None = None
    options: Mapping[int, bytes] = {}

    def matches(self, message: "DhcpMessage", fetched: Collection[str]) -> bool:
        """Return whether the rule is for this client."""
        return (
            self.architecture in (None, message.architecture)
            and self.ipxe in (None, message.is_ipxe)
            and self.pxe in (None, message.is_pxe)
            and self.mac in (None, message.mac)
            and (self.after is None or self.after in fetched)
            and (self.user_class is None or self.user_class.encode() in message.user_classes)
            and message.vendor_class.startswith((self.vendor_class or "").encode())
        )
