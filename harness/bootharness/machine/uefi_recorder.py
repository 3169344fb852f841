"""The recorder of a UEFI in a running machine."""

from msgspec import field

from bootharness.formats.uefi_record import Decoder, Record
from bootharness.machine.recorded_log import RecordedLog
from bootharness.trace.uefi_calls import CallLog, UefiCall

__all__ = ["UefiRecorder"]

# the ACPI timer runs over after 4.7 s: for less than that on every CPU, in ticks of 256 cycles
_TIMED_TICKS = 1 << 23


class UefiRecorder(RecordedLog[Record]):
    """Its log as calls of a UEFI."""

    decoder: Decoder = field(default_factory=Decoder)
    calls_so_far: CallLog = field(default_factory=CallLog)
    _first_ticks: int | None = None

    def read(self, data: bytes) -> list[Record]:
        fresh = self.decoder.feed(data)
        self.calls_so_far.feed(fresh)
        for each in fresh:
            if self._first_ticks is None:
                self._first_ticks = each.ticks
            if each.pm_timer is not None and each.ticks - self._first_ticks < _TIMED_TICKS:
                self.clock.calibrate(each.ticks, each.pm_timer)
        return fresh

    def calls(self) -> tuple[UefiCall, ...]:
        """Return all calls so far, but those from the middle of too many."""
        return self.calls_so_far.calls(self.clock.seconds())
