"""What a guest reads from disks over iSCSI, block by block: they are written down as they came."""

import struct

from msgspec import Struct, field

from bootharness.formats.ethernet import ip_text
from bootharness.formats.iscsi import Pdu, Pdus, read_span
from bootharness.network.arrived import Arrived, ArrivedDisk
from bootharness.network.events import Journal
from bootharness.network.tcp import SYN, Segment
from bootharness.network.tcp_stream import TcpStream
from bootharness.trace.network_facts import NetEventKind, NetFile

__all__ = ["WatchedIscsi"]

_COMMAND, _LOGIN = 0x01, 0x03
_ANSWERED, _LOGGED_IN, _DATA = 0x21, 0x23, 0x25
_CAPACITY_10, _CAPACITY_16 = 0x25, 0x9E
_BLOCK_BYTES = 512
_LARGEST_BLOCK = 1 << 16
_CONNECTIONS, _TASKS, _DISKS = 16, 256, 64
_NAME_BYTES = 223
_NO_SUCH_TARGET = 0x0203


class _Asked(Struct):
    """A command without its answer as yet: for which disk, and where there it reads."""

    disk: "_Disk"
    command: bytes
    begins: int = 0


class _Disk(Struct):
    name: str
    requested_at: float
    content: ArrivedDisk
    block_bytes: int = _BLOCK_BYTES
    size: int = 0
    read: int = 0
    last_at: float = 0.0
    refused: bool = False


class _Connection(Struct):
    server: str
    target: str = ""
    to_server: TcpStream = field(default_factory=TcpStream)
    to_guest: TcpStream = field(default_factory=TcpStream)
    says: Pdus = field(default_factory=Pdus)
    hears: Pdus = field(default_factory=Pdus)
    tasks: dict[bytes, _Asked] = field(default_factory=dict)


class WatchedIscsi(Struct):
    """The disks of one guest."""

    journal: Journal
    files: Arrived
    _disks: dict[str, _Disk] = field(default_factory=dict)
    _connections: dict[tuple[int, bytes], _Connection] = field(default_factory=dict)

    def asked(self, segment: Segment, now: float) -> None:
        """Take a segment that a guest sends."""
        key = (segment.source_port, segment.target_ip)
        known = self._connections.get(key)
        if known is None and segment.flags & SYN and len(self._connections) < _CONNECTIONS:
            known = self._connections[key] = _Connection(ip_text(segment.target_ip))
        if known is None:
            return
        for pdu in known.says.take(known.to_server.take(segment)):
            if pdu.kind == _LOGIN and not known.target:
                known.target = _target(pdu.data)
            elif pdu.kind == _COMMAND and len(known.tasks) < _TASKS:
                self._commanded(known, pdu, now)

    def answered(self, segment: Segment, now: float) -> None:
        """Take a segment that a server sends."""
        known = self._connections.get((segment.target_port, segment.source_ip))
        if known is None:
            return
        for pdu in known.hears.take(known.to_guest.take(segment)):
            if pdu.kind == _LOGGED_IN:
                self._logged_in(known, int.from_bytes(pdu.header[36:38], "big"), now)
            elif pdu.kind == _DATA and (asked := known.tasks.get(pdu.task)):
                self._came(asked, pdu, now)
                if pdu.header[1] & 1:  # with the status in it
                    known.tasks.pop(pdu.task)
            elif pdu.kind == _ANSWERED and (asked := known.tasks.pop(pdu.task, None)):
                self._done(known, asked, pdu.header[3], now)

    def snapshots(self) -> list[NetFile]:
        """Return the disks, as far as they were read."""
        return [
            NetFile(
                name=each.name,
                protocol="iscsi",
                mac=self.journal.mac,
                file_bytes=each.size,
                file_sha256="",
                requested_at=each.requested_at,
                last_at=each.last_at,
                sent_bytes=each.read,
                outcome="read",
            )
            for each in self._disks.values()
            if each.read
        ]

    def _commanded(self, known: _Connection, pdu: Pdu, now: float) -> None:
        lun = int.from_bytes(pdu.header[8:10], "big") & 0x3FFF
        name = f"{known.target} LUN {lun}"
        disk = self._disks.get(name)
        if disk is None:
            if len(self._disks) >= _DISKS:  # each has a file
                return
            disk = self._disks[name] = _Disk(name, now, self.files.begin_disk(name))
            text = f"iscsi at {known.server}"
            self.journal.note(now, NetEventKind.SAN, name, text=text)
        span = read_span(pdu.command)
        known.tasks[pdu.task] = _Asked(disk, pdu.command, span[0] * disk.block_bytes if span else 0)

    def _done(self, known: _Connection, asked: _Asked, status: int, now: float) -> None:
        disk = asked.disk
        if status and asked.command[0] in (_CAPACITY_10, _CAPACITY_16) and not disk.refused:
            disk.refused = True
            text = f"iscsi at {known.server}, which is no disk that can be read"
            self.journal.note(now, NetEventKind.SAN, disk.name, text=text)

    def _logged_in(self, known: _Connection, status: int, now: float) -> None:
        if status >> 8 < 2:  # in, or sent elsewhere
            return
        why = "there is no such target" if status == _NO_SUCH_TARGET else f"status {status:04x}"
        text = f"iscsi at {known.server}, which refused the login: {why}"
        self.journal.note(now, NetEventKind.SAN, known.target, text=text)

    @staticmethod
    def _came(asked: _Asked, pdu: Pdu, now: float) -> None:
        disk, data = asked.disk, pdu.data
        if read_span(asked.command):
            disk.content.write(asked.begins + pdu.offset, data)
            disk.read += len(data)
            disk.last_at = now
        elif asked.command[0] == _CAPACITY_10 and len(data) >= 8:
            disk.size = _size(disk, *struct.unpack_from(">II", data))
        elif asked.command[0] == _CAPACITY_16 and len(data) >= 12:
            disk.size = _size(disk, *struct.unpack_from(">QI", data))


def _size(disk: _Disk, last: int, block_bytes: int) -> int:
    if _BLOCK_BYTES <= block_bytes <= _LARGEST_BLOCK:
        disk.block_bytes = block_bytes
    return (last + 1) * disk.block_bytes


def _target(data: bytes) -> str:
    """Return the name of the target that a client logs in to."""
    said = (each.partition(b"=") for each in data.split(b"\0"))
    name = next((value for key, _, value in said if key == b"TargetName"), b"")
    return name[:_NAME_BYTES].decode("utf-8", "replace")
