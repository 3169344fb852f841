"""A recorder's log, taken out of a running machine, with its times on the harness's clock."""

import base64
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from msgspec import Struct, field

from bootharness.machine.qmp import Qmp
from bootharness.machine.recorder_clock import RecorderClock

__all__ = ["RecordedLog"]

_CHUNK_BYTES = 1 << 18
"""More than a loader makes between two readings."""
_LOG_BYTES = 1 << 24
"""What of the log itself is kept: the calls of a loader that moves a GiB."""


class _Timed(Protocol):
    """A record, made at so many ticks of the recorder's clock."""

    @property
    def ticks(self) -> int: ...


R = TypeVar("R", bound=_Timed)


class RecordedLog(Struct, Generic[R]):
    """Takes a recorder's log out of QEMU; ``now`` tells seconds since launch. What the records are
    is for who inherits."""

    qmp: Qmp
    now: Callable[[], float]
    log: bytearray = field(default_factory=bytearray)
    count: int = 0
    last: R | None = None
    clock: RecorderClock = field(default_factory=RecorderClock)

    def read(self, data: bytes) -> Sequence[R]:
        """Return the records that these bytes complete, taken in."""
        raise NotImplementedError

    def drain(self) -> bool:
        """Take in what has been recorded, and return whether there is more of it."""
        text = self.qmp.execute(
            "ringbuf-read", device="recorder", size=_CHUNK_BYTES, format="base64"
        )
        data = base64.b64decode(text)
        self._take(data)
        return len(data) == _CHUNK_BYTES

    def go_on(self, log: bytes, began: float) -> None:
        """Take what was recorded of a machine before it was saved; its clock ``began`` then."""
        self.clock.anchor(0, began)
        self._take(log)

    @property
    def began(self) -> float:
        """When the recorder's clock began, in seconds since launch."""
        return self.clock.seconds()(0)

    def anchor(self, now: float) -> None:
        """Note that the last record was made at ``now`` or before."""
        if self.last:
            self.clock.anchor(self.last.ticks, now)

    def paused(self, seconds: float) -> None:
        """Note that the machine stood still for so long after the last record."""
        if self.last:
            self.clock.paused(self.last.ticks, seconds)

    def _take(self, data: bytes) -> None:
        self.log += data[: max(_LOG_BYTES - len(self.log), 0)]
        fresh = self.read(data)
        if fresh:
            self.count += len(fresh)
            self.last = fresh[-1]
            self.anchor(self.now())
