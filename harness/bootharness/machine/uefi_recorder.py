"""The recorder of a UEFI in a running machine: its log and its clock."""

from collections.abc import Callable

from msgspec import Struct, field

from bootharness.formats.uefi_record import Decoder, Record
from bootharness.machine.qmp import Qmp
from bootharness.machine.recorder import taken_out
from bootharness.machine.recorder_clock import RecorderClock
from bootharness.trace.uefi_calls import CallLog, UefiCall

__all__ = ["UefiRecorder"]

_LOG_BYTES = 1 << 24
# the ACPI timer runs over after 4.7 s: for less than that on every CPU, in ticks of 256 cycles
_TIMED_TICKS = 1 << 23


class UefiRecorder(Struct):
    """Takes the log out of QEMU and puts its times on the harness's clock: ``now`` tells seconds
    since launch."""

    qmp: Qmp
    now: Callable[[], float]
    log: bytearray = field(default_factory=bytearray)
    decoder: Decoder = field(default_factory=Decoder)
    clock: RecorderClock = field(default_factory=RecorderClock)
    calls_so_far: CallLog = field(default_factory=CallLog)
    count: int = 0
    last: Record | None = None
    _first_ticks: int | None = None

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

    def calls(self) -> tuple[UefiCall, ...]:
        """Return all calls so far, but those from the middle of too many."""
        return self.calls_so_far.calls(self.clock.seconds())

    def _take(self, data: bytes) -> None:
        self.log += data[: max(_LOG_BYTES - len(self.log), 0)]
        fresh = self.decoder.feed(data)
        self.calls_so_far.feed(fresh)
        if not fresh:
            return
        if self._first_ticks is None:
            self._first_ticks = fresh[0].ticks
        for each in fresh:
            if each.pm_timer is not None and each.ticks - self._first_ticks < _TIMED_TICKS:
                self.clock.calibrate(each.ticks, each.pm_timer)
        self.count += len(fresh)
        self.last = fresh[-1]
        self.clock.anchor(self.last.ticks, self.now())
