"""The BIOS-call recorder in a running machine: its log and its clock."""

import base64
from collections.abc import Callable

from msgspec import Struct, field

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.record import Decoder, Pairing, Record
from bootharness.machine.qmp import Qmp
from bootharness.machine.recorder_clock import RecorderClock

__all__ = ["Recorder", "taken_out"]

_CHUNK_BYTES = 1 << 18
"""More than a loader makes between two readings."""
_LOG_BYTES = 1 << 24
"""What of the log itself is kept: the calls of a loader that moves a GiB."""
_TIMED_RECORDS = 4096


def taken_out(qmp: Qmp) -> tuple[bytes, bool]:
    """Return what is in the log, which is emptied, and whether there is more of it."""
    text = qmp.execute("ringbuf-read", device="recorder", size=_CHUNK_BYTES, format="base64")
    data = base64.b64decode(text)
    return data, len(data) == _CHUNK_BYTES


class Recorder(Struct):
    """Takes the log out of QEMU and puts its times on the harness's clock: ``now`` tells seconds
    since launch."""

    qmp: Qmp
    now: Callable[[], float]
    returns: frozenset[int] = frozenset()
    log: bytearray = field(default_factory=bytearray)
    count: int = 0
    last: Record | None = None
    decoder: Decoder = field(default_factory=Decoder)
    pairing: Pairing = field(default_factory=Pairing)
    clock: RecorderClock = field(default_factory=RecorderClock)

    def __post_init__(self) -> None:
        self.decoder.returns = self.returns

    def drain(self) -> bool:
        """Take in what has been recorded, and return whether there is more of it."""
        data, more = taken_out(self.qmp)
        self._take(data)
        return more

    def go_on(self, log: bytes, began: float) -> None:
        """Take what was recorded of a machine before it was saved; its clock ``began`` then."""
        self.clock.anchor(0, began)
        self._take(log)

    @property
    def began(self) -> float:
        """When the recorder's clock began, in seconds since launch."""
        return self.clock.seconds()(0)

    def _take(self, data: bytes) -> None:
        self.log += data[: max(_LOG_BYTES - len(self.log), 0)]
        fresh = self.decoder.feed(data)
        self.pairing.feed(fresh)
        if fresh:
            self._calibrate(fresh)
            self.count += len(fresh)
            self.last = fresh[-1]
            self.anchor(self.now())

    def anchor(self, now: float) -> None:
        """Note that the last record was made at ``now`` or before."""
        if self.last:
            self.clock.anchor(self.last.ticks, now)

    def paused(self, seconds: float) -> None:
        """Note that the machine stood still for so long after the last record."""
        if self.last:
            self.clock.paused(self.last.ticks, seconds)

    def calls(self) -> tuple[BiosCall, ...]:
        """Return all calls so far, but those from the middle of too many."""
        return self.pairing.calls(self.clock.seconds())

    def fresh(self) -> tuple[BiosCall, ...]:
        """Return the calls since this was asked last."""
        return self.pairing.fresh(self.clock.seconds())

    def last_call(self) -> BiosCall | None:
        """Return the last call, None where there was none."""
        return self.pairing.last(self.clock.seconds())

    def _calibrate(self, fresh: list[Record]) -> None:
        for record in fresh if self.count <= _TIMED_RECORDS else ():
            if record.pm_timer is not None:
                self.clock.calibrate(record.ticks, record.pm_timer)
