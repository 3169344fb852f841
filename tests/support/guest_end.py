"""The end of a plug that QEMU has, for tests without a machine."""

import socket

__all__ = ["PATIENCE_S", "receive", "send"]

PATIENCE_S = 10.0


def send(end: socket.socket, *frames: bytes) -> None:
    """Send frames as QEMU's `-netdev stream` does."""
    end.sendall(b"".join(len(each).to_bytes(4, "big") + each for each in frames))


def receive(end: socket.socket) -> bytes:
    """Return the next frame. Raises TimeoutError where none comes."""
    end.settimeout(PATIENCE_S)
    return _exactly(end, int.from_bytes(_exactly(end, 4), "big"))


def _exactly(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = end.recv(size - len(data))
        assert more, "the other end was closed"
        data += more
    return data
