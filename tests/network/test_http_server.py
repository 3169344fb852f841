"""The HTTP server on a connection that is there already: bounded, and its own errors are ours."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootharness.network import http_server
from bootharness.network.files import FileTable
from bootharness.network.http_server import HttpServer
from bootharness.plan.fault import Faults

PATIENCE_S = 30.0


@contextmanager
def server(folder: Path) -> Iterator[tuple[HttpServer, list[BaseException]]]:
    failed: list[BaseException] = []

    def nobody(*_said: object, **_more: object) -> None:
        pass

    made = HttpServer(
        folder / "s", FileTable({"empty": b""}), Faults(), nobody, lambda: 0.0, failed.append
    )
    try:
        yield made, failed
    finally:
        made.stop()


def test_responses_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_LIMIT", 20)
    with server(tmp_path) as (made, failed):
        ours, guest = socket.socketpair()
        made.serve(ours)
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
def test_guest_that_hangs_up_is_no_error_of_ours_and_all_else_is(
    tmp_path: Path, error: Exception
) -> None:
    with server(tmp_path) as (made, failed):
        try:
            raise error
        except type(error):
            made.handle_error(None, "guest")
    assert failed == ([] if isinstance(error, OSError) else [error])
