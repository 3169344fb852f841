"""The BIOS-call recorder in a running machine."""

from msgspec import field

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.record import Decoder, Pairing, Record
from bootharness.machine.recorded_log import RecordedLog

__all__ = ["Recorder"]

_TIMED_RECORDS = 4096


class Recorder(RecordedLog[Record]):
    """Its log as BIOS calls; ``returns`` are the return addresses in its own code."""

    returns: frozenset[int] = frozenset()
    decoder: Decoder = field(default_factory=Decoder)
    pairing: Pairing = field(default_factory=Pairing)

    def __post_init__(self) -> None:
        self.decoder.returns = self.returns

    def read(self, data: bytes) -> list[Record]:
        fresh = self.decoder.feed(data)
        self.pairing.feed(fresh)
        for record in fresh if self.count <= _TIMED_RECORDS else ():
            if record.pm_timer is not None:
                self.clock.calibrate(record.ticks, record.pm_timer)
        return fresh

    def calls(self) -> tuple[BiosCall, ...]:
        """Return all calls so far, but those from the middle of too many."""
        return self.pairing.calls(self.clock.seconds())

    def fresh(self) -> tuple[BiosCall, ...]:
        """Return the calls since this was asked last."""
        return self.pairing.fresh(self.clock.seconds())

    def last_call(self) -> BiosCall | None:
        """Return the last call, None where there was none."""
        return self.pairing.last(self.clock.seconds())
