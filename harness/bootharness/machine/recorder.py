"""The BIOS-call recorder in a running machine: its log and its clock."""

import base64
from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate

from msgspec import Struct, field

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.record import Decoder, Pairing, Record
from bootharness.machine.qmp import Qmp

__all__ = ["Recorder"]

_CHUNK_BYTES = 1 << 18
"""More than a loader makes between two readings."""
_LOG_BYTES = 1 << 24
"""What of the log itself is kept: the calls of a loader that moves a GiB."""

_PM_TIMER_HZ = 3_579_545
_TICKS_PER_S = 10_000_000
"""Until two readings of the ACPI timer have told: a time stamp counter of 2.56 GHz."""
_TIMED_RECORDS = 4096


class Recorder(Struct):
    """Takes the log out of QEMU and puts its times on the harness's clock.

    The recorder counts cycles. The ACPI timer, read twice during POST, gives their
    frequency; the harness knows of many records when, at the latest, they were made, and
    the one that had least delay gives the beginning. Cycles do not go on while QEMU has
    stopped the machine, which `paused` makes up for. ``now`` tells seconds since launch.
    """

    qmp: Qmp
    now: Callable[[], float]
    returns: frozenset[int] = frozenset()
    log: bytearray = field(default_factory=bytearray)
    count: int = 0
    last: Record | None = None
    decoder: Decoder = field(default_factory=Decoder)
    pairing: Pairing = field(default_factory=Pairing)
    _ticks_per_s: float = _TICKS_PER_S
    _timed: list[Record] = field(default_factory=list)
    _anchors: list[tuple[int, float]] = field(default_factory=list)
    _pauses: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.decoder.returns = self.returns

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
        self._anchors.append((0, began))
        self._take(log)

    @property
    def began(self) -> float:
        """When the recorder's clock began, in seconds since launch."""
        return self._clock()(0)

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
            ticks = self.last.ticks
            self._anchors.append((ticks, now - sum(seconds for _, seconds in self._pauses)))

    def paused(self, seconds: float) -> None:
        """Note that the machine stood still for so long after the last record."""
        if self.last:
            self._pauses.append((self.last.ticks, seconds))

    def calls(self) -> tuple[BiosCall, ...]:
        """Return all calls so far, but those from the middle of too many."""
        return self.pairing.calls(self._clock())

    def fresh(self) -> tuple[BiosCall, ...]:
        """Return the calls since this was asked last."""
        return self.pairing.fresh(self._clock())

    def last_call(self) -> BiosCall | None:
        """Return the last call, None where there was none."""
        return self.pairing.last(self._clock())

    def _clock(self) -> Callable[[int], float]:
        pace = self._ticks_per_s
        began = max(min((now - ticks / pace for ticks, now in self._anchors), default=0.0), 0.0)
        if not self._pauses:
            return lambda ticks: round(began + ticks / pace, 6)
        at = [ticks for ticks, _ in self._pauses]
        stood = [0.0, *accumulate(seconds for _, seconds in self._pauses)]
        return lambda ticks: round(began + ticks / pace + stood[bisect_left(at, ticks)], 6)

    def _calibrate(self, fresh: list[Record]) -> None:
        if self.count > _TIMED_RECORDS:
            return
        self._timed += [record for record in fresh if record.pm_timer is not None]
        if len(self._timed) < 2:
            return
        first, last = self._timed[0], self._timed[-1]
        cycles = last.ticks - first.ticks
        timer = (last.pm_timer - first.pm_timer) & 0xFFFFFF  # type: ignore[operator]
        if cycles and timer:
            self._ticks_per_s = cycles * _PM_TIMER_HZ / timer
