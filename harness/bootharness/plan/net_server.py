"""A server of the person's own, in one line: what it is, where, and its configuration."""

from ipaddress import IPv4Address, ip_interface
from typing import Self

from msgspec import Struct

from bootharness.errors import UsageError
from bootharness.text import hint

__all__ = ["SERVER_KINDS", "NetServer", "check_server"]

SERVER_KINDS = ("dnsmasq", "kea", "command", "relay")
_EXAMPLES = (
    "dnsmasq:FILE, kea:FILE, command:WORDS or relay@ADDRESS/BITS:SERVER, with @ADDRESS/BITS in "
    "front of the colon"
)
_RELAY = (
    "a relay is written relay@192.168.1.1/24:10.0.0.5, which is its address on the guest's "
    "network, and that of the DHCP server behind it"
)
_LEAST_BITS = 2
"""Of an address that are not the network's."""


class NetServer(Struct, frozen=True):
    """One server; ``what`` is its configuration's file, a line for the shell, or whom a relay asks.

    ``address`` is its own on the network, with how many bits of it are the network's, None where
    it is to be found in the configuration.
    """

    kind: str
    what: str
    address: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one. Raises UsageError, saying what can be written."""
        head, colon, what = text.partition(":")
        if "@[" in head:  # IPv6 has colons of its own
            head, colon, what = text.replace("@[", "@", 1).partition("]:")
        kind, at, address = head.partition("@")
        if kind not in SERVER_KINDS:
            raise UsageError(f"server {kind!r}: {hint(kind, SERVER_KINDS, otherwise=_EXAMPLES)}")
        if not colon or not what.strip():
            raise UsageError(f"server {text!r}: {_EXAMPLES} is wanted")
        server = cls(kind, what, _checked(text, address) if at else None)
        if server.is_relay and (":" in (server.address or ":") or not _is_address(what)):
            raise UsageError(f"server {text!r}: {_RELAY}")
        return server

    def __str__(self) -> str:
        at = f"@{self.address}" if self.address else ""
        if ":" in at:
            at = f"@[{self.address}]"
        return f"{self.kind}{at}:{self.what}"

    @property
    def has_file(self) -> bool:
        """Whether a file says what it does."""
        return self.kind in ("dnsmasq", "kea")

    @property
    def is_relay(self) -> bool:
        """Whether it is a router that passes DHCP on to a server behind it."""
        return self.kind == "relay"


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _checked(text: str, address: str) -> str:
    try:
        network = ip_interface(address).network
        bits = network.max_prefixlen - network.prefixlen
    except ValueError:
        bits = 0
    if "/" not in address or bits < _LEAST_BITS or not network.prefixlen:
        raise UsageError(
            f"server {text!r}: {address!r} is no address as 192.168.1.1/24 or [fd00:99::1/64]"
        )
    return address


def check_server(text: str) -> None:
    """Raise UsageError, saying what can be written, for what is no server."""
    NetServer.parse(text)
