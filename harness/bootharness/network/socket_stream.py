"""A connection's service behind one end of a pair of sockets."""

import socket
from collections.abc import Callable
from contextlib import suppress

__all__ = ["SocketStream"]


class SocketStream:
    """What the server at the other end of ``own`` says and hears; ``closed`` is told the file
    descriptor before it is closed."""

    def __init__(self, own: socket.socket, closed: Callable[[int], None]) -> None:
        own.setblocking(False)
        self._own = own
        self._closed = closed

    def read(self, most: int) -> bytes | None:
        """Return what the server says next, None where there is nothing yet, no bytes at its
        end."""
        try:
            return self._own.recv(most)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def write(self, data: bytes) -> int:
        """Let the server hear something, and return how much of it it has room for."""
        try:
            return self._own.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # it listens no more
            return len(data)

    def finish(self) -> None:
        """Let the server know that nothing more comes."""
        with suppress(OSError):
            self._own.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close this end."""
        if self._own.fileno() >= 0:
            self._closed(self._own.fileno())
            self._own.close()
