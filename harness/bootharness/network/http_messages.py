"""Requests and responses of HTTP in what two sides send; it is bounded, whatever they send."""

import re
from collections.abc import Iterator

from msgspec import Struct

__all__ = ["HttpRequest", "HttpRequests", "HttpResponse", "HttpResponses"]

_HEAD_BYTES = 1 << 16
_PARTIAL, _PART = 206, re.compile(r"bytes (\d{1,19}-\d{1,19})/")
_REQUEST = re.compile(rb"(GET|HEAD|POST|PUT) (\S{1,4096}) HTTP/1\.[01]$")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d) ?([^\r\n]{0,200})")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,12})[^\r\n]{0,200}$")
_NO_BODY = (204, 304)
_END = b"\r\n\r\n"


class HttpRequest(Struct, frozen=True):
    """What was asked for."""

    method: str
    target: str
    host: str


class HttpResponse(Struct, frozen=True):
    """How a response begins; ``size`` None is until its end, which is told otherwise."""

    status: int
    reason: str
    size: int | None
    chunked: bool
    location: str
    part: str = ""
    """Which bytes of a file come, as 0-511; empty for all: RFC 9110, 14.4."""


class HttpRequests(Struct):
    """The requests in what a client sends. What is none ends it."""

    is_http: bool | None = None
    _data: bytes = b""
    _skip: int = 0

    def take(self, data: bytes) -> Iterator[HttpRequest]:
        """Yield the requests that are whole by now."""
        if self.is_http is False:
            return
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._data += data[skipped:]
        while not self._skip and (at := self._data.find(_END)) >= 0:
            head, self._data = self._data[:at], self._data[at + len(_END) :]
            line, _, rest = head.partition(b"\r\n")
            found = _REQUEST.match(line)
            if not found:
                self._give_up()
                return
            self.is_http = True
            headers = _headers(rest)
            body = _number(headers.get("content-length", "0"))
            self._skip = max(body - len(self._data), 0)
            self._data = self._data[body:]
            yield HttpRequest(found[1].decode(), found[2].decode("utf-8", "backslashreplace"),
                              headers.get("host", ""))  # fmt: skip
        if len(self._data) > _HEAD_BYTES:
            self._give_up()

    def _give_up(self) -> None:
        self.is_http, self._data = False, b""


class HttpResponses(Struct):
    """The responses in what a server sends."""

    is_http: bool = True
    _data: bytes = b""
    _now: HttpResponse | None = None
    _left: int = 0
    """Of the body, or of a chunk."""

    def take(self, data: bytes, *, bodiless: bool) -> Iterator[HttpResponse | bytes | None]:
        """Yield how a response begins, the pieces of its body, and None at its end.

        ``bodiless`` is whether the next one has no body, for that is what was asked for.
        """
        if not self.is_http:
            return
        self._data += data
        while True:
            if self._now is None:
                begun = self._begin()
                if begun is None:
                    return
                yield begun
                if begun.status < 200:
                    continue
                if bodiless or begun.status in _NO_BODY or begun.size == 0:
                    yield None
                    continue
                self._now, self._left = begun, begun.size or 0
            elif self._now.chunked and not self._left:
                last = self._next_chunk()
                if last is None:
                    return
                if last:
                    self._now = None
                    yield None
            else:
                piece, self._data = self._piece()
                if not piece:
                    return
                yield piece
                if self._now.size is not None and not self._left:
                    self._now = None
                    yield None

    @property
    def until_the_end(self) -> bool:
        """Whether what is under way ends with the connection."""
        return self._now is not None and self._now.size is None and not self._now.chunked

    def _begin(self) -> HttpResponse | None:
        self._data = self._data.lstrip(b"\r\n")
        at = self._data.find(_END)
        if at < 0 or not (found := _STATUS.match(self._data)):
            if at >= 0 or len(self._data) > _HEAD_BYTES or not b"HTTP/1".startswith(self._data[:6]):
                self.is_http, self._data = False, b""
            return None
        head, self._data = self._data[:at], self._data[at + len(_END) :]
        headers = _headers(head.partition(b"\r\n")[2])
        chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        size = headers.get("content-length")
        return HttpResponse(
            int(found[1]),
            found[2].decode("utf-8", "replace").strip(),
            None if size is None or chunked else _number(size),
            chunked,
            headers.get("location", ""),
            _part(headers.get("content-range", "")) if int(found[1]) == _PARTIAL else "",
        )

    def _next_chunk(self) -> bool | None:
        """Begin the next chunk; return whether the one before was the last, None as yet."""
        while self._data[:2] == b"\r\n":
            self._data = self._data[2:]
        line, end, rest = self._data.partition(b"\r\n")
        if not end:
            if len(line) > _HEAD_BYTES:
                self.is_http, self._data = False, b""
            return None
        found = _CHUNK.match(line)
        if not found:
            self.is_http, self._data, self._now = False, b"", None
            return None
        self._left, self._data = int(found[1], 16), rest
        if self._left:
            return False
        _, _, self._data = rest.partition(b"\r\n")
        return True

    def _piece(self) -> tuple[bytes, bytes]:
        assert self._now
        if self._now.size is None and not self._now.chunked:
            return self._data, b""
        piece, rest = self._data[: self._left], self._data[self._left :]
        self._left -= len(piece)
        return piece, rest


def _headers(lines: bytes) -> dict[str, str]:
    found = {}
    for line in lines.split(b"\r\n"):
        name, _, value = line.partition(b":")
        found[name.strip().lower().decode("ascii", "replace")] = value.strip().decode(
            "utf-8", "replace"
        )
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _part(content_range: str) -> str:
    """Return which bytes come, some that are not told of where the header is none."""
    found = _PART.match(content_range)
    return found[1] if found else "some"
