"""The channel between the wire and a server: it is bounded, and nobody waits for who is gone."""

import threading
from collections.abc import Callable

import pytest

from bootharness.network import channel as module
from bootharness.network.channel import Channel, ServerEnd

PATIENCE_S = 30.0


def made() -> tuple[Channel, ServerEnd, list[None]]:
    """Return a channel, the server's end of it, and an entry for each time the wire was told."""
    told: list[None] = []
    channel = Channel(lambda: told.append(None))
    return channel, ServerEnd(channel), told


def beside(what: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Have a server's thread do something, and return what it said or raised."""
    said: list[object] = []

    def run() -> None:
        try:
            said.append(what())
        except OSError as error:
            said.append(type(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, said


def test_what_is_said_is_read_as_it_is_and_the_wire_is_told_once() -> None:
    channel, server, told = made()
    assert channel.read(9) is None
    content = b"abcdef"
    server.sendall(b"head")
    server.sendall(content)
    server.sendall(b"")
    assert len(told) == 1
    assert channel.read(9) == b"head"
    part = channel.read(4)
    assert part == b"abcd"
    assert part is not None
    assert part.obj is content, "copied"
    assert channel.read(4) == b"ef"
    assert channel.read(4) is None
    server.close()
    assert len(told) == 2
    assert channel.read(4) == b""
    assert channel.write(b"lost") == 4, "nobody listens, and the guest is not to say it again"


def test_server_waits_for_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SAID_BYTES", 8)
    channel, server, _ = made()
    server.sendall(b"12345678")
    thread, said = beside(lambda: server.sendall(b"9"))
    assert channel.read(3) == b"123"
    thread.join(0.05)
    assert not said, "more than half is not read yet"
    assert channel.read(1) == b"4"
    thread.join(PATIENCE_S)
    assert said == [None]
    assert [channel.read(9), channel.read(9)] == [b"5678", b"9"]


def test_guest_that_is_gone_ends_the_servers_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SAID_BYTES", 1)
    channel, server, _ = made()
    server.sendall(b"1")
    says, said = beside(lambda: server.sendall(b"2"))
    hears, heard = beside(lambda: server.recv(9))
    channel.close()
    for thread in (says, hears):
        thread.join(PATIENCE_S)
    assert said == [BrokenPipeError]
    assert heard == [b""]
    assert channel.read(9) == b""


def test_guest_is_heard_as_far_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HEARD_BYTES", 4)
    channel, server, _ = made()
    assert channel.write(b"abcdef") == 4
    assert channel.write(b"ef") == 0
    assert server.recv(3) == b"abc"
    assert channel.write(b"ef") == 2
    channel.finish()
    assert [server.recv(9), server.recv(9)] == [b"def", b""]


def test_end_of_the_boot_ends_both_ways() -> None:
    channel, server, told = made()
    hears, heard = beside(lambda: server.recv(9))
    server.shutdown(2)
    hears.join(PATIENCE_S)
    assert heard == [b""]
    assert len(told) == 1
    assert channel.read(9) == b""
    with pytest.raises(BrokenPipeError):
        server.sendall(b"late")


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.01)
    monkeypatch.setattr(module, "_SAID_BYTES", 1)
    _, server, _ = made()
    with pytest.raises(TimeoutError):
        server.recv(9)
    server.sendall(b"1")
    with pytest.raises(TimeoutError):
        server.sendall(b"2")


def test_wire_that_is_gone_is_not_told() -> None:
    channel, server, told = made()
    channel.close()
    server.close()
    assert not told
