"""What a network boot is made of: events on the wire, files served, and what was wanted."""

import enum
from collections.abc import Iterable

from msgspec import Struct

from bootharness.trace.milestones import NET_MILESTONES

__all__ = [
    "MENU_WAITS",
    "NOT_FOR_HTTP",
    "NetEvent",
    "NetEventKind",
    "NetFile",
    "NetworkFacts",
    "base_name",
    "http_rate",
    "milestones",
]

MENU_WAITS = "a PXE menu that waits for a person"
"""What is said of an answer of DHCP that tells of one."""
NOT_FOR_HTTP = "not for HTTP boot, since "
"""What is said of an offer that a UEFI which boots over HTTP passes over, before the reason."""


class NetEventKind(enum.StrEnum):
    """What can happen on the wire."""

    LINK_UP = "link-up"
    LINK_DOWN = "link-down"
    DISCOVER = "dhcp-discover"
    OFFER = "dhcp-offer"
    REQUEST = "dhcp-request"
    ACK = "dhcp-ack"
    NAK = "dhcp-nak"
    PROXY_OFFER = "proxy-offer"
    PROXY_REQUEST = "proxy-request"
    PROXY_ACK = "proxy-ack"
    RELAYED = "dhcp-relayed"
    UNREACHABLE = "unreachable"
    UNANSWERED_ARP = "arp-unanswered"
    OTHER_VLAN = "other-vlan"
    NAME_ASKED = "name-asked"
    NAME_UNANSWERED = "name-unanswered"
    NAME_UNKNOWN = "name-unknown"
    SAN = "san"
    FILE_REQUESTED = "file-requested"
    FILE_SIZE_ASKED = "file-size-asked"
    FILE_MISSING = "file-missing"
    FILE_SERVED = "file-served"
    FILE_ABORTED = "file-aborted"
    REPEATED = "repeated"
    SENT_AGAIN = "sent-again"
    REDIRECTED = "http-redirected"
    TLS_FAILED = "tls-failed"
    CERTIFICATE_REFUSED = "certificate-refused"
    HTTP_STATUS = "http-status"
    HTTP_STALLED = "http-stalled"
    HTTP_REFUSED = "http-refused"
    HTTP_CLOSED = "http-closed"
    MALFORMED = "malformed"
    FAULT = "fault"
    FAULT_UNUSED = "fault-unused"


class NetEvent(Struct, frozen=True):
    """Something that happened on the wire."""

    seconds: float
    """Since launch."""
    kind: NetEventKind
    """One of `NetEventKind`, which are texts: ``dhcp-ack``, ``file-served``."""
    mac: str
    """The guest's."""
    file: str = ""
    """The file that it is about, empty without one."""
    block: int | None = None
    """The block that the guest still waits for, None without one."""
    repeats: int = 0
    """How often the guest has said the same before this, or been sent the same."""
    text: str = ""
    """What else there is to say."""
    at: str = ""
    """The name or the address at which it was asked for, where that is not the server's own."""

    def __str__(self) -> str:
        parts = [f"{self.seconds:8.3f}", str(self.kind), self.file]
        parts += [f"block {self.block:,}"] if self.block is not None else []
        parts += [f"repeat {self.repeats}"] if self.repeats else []
        asked_at = f"(asked at {self.at})" if self.at else ""
        return " ".join(part for part in [*parts, self.text, asked_at] if part)


class NetFile(Struct, frozen=True):
    """One transfer of a file; sizes in bytes, times in seconds since launch."""

    name: str
    """As the guest asked for it."""
    protocol: str
    """``tftp``, ``http``, or ``iscsi`` for a disk that was read."""
    mac: str
    """The guest's."""
    file_bytes: int
    """The size of the file."""
    file_sha256: str
    """The digest of a file that went out whole, empty for others."""
    requested_at: float
    """When it was asked for."""
    last_at: float
    """When the last of it went over the wire."""
    sent_bytes: int
    """How much of it arrived."""
    outcome: str
    """``served``, ``aborted`` by the client, ``ended`` early by the server, or ``open``; of a disk
    ``read``."""
    promised_bytes: int | None = None
    """The size that the client was told, None where it was not told."""
    sha256: str = ""
    """The digest of what was sent."""
    block_bytes: int = 0
    """The size of a block, over TFTP."""
    window: int = 0
    """How many blocks go out before an answer is waited for, over TFTP."""
    repeats: int = 0
    """How often the client asked again."""
    part: str = ""
    """Which bytes of it were asked for, as 0-511, empty for all of them."""
    role: str = ""
    """What it was seen to be for, of a folder that somebody brought: as in the roles."""
    program: str = ""
    """What a boot program of those runs on: ``PC BIOS``, ``x64 UEFI``."""
    flaw: str = ""
    """Why it cannot be what it was asked for, of such a folder: ``is empty``, ``is a page of
    HTML``; empty where nothing shows."""

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.sent_bytes / max(self.last_at - self.requested_at, 1e-6)

    @property
    def intact(self) -> bool:
        """Whether what arrived is the file."""
        return self.outcome == "served" and self.sha256 == self.file_sha256


