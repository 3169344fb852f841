"""How long the clients of a network boot ask on before they give up, each measured."""

from msgspec import Struct

from bootharness.trace.network_facts import NetEvent, NetEventKind, NetworkFacts

__all__ = ["Client", "client_at"]


class Client(Struct, frozen=True):
    """Who asks, and for how long it does without an answer, in seconds and not less."""

    name: str
    link_s: float
    dhcp_s: float
    file_s: float
    scripts: bool = False
    """Whether it runs scripts, which may go on without what did not come."""

    def patience_s(self, kind: NetEventKind) -> float:
        """Return for how long it asks on after an event of a kind."""
        if kind in (NetEventKind.LINK_DOWN, NetEventKind.LINK_UP):
            return self.link_s
        dhcp = (
            NetEventKind.DISCOVER,
            NetEventKind.REQUEST,
            NetEventKind.NAK,
            NetEventKind.PROXY_REQUEST,
        )
        return self.dhcp_s if kind in dhcp else self.file_s

    def may_do_without(self, kind: NetEventKind) -> bool:
        """Return whether it may go on without an answer that it has given up to wait for."""
        return self.scripts and kind in _OF_SCRIPTS


_OF_SCRIPTS = (
    NetEventKind.NAME_UNANSWERED,
    NetEventKind.UNANSWERED_ARP,
    NetEventKind.REPEATED,
    NetEventKind.SENT_AGAIN,
    NetEventKind.HTTP_STALLED,
)
_IPXE = Client("iPXE", link_s=22, dhcp_s=20, file_s=22, scripts=True)
_EDK2 = Client("the UEFI's PXE", link_s=85, dhcp_s=85, file_s=45)
_EDK2_HTTP = Client("the UEFI's HTTP boot", link_s=85, dhcp_s=85, file_s=45)
_PXELINUX = Client("PXELINUX", link_s=145, dhcp_s=20, file_s=145)
_GRUB = Client("GRUB", link_s=145, dhcp_s=85, file_s=60)
# one that is not known is as patient as the most patient of those that are
_OTHER = Client("the boot program", link_s=145, dhcp_s=85, file_s=145)
_BY_NAME = {
    "pxelinux": _PXELINUX,
    "undionly": _IPXE,
    "snponly": _IPXE,
    "ipxe": _IPXE,
    "grub": _GRUB,
}


def client_at(facts: NetworkFacts, event: NetEvent) -> Client:
    """Return who was asking when an event happened: the card's own program, or what it loaded."""
    nbp = facts.roles.get("nbp")
    if nbp is None:
        by_ipxe = not facts.brought or "iPXE" in _asked_as(facts, event)
        return _IPXE if by_ipxe else _of_firmware(facts, event)
    entered = any(
        each.kind == NetEventKind.FILE_SERVED and facts.role(each.file) == "nbp"
        for each in facts.events
        if each.seconds <= event.seconds
    )
    if not entered:
        return _of_firmware(facts, event)
    return next((client for name, client in _BY_NAME.items() if name in nbp), _OTHER)


def _of_firmware(facts: NetworkFacts, event: NetEvent) -> Client:
    if facts.firmware != "uefi":
        return _IPXE
    return _EDK2_HTTP if "HTTPClient" in _asked_as(facts, event) else _EDK2


def _asked_as(facts: NetworkFacts, event: NetEvent) -> str:
    """Return what the one who asked for an address last, up to an event, said that it is."""
    kinds = (NetEventKind.DISCOVER, NetEventKind.REQUEST)
    asked = [each for each in facts.events if each.kind in kinds and each.seconds <= event.seconds]
    return asked[-1].text if asked else ""
