"""What goes between a guest and DHCP servers that are not ours, written down."""

import re
from collections.abc import Mapping

from msgspec import Struct, field

from bootharness.errors import FormatError
from bootharness.formats.dhcp import (
    ACK,
    DISCOVER,
    INFORM,
    NAK,
    OFFER,
    REQUEST,
    DhcpMessage,
    DhcpOption,
)
from bootharness.formats.dhcp6 import (
    ADVERTISE,
    INFORMATION,
    REPLY,
    REQUEST6,
    SOLICIT,
    Dhcp6Message,
    Dhcp6Option,
)
from bootharness.formats.ethernet import Datagram, ip_text
from bootharness.formats.url import Url
from bootharness.network.boot_rule import wants_to_boot, who
from bootharness.network.events import Journal
from bootharness.network.proxy_dhcp import PROXY_PORT
from bootharness.network.repeats import Repeats
from bootharness.trace.network_facts import MENU_WAITS, NOT_FOR_HTTP, NetEventKind

__all__ = ["DHCP_PORTS", "WatchedDhcp"]

DHCP_PORTS = (67, 68, PROXY_PORT)
_NOBODY = bytes(4)
_SANS = ("iscsi:", "aoe:", "ib_srp:", "fcp:")
_ADDRESS = re.compile(r"[0-9.]+|[0-9a-fA-F.]*:[0-9a-fA-F:.]*")
_ASKS6 = (REQUEST6, INFORMATION)


class WatchedDhcp(Struct):
    """The clients of one port and who answers them; ``behind`` are servers behind a relay, by their
    addresses."""

    journal: Journal
    behind: Mapping[bytes, str] = {}
    boots: bool = False
    over_http: bool = False
    _repeats: Repeats = field(default_factory=Repeats)
    _relayed: Repeats = field(default_factory=Repeats)

    def asked(self, datagram: Datagram, now: float) -> None:
        """Take what a guest says."""
        message = DhcpMessage.parse(datagram.payload)
        if message.operation != 1 or message.kind not in (DISCOVER, REQUEST, INFORM):
            return
        self.boots, self.over_http = wants_to_boot(message), message.is_http
        port = datagram.target_port
        repeats = self._repeats.count((message.kind, message.xid, port), now)
        text = who(message)
        if port == PROXY_PORT:
            kind = NetEventKind.PROXY_REQUEST
            text = f"{ip_text(datagram.target_ip)}, {text}"
        elif message.kind == DISCOVER:
            kind = NetEventKind.DISCOVER
        else:
            kind = NetEventKind.REQUEST
            chosen = message.options.get(DhcpOption.SERVER_ID, b"")
            text = f"{text}, from {ip_text(chosen)}".removeprefix(", ") if chosen else text
        self.journal.note(now, kind, repeats=repeats, text=text)

    def answered(self, datagram: Datagram, server: str, now: float) -> None:
        """Take what a server says to a guest."""
        message = DhcpMessage.parse(datagram.payload)
        if message.operation != 2:
            return
        by = f"by {server} at {ip_text(datagram.source_ip)}"
        itself = message.options.get(DhcpOption.SERVER_ID, b"")
        if itself in self.behind:
            by = f"by {self.behind[itself]} at {ip_text(itself)} through {by.removeprefix('by ')}"
        given = message.your_ip
        proxy = datagram.source_port == PROXY_PORT or (given == _NOBODY and message.is_pxe)
        san = "" if message.boot_file else _san(message)
        file = message.boot_file or san
        text = f"{ip_text(given)} {by}" if given != _NOBODY else by
        if message.kind == OFFER:
            kind = NetEventKind.PROXY_OFFER if proxy else NetEventKind.OFFER
        elif message.kind == ACK:
            kind = NetEventKind.PROXY_ACK if proxy else NetEventKind.ACK
        elif message.kind == NAK:
            kind, file = NetEventKind.NAK, ""
        else:
            return
        text += _menu(message)
        if san:
            text += ", a disk"
        elif file:
            text += f", from {self._next_server(message, datagram)}{_way(message)}"
            why = _not_for_http(message) if self.over_http else ""
            text += f", {NOT_FOR_HTTP}{why}" if why else ""
        elif kind == NetEventKind.ACK and not self.boots:
            text = "not a PXE client"  # who did not ask as one has been booted already
        self.journal.note(now, kind, file, text=text)

    def asked6(self, datagram: Datagram, now: float) -> None:
        """Take what a guest says over IPv6."""
        message = Dhcp6Message.parse(datagram.payload, datagram.source_mac)
        if message.kind == SOLICIT:
            kind = NetEventKind.DISCOVER
        elif message.kind in _ASKS6:
            kind = NetEventKind.REQUEST
        else:
            return
        self.boots = wants_to_boot(message)
        repeats = self._repeats.count((message.kind, message.xid), now)
        self.journal.note(now, kind, repeats=repeats, text=f"IPv6, {who(message)}".strip(", "))

    def answered6(self, datagram: Datagram, server: str, now: float) -> None:
        """Take what a server says to a guest over IPv6."""
        message = Dhcp6Message.parse(datagram.payload, datagram.target_mac)
        kinds = {ADVERTISE: NetEventKind.OFFER, REPLY: NetEventKind.ACK}
        if message.kind not in kinds:
            return
        file = message.options.get(Dhcp6Option.BOOT_FILE, b"").decode("utf-8", "replace")
        address = message.address
        by = f"by {server} at {ip_text(datagram.source_ip)}"
        text = f"{ip_text(address)} {by}" if address else by
        if message.kind == REPLY and not file and not self.boots:
            text = "not a PXE client"
        self.journal.note(now, kinds[message.kind], file, text=text)

    def relayed(self, datagram: Datagram, now: float) -> None:
        """Take what a relay passes on."""
        message = DhcpMessage.parse(datagram.payload)
        if message.operation == 1 and message.kind in (DISCOVER, REQUEST):
            text = f"to {ip_text(datagram.target_ip)}"
            again = self._relayed.count((text, message.kind, message.xid), now)
            self.journal.note(now, NetEventKind.RELAYED, repeats=again, text=text)

    @staticmethod
    def _next_server(message: DhcpMessage, datagram: Datagram) -> str:
        """Return whom the boot file comes from."""
        _, scheme, place = message.boot_file.partition("://")
        if scheme:
            return place.partition("/")[0].partition(":")[0]
        if message.next_server != _NOBODY:
            return ip_text(message.next_server)
        name = message.options.get(DhcpOption.SERVER_NAME) or message.server_name
        said = name.rstrip(b"\0").decode("ascii", "replace")
        return said or f"{ip_text(datagram.source_ip)}, for it names no next server"


