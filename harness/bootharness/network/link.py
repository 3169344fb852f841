"""What carries frames between the wire and who is on it, in a socket; nothing of it waits.

QEMU has a stream, where many frames are one system call for both: each with its length, 32 bits,
big-endian, before it. What else there is sends a datagram for each.
"""

import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from bootharness.errors import FormatError

__all__ = ["QUEUE_FRAMES", "Datagrams", "FrameStream", "Link", "framed"]

QUEUE_FRAMES = 256
"""More than a boot program asks for at once."""
_BURST = 32
_FRAME_BYTES = 1 << 16
_READ_BYTES = 1 << 14
_TOGETHER = 64
_LENGTH = 4
_NOT_NOW = (BlockingIOError, InterruptedError)


class Link(Protocol):
    """A socket with frames; ``dropped`` of those that were put went nowhere."""

    dropped: int

    def fileno(self) -> int:
        """Return its file descriptor."""

    def receive(self) -> Iterator[bytes]:
        """Yield frames that have come, of many not all at once."""

    def put(self, frame: bytes) -> None:
        """Have a frame sent by the next `flush`, or dropped where too many wait."""

    def flush(self) -> bool:
        """Send what there is room for, and return whether that was all."""

    def close(self) -> None:
        """Close the socket."""


class _Queued(ABC):
    """A socket, and the frames that it has no room for yet."""

    def __init__(self, own: socket.socket) -> None:
        own.setblocking(False)
        self._own = own
        self._queue: deque[bytes] = deque()
        self.dropped = 0

    def fileno(self) -> int:
        """Return its file descriptor."""
        return self._own.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._own.close()

    @abstractmethod
    def flush(self) -> bool:
        """Send what there is room for, and return whether that was all."""

    def put(self, frame: bytes) -> None:
        """Have a frame sent by the next `flush`, or dropped where too many wait."""
        if len(self._queue) >= QUEUE_FRAMES:
            self.flush()
        if len(self._queue) < QUEUE_FRAMES:
            self._queue.append(frame)
        else:
            self.dropped += 1

    def _sent(self, data: bytes, frames: int) -> int | None:
        """Return how much of so many frames went, None where all that waits is gone with them."""
        try:
            return self._own.send(data)
        except _NOT_NOW:
            return 0
        except OSError:  # the guest is gone
            self.dropped += frames + len(self._queue)
            self._queue.clear()
            return None


class Datagrams(_Queued):
    """One frame in a datagram."""

    def receive(self) -> Iterator[bytes]:
        """Yield frames that have come, of many not all at once."""
        for _ in range(_BURST):
            try:
                frame = self._own.recv(_FRAME_BYTES)
            except OSError:  # nothing for now, or the guest is gone
                return
            if not frame:
                return
            yield frame

    def flush(self) -> bool:
        """Send what there is room for, and return whether that was all."""
        while self._queue:
            frame = self._queue.popleft()
            if self._sent(frame, 1) == 0:
                self._queue.appendleft(frame)
                return False
        return True


class FrameStream(_Queued):
    """Frames one after the other, each with its length before it."""

    def __init__(self, own: socket.socket) -> None:
        super().__init__(own)
        self._came = b""
        self._begun, self._together = b"", 0
        """What is left of frames that have been sent in part, and how many they were."""

    def receive(self) -> Iterator[bytes]:
        """Yield frames that have come, of many not all at once. Raises FormatError for what is no
        frame."""
        try:
            came = self._came + self._own.recv(_READ_BYTES)
        except OSError:  # nothing for now, or the guest is gone
            return
        at = 0
        while len(came) - at >= _LENGTH:
            begins = at + _LENGTH
            size = int.from_bytes(came[at:begins], "big")
            if size > _FRAME_BYTES:
                raise FormatError(f"QEMU sent a frame of {size:,} bytes")
            if len(came) < begins + size:
                break
            at = begins + size
            yield came[begins:at]
        self._came = came[at:]

    def flush(self) -> bool:
        """Send what there is room for, and return whether that was all."""
        while self._begun or self._queue:
            if not self._begun:
                self._together = min(len(self._queue), _TOGETHER)
                frames = [self._queue.popleft() for _ in range(self._together)]
                self._begun = b"".join(
                    [part for each in frames for part in (_length_of(each), each)]
                )
            went = self._sent(self._begun, self._together)
            self._begun = b"" if went is None else self._begun[went:]
            if went == 0:
                return False
        return True


def framed(frame: bytes) -> bytes:
    """Return a frame as it goes over a stream."""
    return _length_of(frame) + frame


def _length_of(frame: bytes) -> bytes:
    return len(frame).to_bytes(_LENGTH, "big")
