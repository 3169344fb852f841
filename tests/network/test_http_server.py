"""The HTTP server on a connection that is there already: bounded, and its own errors are ours."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bootharness.network import http_server
from bootharness.network.files import FileTable
from bootharness.network.http_server import HttpServer
from bootharness.plan.fault import Faults

PATIENCE_S = 30.0
REDIRECTS = {"/old": "http://boot.example.org/ten"}
FILES = {"empty": b"", "ten": b"0123456789", "sub/index.html": b"#!ipxe\n"}


@contextmanager
def server() -> Iterator[tuple[HttpServer, list[BaseException]]]:
    failed: list[BaseException] = []

    def nobody(*_said: object, **_more: object) -> None:
        pass

    made = HttpServer(FileTable(FILES), Faults(), REDIRECTS, nobody, lambda: 0.0, failed.append)
    try:
        yield made, failed
    finally:
        made.stop()


def test_responses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_LIMIT", 20)
    with server() as (made, failed):
        ours, guest = socket.socketpair()
        made.serve(ours, 1)
        guest.settimeout(PATIENCE_S)
        guest.sendall(b"GET /empty HTTP/1.1\r\n\r\n" * 25)
        said = b""
        while more := guest.recv(1 << 16):
            said += more
        assert said.count(b" 200 OK") == len(made.transfers) == 20
        assert b" 429 Too Many Requests" in said
        assert not failed
        guest.close()


@pytest.mark.parametrize("error", [BrokenPipeError(), TimeoutError(), KeyError("a")])
def test_guest_that_hangs_up_is_no_error_of_ours_and_all_else_is(error: Exception) -> None:
    with server() as (made, failed):
        try:
            raise error
        except type(error):
            made.handle_error(None, "guest")
    assert failed == ([] if isinstance(error, OSError) else [error])


def answer(made: HttpServer, *lines: str) -> tuple[bytes, bytes]:
    """Return the head and the body of the answer to one request."""
    ours, guest = socket.socketpair()
    made.serve(ours, 1)
    guest.settimeout(PATIENCE_S)
    with guest:
        guest.sendall("\r\n".join((*lines, "Connection: close", "", "")).encode())
        said = b""
        while more := guest.recv(1 << 16):
            said += more
    head, _, body = said.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=2-4", b" 206 ", b"234"),
        ("bytes=7-", b" 206 ", b"789"),
        ("bytes=8-99", b" 206 ", b"89"),
        ("bytes=-3", b" 206 ", b"789"),
        ("bytes=5-2", b" 200 ", FILES["ten"]),
        ("bytes=-", b" 200 ", FILES["ten"]),
        ("bytes=0-1,4-5", b" 200 ", FILES["ten"]),
        ("lines=1-2", b" 200 ", FILES["ten"]),
    ],
)
def test_part_of_a_file(asked: str, status: bytes, body: bytes) -> None:
    with server() as (made, failed):
        head, came = answer(made, "GET /ten HTTP/1.1", f"Range: {asked}")
        assert status in head
        assert came == body
        assert bool(made.transfers[0].part) == (status == b" 206 ")
        assert made.transfers[0].written == len(body)
        assert not failed


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0"])
def test_part_that_the_file_has_not(asked: str) -> None:
    with server() as (made, failed):
        head, _ = answer(made, "GET /ten HTTP/1.1", f"Range: {asked}")
        assert b" 416 " in head
        assert not made.transfers
        assert not failed


def test_folder_with_an_index_is_found_by_its_name() -> None:
    with server() as (made, _):
        head, _ = answer(made, "GET /sub HTTP/1.1")
        assert b" 301 " in head
        assert b"Location: /sub/\r\n" in head
        assert answer(made, "GET /sub/ HTTP/1.1")[1] == FILES["sub/index.html"]


def test_redirect_cannot_carry_a_header_of_the_guests() -> None:
    with server() as (made, _):
        head, _ = answer(made, "GET /sub%0d%0aX:1/..?a HTTP/1.1")
        assert b" 404 " in head
        assert b"\r\nX:1" not in head


def test_redirect_that_was_asked_for() -> None:
    with server() as (made, _):
        head, _ = answer(made, "GET /old?a=b HTTP/1.1")
        assert b" 301 " in head
        assert b"Location: http://boot.example.org/ten\r\n" in head


@pytest.mark.parametrize("target", ["http://[x/ten", "//[x", "http://a/ten"])
def test_a_target_that_is_no_path_is_no_error_of_ours(target: str) -> None:
    with server() as (made, failed):
        head, _ = answer(made, f"GET {target} HTTP/1.1")
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 404"))
    assert not failed
