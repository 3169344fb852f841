"""Which file a DHCP server names to which client, and what else it tells it."""

from collections.abc import Collection, Mapping
from typing import Protocol

from msgspec import Struct

__all__ = ["Asking", "BootRule", "who"]


class Asking(Protocol):
    """A message by which a client asks for something to boot, of DHCP for IPv4 or IPv6."""

    @property
    def architecture(self) -> int | None:
        """The client's architecture, None where it does not say."""

    @property
    def user_classes(self) -> tuple[bytes, ...]:
        """The client's user classes."""

    @property
    def vendor_class(self) -> bytes:
        """The client's vendor class."""

    @property
    def is_ipxe(self) -> bool:
        """Whether it is iPXE."""

    @property
    def is_pxe(self) -> bool:
        """Whether it is a PXE client."""

    @property
    def is_http(self) -> bool:
        """Whether it is a UEFI that boots over HTTP."""

    @property
    def mac(self) -> bytes:
        """Its card's address."""


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

    def matches(self, message: Asking, fetched: Collection[str]) -> bool:
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


def wants_to_boot(message: Asking) -> bool:
    """Return whether who asks for an address wants a boot file; who has been booted does not."""
    return message.is_pxe or message.is_http or message.is_ipxe


def who(message: Asking) -> str:
    """Say who asks, empty for who wants nothing to boot."""
    parts = []
    if message.architecture is not None:
        parts.append(f"architecture {message.architecture}")
    if message.is_pxe:
        parts.append("PXEClient")
    if message.is_http:
        parts.append("HTTPClient")
    if message.is_ipxe:
        parts.append("iPXE")
    return ", ".join(parts)