class NetworkFacts(Struct, frozen=True):
    """The network that a boot came from."""

    path: str
    """The route."""
    firmware: str
    """``bios`` or ``uefi``."""
    nic: str
    """The network card."""
    server: str
    """The server's address."""
    mac: str
    """The guest's."""
    roles: dict[str, str]
    """The files that the boot needs, by what they are for: ``nbp``, ``script``, ``kernel``,
    ``initrd``, and others that are only needed."""
    faults: tuple[str, ...] = ()
    """The faults that were asked for, as they are written."""
    events: tuple[NetEvent, ...] = ()
    """What happened, in order."""
    files: tuple[NetFile, ...] = ()
    """Every transfer of a file, in order."""
    frames: int = 0
    """How many frames went over the wire."""
    dropped: int = 0
    """How many for the guest were lost because it took none for too long."""
    events_left_out: int = 0
    """How many events were too many of one kind to be kept."""
    root: str = ""
    """The folder of which the files are, where somebody brought them; what they are for was seen
    as they were asked for, and of several for the same the last is in the roles."""
    servers: tuple[str, ...] = ()
    """The servers that the files come from, where somebody brought those, as they are written."""
    said: tuple[str, ...] = ()
    """What those servers complained of last, each with its name and a colon in front."""

    @property
    def brought(self) -> bool:
        """Whether somebody brought what is served, and nobody knows beforehand what is needed."""
        return bool(self.root or self.servers)

    @property
    def not_there(self) -> tuple[str, ...]:
        """The names that were asked for in vain, in the order in which they were first."""
        missing = (NetEventKind.FILE_MISSING, NetEventKind.HTTP_STATUS)
        return tuple(dict.fromkeys(each.file for each in self.events if each.kind in missing))

    def first(self, kind: NetEventKind) -> NetEvent | None:
        """Return the first event of a kind, None where there is none."""
        return next((event for event in self.events if event.kind == kind), None)

    def role(self, file: str) -> str | None:
        """Return what a file is for; its path does not matter, for some clients try several."""
        name = base_name(file)
        for role, wanted in self.roles.items():
            if base_name(wanted) == name:
                return role
        return next((each.role for each in self.files if each.role and each.name == file), None)


def base_name(file: str) -> str:
    """Return the last part of a file's name or URL."""
    return file.rpartition("/")[2]


def http_rate(files: Iterable[NetFile]) -> float:
    """Return the bytes per second of all HTTP together, 0 without any."""
    http = [file for file in files if file.protocol == "http"]
    if not http:
        return 0.0
    seconds = max(file.last_at for file in http) - min(file.requested_at for file in http)
    return sum(file.sent_bytes for file in http) / max(seconds, 1e-6)


def milestones(facts: NetworkFacts) -> dict[str, float]:
    """Return the milestones that the wire proves, in seconds since launch."""
    points: dict[str, float] = {}
    dhcp = (
        NetEventKind.LINK_UP,
        NetEventKind.DISCOVER,
        NetEventKind.OFFER,
        NetEventKind.REQUEST,
        NetEventKind.ACK,
    )
    for event in facts.events:
        role = facts.role(event.file) if event.file else None
        name = ""
        if event.kind in dhcp:
            name = str(event.kind)
        elif role and event.kind == NetEventKind.FILE_REQUESTED:
            name = f"{role}-requested"
        elif role and event.kind == NetEventKind.FILE_SERVED:
            name = f"{role}-served"
        if name in NET_MILESTONES:
            points.setdefault(name, event.seconds)
    return points