def _san(message: DhcpMessage) -> str:
    """Return the disk over the network that a client is named, empty without one."""
    root = message.options.get(DhcpOption.ROOT_PATH, b"").rstrip(b"\0").decode("utf-8", "replace")
    return root if root.startswith(_SANS) else ""


def _not_for_http(message: DhcpMessage) -> str:
    """Say why a UEFI that boots over HTTP passes an answer over, empty where it does not: UEFI
    2.10, 24.7.3."""
    if not message.is_http:
        return "its option 60 is not HTTPClient"
    url = Url.of(message.boot_file)
    if url.scheme not in ("http", "https"):
        return "its boot file is no URL"
    unknown = not (_ADDRESS.fullmatch(url.host) or message.options.get(DhcpOption.NAME_SERVER))
    return "it tells of no name server for its URL" if unknown else ""


def _menu(message: DhcpMessage) -> str:
    """Say which menu a PXE client is told to show, empty without one."""
    try:
        menu = message.pxe_menu
    except FormatError:  # a client shows none then
        return ""
    if menu is None:
        return ""
    seconds = menu.timeout_s
    when = f"after {seconds} s" if seconds else "at once"
    what = MENU_WAITS if seconds is None else f"a PXE menu whose first is taken {when}"
    return f", with {what}: {' / '.join(menu.entries)}"


def _way(message: DhcpMessage) -> str:
    """Say by which router a client reaches a next server that is on another network."""
    own, server = message.your_ip, message.next_server
    mask = message.options.get(DhcpOption.SUBNET_MASK, b"")
    if len(mask) != len(own) or _NOBODY in (own, server):
        return ""
    if all((a ^ b) & bits == 0 for a, b, bits in zip(own, server, mask, strict=True)):
        return ""
    router = message.options.get(DhcpOption.ROUTER, b"")[:4]
    return f", through {ip_text(router)}" if len(router) == len(own) else ", and names no router"
