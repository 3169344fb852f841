"""HTTP for guests: the standard library's server, on connections that the wire hands over.

There is no port: each connection is one end of a pair of sockets, so nobody else can connect, and
the guest reaches nothing else.
"""

import hashlib
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import responses
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from msgspec import Struct, field

from bootharness.formats.url import Url
from bootharness.network.addresses import HTTP_HOST, SERVER6_HOST, SERVER_HOST
from bootharness.network.files import Content, Files
from bootharness.plan.fault import OF_HTTPS, Faults
from bootharness.trace.network_facts import NetEventKind

if TYPE_CHECKING:
    import ssl

__all__ = ["HttpServer", "HttpTransfer"]

_CHUNK_BYTES = 1 << 16
_IDLE_S = 300.0
"""For how long a guest may take nothing: each frame that is lost goes out later."""
_CONNECTIONS = 64
"""A guest has that many connections at most, and a boot program one or two."""
_LIMIT = 1000
"""Responses of one boot; it has about five."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_HOST = re.compile(r"\[([^\]]*)\]|([^:]*)")
_OF_CERTIFICATES = ("alert certificate", "bad certificate", "unsupported certificate", "unknown ca")
"""What is in the alerts by which a client refuses a certificate."""
_INDEX = "index.html"
"""What stands for a folder."""

Note = Callable[..., None]
"""Write an event of the guest down: its kind, the file, and what else there is to say."""
Fail = Callable[[BaseException], None]
"""Say that the server itself has failed."""


class HttpTransfer(Struct):
    """One response, which the server hands to the wire; what arrives is for that to say.

    ``part`` are the bytes that were asked for, as 0-511, empty for all of them.
    ``connection`` is the number of the one that it goes over, ``begins`` how many bytes the server
    had written to that before the body.
    ``blocked`` is True while the wire takes no more, for the guest does not.
    """

    name: str
    file_bytes: int
    connection: int
    begins: int
    requested_at: float
    last_at: float
    written: int = 0
    blocked: bool = False
    stalled: bool = False
    outcome: str = "open"
    part: str = ""
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    @property
    def over(self) -> bool:
        """Whether nothing can become of it any more."""
        return self.outcome not in ("open", "written")


class HttpServer(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """Serves a table of files to one guest; ``now`` is the wire's clock."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        files: Files,
        faults: Faults,
        redirects: Mapping[str, str],
        note: Note,
        now: Callable[[], float],
        fail: Fail,
        tls: "ssl.SSLContext | None" = None,
        hosts: tuple[str, ...] = (SERVER_HOST, SERVER6_HOST, HTTP_HOST),
    ) -> None:
        super().__init__("", _Handler)
        self.files = files
        self.faults = faults
        self.redirects = redirects
        self.note = note
        self.now = now
        self.fail = fail
        self.tls = tls
        self.hosts = hosts
        """Its own, as they stand in URLs."""
        self._over_tls: set[socket.socket] = set()
        self.transfers: list[HttpTransfer] = []
        self.closing = threading.Event()
        self._connections: list[socket.socket] = []

    def serve(self, connection: socket.socket, number: int, *, over_tls: bool = False) -> None:
        """Serve a connection, which has a number and is closed at its end. Raises
        ConnectionRefusedError where there are too many."""
        self._connections = [each for each in self._connections if each.fileno() >= 0]
        if len(self._connections) >= _CONNECTIONS:
            connection.close()
            raise ConnectionRefusedError("too many connections")
        connection.settimeout(_IDLE_S)
        self._connections.append(connection)
        if over_tls:
            self._over_tls.add(connection)
        self.process_request(connection, number)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that is over."""
        request.close()

    def opened(self, connection: socket.socket) -> socket.socket:
        """Return a connection to read from, over TLS where it is asked for. Raises OSError where
        the two do not come to terms."""
        if connection not in self._over_tls:
            return connection
        self._over_tls.discard(connection)
        assert self.tls
        try:
            opened = self.tls.wrap_socket(connection, server_side=True)
        except OSError as error:
            if not self.closing.is_set():
                self._note_refusal(_reason(error))
            raise
        self._connections.append(opened)
        return opened

    def _note_refusal(self, reason: str) -> None:
        of_certificate = any(each in reason for each in _OF_CERTIFICATES)
        # who breaks off in silence does it for what is wrong, if something is
        if of_certificate or (self.faults.of(*OF_HTTPS) and "eof" in reason.lower()):
            self.note(NetEventKind.CERTIFICATE_REFUSED, text=reason.partition("alert ")[2])
        else:
            self.note(NetEventKind.TLS_FAILED, text=f"TLS was not agreed on: {reason}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A guest that hangs up is no error of ours, all else is."""
        error = sys.exc_info()[1]
        if error and not isinstance(error, OSError) and not self.closing.is_set():
            self.fail(error)

    def stop(self) -> None:
        """End every connection."""
        self.closing.set()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Counted(BufferedIOBase):
    """A connection to write to."""

    def __init__(self, connection: BufferedIOBase) -> None:
        self._connection = connection
        self.written = 0

    def write(self, data: Any, /) -> int:
        """Write all of it."""
        self._connection.write(data)
        self.written += len(data)
        return len(data)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpServer
    client_address: Any
    """The number of the connection."""
    server_version = "bootharness"
    sys_version = ""

    def setup(self) -> None:
        """Count what is written."""
        self.request = self.server.opened(self.request)
        super().setup()
        self.wfile = _Counted(self.wfile)

    def finish(self) -> None:
        """Close what may be another socket than the one that was handed over."""
        super().finish()
        self.request.close()

    def log_message(self, *_said: Any) -> None:
        """The journal has it."""

    def do_HEAD(self) -> None:
        """Answer with the headers of what GET would bring."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """Answer with a file."""
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        files, faults = self.server.files, self.server.faults
        asked = unquote(Url.of(self.path).path)
        if asked in self.server.redirects:
            return self._redirect(asked, self.server.redirects[asked])
        name = files.find(f"{asked}{_INDEX}" if asked.endswith("/") else asked)
        if name is None and not asked.endswith("/") and files.find(f"{asked}/{_INDEX}"):
            return self._redirect(asked, f"{self.path}/")
        if name is None or faults.of("missing", file=name):
            return self._refuse(name or asked, HTTPStatus.NOT_FOUND)
        for fault in faults.of("http-status", file=name):
            return self._refuse(name, fault.status)
        if len(self.server.transfers) >= _LIMIT:
            self.close_connection = True
            return self._refuse(name, HTTPStatus.TOO_MANY_REQUESTS)
        content = files.open(name)
        if content is None:
            return self._refuse(name, HTTPStatus.NOT_FOUND)
        size = len(content)
        part = _part(self.headers.get("Range", ""), size)
        if part is not None and not part:
            return self._refuse(name, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        wanted = range(size) if part is None else part
        self.send_response(HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT)
        if part:
            self.send_header("Content-Range", f"bytes {part[0]}-{part[-1]}/{size}")
        self.send_header("Content-Length", str(len(wanted)))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if body:
            self._send(name, content, wanted, f"{part[0]}-{part[-1]}" if part else "")
        else:
            kind = NetEventKind.FILE_SIZE_ASKED
            self.server.note(kind, name, text="http HEAD", at=self._asked_at)
        return None

    @property
    def _asked_at(self) -> str:
        """The name or the address in the URL, where that is not the server's own."""
        host = _HOST.match(self.headers.get("Host", ""))
        name = next(filter(None, host.groups()), "") if host else ""
        return "" if name in self.server.hosts else name

    def _redirect(self, asked: str, target: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()
        text = f"http {HTTPStatus.MOVED_PERMANENTLY.value} to {target}"
        self.server.note(NetEventKind.REDIRECTED, asked, text=text, at=self._asked_at)

    def _refuse(self, name: str, status: int) -> None:
        text = f"{status} {responses.get(status, '')}".rstrip()
        if status == HTTPStatus.NOT_FOUND and (why := self.server.files.why_not(name)):
            text += f", {why}"
        self.server.note(NetEventKind.HTTP_STATUS, name, text=text, at=self._asked_at)
        self.send_error(status)

    def _send(self, name: str, content: Content, wanted: range, part: str) -> None:
        server = self.server
        now = server.now()
        assert isinstance(self.wfile, _Counted)
        transfer = HttpTransfer(
            name, len(content), self.client_address, self.wfile.written, now, now, part=part
        )
        server.transfers.append(transfer)
        text = f"http {self.command} {part}".rstrip()
        server.note(NetEventKind.FILE_REQUESTED, name, text=text, at=self._asked_at)
        stop_at, kind = self._limit(name, wanted.stop)
        pace = server.faults.of("slow", file=name)
        try:
            for at in range(wanted.start, stop_at, _CHUNK_BYTES):
                chunk = content[at : min(at + _CHUNK_BYTES, stop_at)]
                transfer.blocked = True
                self.wfile.write(chunk)
                transfer.blocked = False
                transfer.last_at = server.now()
                transfer.written += len(chunk)
                transfer.digest.update(chunk)
                if pace and server.closing.wait(len(chunk) / max(pace[0].rate, 1.0)):
                    return
        except OSError as error:
            self.close_connection = True
            if not server.closing.is_set() and transfer.outcome == "open":
                transfer.outcome = "aborted"
                server.note(NetEventKind.HTTP_CLOSED, name, text=f"the connection broke: {error}")
            return
        if kind == "http-stall":
            server.closing.wait()
        elif kind == "http-truncated":
            self.close_connection = True
            transfer.outcome = "ended"
            server.note(
                NetEventKind.HTTP_CLOSED, name, text="the server closed the connection early"
            )
        else:
            transfer.outcome = "written"

    def _limit(self, name: str, size: int) -> tuple[int, str]:
        """Return how much is sent, and what happens then."""
        for fault in self.server.faults.of("http-stall", "http-truncated", file=name):
            return min(fault.bytes, size), fault.kind
        return size, ""


def _part(asked: str, size: int) -> range | None:
    """Return the bytes that a Range header asks for, none where it has none of them; None for the
    whole file, which is the answer to what is not understood too: RFC 9110."""
    found = _RANGE.fullmatch(asked.strip())
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return range(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def _reason(error: OSError) -> str:
    """Return what a library of TLS says, in its own words."""
    said = getattr(error, "reason", None)
    return str(said).lower().replace("_", " ") if said else str(error)
