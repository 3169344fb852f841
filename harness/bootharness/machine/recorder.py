"""The BIOS-call recorder in a running machine: its log and its clock."""

import base64

from msgspec import Struct, field

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.record import Decoder, Pairing, Record
from bootharness.machine.qmp import Qmp

__all__ = ["Recorder"]

_CHUNK_BYTES = 1 << 18
"""More than a loader makes between two readings."""

_PM_TIMER_HZ = 3_579_545
_TICKS_PER_S = 10_000_000
"""Until two readings of the ACPI timer have told: a time stamp counter of 2.56 GHz."""


class Recorder(Struct):
    """Takes the log out of QEMU and puts its times on the harness's clock.

    The recorder counts cycles. The ACPI timer, read twice during POST, gives their
    frequency; the harness knows of many records when, at the latest, they were made, and
    the one that had least delay gives the beginning. Cycles do not go on while QEMU has
    stopped the machine, which `paused` makes up for.
    """

    qmp: Qmp
    records: list[Record] = field(default_factory=list)
    log: bytearray = field(default_factory=bytearray)
    _decoder: Decoder = field(default_factory=Decoder)
    _pairing: Pairing = field(default_factory=Pairing)
    _ticks_per_s: float = _TICKS_PER_S
    _anchors: list[tuple[int, float]] = field(default_factory=list)
    _pauses: list[tuple[int, float]] = field(default_factory=list)
    _calls: tuple[BiosCall, ...] = ()
    _calls_of: tuple[float, ...] = ()

    def drain(self, now: float) -> bool:
        """Take in what has been recorded, and return whether there is more of it.

        ``now`` is in seconds since launch. Raises FormatError when the log is damaged.
        """
        text = self.qmp.execute(
            "ringbuf-read", device="recorder", size=_CHUNK_BYTES, format="base64"
        )
        data = base64.b64decode(text)
        self.log += data
        fresh = self._decoder.feed(data)
        self.records += fresh
        self._pairing.feed(fresh)
        if fresh:
            self._calibrate()
            self.anchor(now)
        return len(data) == _CHUNK_BYTES

    def anchor(self, now: float) -> None:
        """Note that the last record was made at ``now`` or before."""
        if self.records:
            ticks = self.records[-1].ticks
            self._anchors.append((ticks, now - self._paused(ticks)))

    def paused(self, seconds: float) -> None:
        """Note that the machine stood still for so long after the last record."""
        if self.records:
            self._pauses.append((self.records[-1].ticks, seconds))

    def calls(self) -> tuple[BiosCall, ...]:
        """Return all calls so far."""
        began, pace = self._began(), self._ticks_per_s
        state = (len(self.records), began, pace, len(self._pauses))
        if state != self._calls_of:
            self._calls_of = state
            self._calls = self._pairing.calls(
                (lambda ticks: round(began + ticks / pace + self._paused(ticks), 6))
                if self._pauses
                else (lambda ticks: round(began + ticks / pace, 6))
            )
        return self._calls

    def _began(self) -> float:
        return min((now - ticks / self._ticks_per_s for ticks, now in self._anchors), default=0.0)

    def _paused(self, ticks: int) -> float:
        return sum(seconds for at, seconds in self._pauses if at < ticks)

    def _calibrate(self) -> None:
        timed = [record for record in self.records[:4096] if record.pm_timer is not None]
        if len(timed) < 2:
            return
        first, last = timed[0], timed[-1]
        cycles = last.ticks - first.ticks
        timer = (last.pm_timer - first.pm_timer) & 0xFFFFFF  # type: ignore[operator]
        if cycles and timer:
            self._ticks_per_s = cycles * _PM_TIMER_HZ / timer
