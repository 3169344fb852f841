"""A connection between the wire and the server behind it, in memory.

    the wire's thread                        the server's thread, one for each connection
    write ----------- what is heard ---------> recv
    read <----------- what is said ----------- sendall

What is said is passed on as it is: a pair of sockets would copy each byte into the kernel and out
of it again, for which QEMU has to wait where there are few processors.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

__all__ = ["Channel", "Connection", "ServerEnd"]

_IDLE_S = 300.0
"""For how long a guest may say or take nothing: each frame that is lost goes out later."""
_HEARD_BYTES = 1 << 16
_SAID_BYTES = 1 << 20
"""With so much the server waits, for half of that to be read."""


class Connection(Protocol):
    """What a server needs of a connection; a socket has it too."""

    def recv(self, most: int, /) -> bytes:
        """Wait for what the other says, no bytes at its end."""

    def sendall(self, data: bytes | memoryview, /) -> None:
        """Say something, and wait until there is room for it."""

    def shutdown(self, how: int, /) -> None:
        """Have all who wait know that it is over."""

    def close(self) -> None:
        """Say no more."""


class Channel:
    """The wire's end, where nothing waits. ``told`` is called by the server's thread when there is
    something to be read again, or the end."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._changed = threading.Condition()
        self._heard = bytearray()
        self._heard_all = False
        self._said: deque[memoryview] = deque()
        self._said_bytes = 0
        self._said_all = False
        self._is_read_up = True
        """Whether all was read, so that the wire is to be told of more."""
        self._is_over = False

    def read(self, most: int) -> memoryview | None:
        """Return what the server says next, None where there is nothing yet, no bytes at its
        end."""
        with self._changed:
            if not self._said:
                self._is_read_up = True
                return memoryview(b"") if self._said_all or self._is_over else None
            next_one = self._said[0]
            part = next_one[:most]
            if len(part) < len(next_one):
                self._said[0] = next_one[most:]
            else:
                self._said.popleft()
            self._said_bytes -= len(part)
            if self._said_bytes <= _SAID_BYTES // 2:
                self._changed.notify_all()
            return part

    def write(self, data: bytes) -> int:
        """Let the server hear something, and return how much of it it has room for."""
        with self._changed:
            if self._said_all or self._is_over:  # it listens no more
                return len(data)
            taken = data[: _HEARD_BYTES - len(self._heard)]
            self._heard += taken
            self._changed.notify_all()
            return len(taken)

    def finish(self) -> None:
        """Let the server know that nothing more comes."""
        with self._changed:
            self._heard_all = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let the server know that nobody is there any more."""
        with self._changed:
            self._is_over = True
            self._said.clear()
            self._said_bytes = 0
            self._changed.notify_all()

    def say(self, data: bytes | memoryview) -> None:
        """Say something to the wire, and wait until there is room for it. Raises BrokenPipeError
        where nobody is there any more, and TimeoutError."""
        with self._changed:
            if self._said_bytes >= _SAID_BYTES:
                self._wait_for(lambda: self._said_bytes <= _SAID_BYTES // 2 or self._is_over)
            if self._is_over or self._said_all:
                raise BrokenPipeError("the guest has ended the connection")
            if data:
                self._said.append(memoryview(data))
                self._said_bytes += len(data)
                self._tell()

    def hear(self, most: int) -> bytes:
        """Wait for what the guest says, no bytes at its end. Raises TimeoutError."""
        with self._changed:
            self._wait_for(lambda: self._heard or self._heard_all or self._is_over)
            part = bytes(self._heard[:most])
            del self._heard[:most]
            return part

    def end(self) -> None:
        """Say no more to the wire."""
        with self._changed:
            if not self._said_all:
                self._said_all = True
                self._tell()

    def _wait_for(self, what: Callable[[], object]) -> None:
        if not self._changed.wait_for(what, _IDLE_S):
            raise TimeoutError(f"the guest did nothing for {_IDLE_S:.0f} s")

    def _tell(self) -> None:
        # in the lock: behind the end of it who was to be told may be gone
        if self._is_read_up and not self._is_over:
            self._is_read_up = False
            self._told()


class ServerEnd:
    """The server's end of a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def recv(self, most: int, /) -> bytes:
        """Wait for what the guest says, no bytes at its end. Raises TimeoutError."""
        return self._channel.hear(most)

    def sendall(self, data: bytes | memoryview, /) -> None:
        """Say something that does not change any more, and wait until there is room for it. Raises
        BrokenPipeError and TimeoutError."""
        self._channel.say(data)

    def shutdown(self, _how: int, /) -> None:
        """Have the server's thread know that it is over, and the wire too."""
        self._channel.finish()
        self._channel.end()

    def close(self) -> None:
        """Say no more."""
        self._channel.end()
