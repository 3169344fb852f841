"""Takes what comes over the line of a real machine for what it is: records, and words of others."""

import re

from msgspec import Struct, field

from bootharness.formats.record import Pairing, Record
from bootharness.formats.serial_record import (
    End,
    Failed,
    Installed,
    Memory,
    SerialDecoder,
    Sums,
    Text,
)
from bootharness.hardware.reported_memory import ReportedMemory
from bootharness.trace.signs import Sign

__all__ = ["FIRMWARE", "HeardLine", "Reported"]

FIRMWARE = r"SeaBIOS \(version [^\r\n]*|coreboot-[^\r\n]*|iPXE \(PCI [^\r\n]*"
"""What firmware with a console on the serial line writes once a start."""

_US = 1_000_000
_GAVE_UP = {0x18: "boot-failed", 0x19: "bootstrap"}
_BIOS_SEGMENTS = 0xC000
_ENDS = ("panic", "complaint")
# both ends are kept of a machine that writes on and on
_TEXT_BYTES = 1 << 22
# a sign is looked for in so much of what came before as well
_OVERLAP = 4096


class Reported(Struct):
    """What a recorder has told."""

    pairing: Pairing = field(default_factory=Pairing)
    memory: ReportedMemory = field(default_factory=ReportedMemory)
    entered: Record | None = None
    entered_at: float = 0.0
    calls_before: int = 0
    whole: bool = False
    failed: int | None = None
    since: float = 0.0


class HeardLine(Struct):
    """One boot as it comes over a line; ``over`` is how it ended, None while it goes on.

    The words of a kernel are signs; the same words of a firmware twice, and a second recorder, are
    a reset. ``found`` are the words that the ``goal`` was found in first.
    """

    signs: list[Sign]
    firmware: re.Pattern[bytes]
    goal: re.Pattern[bytes] | None = None
    found: str | None = None
    decoder: SerialDecoder = field(default_factory=SerialDecoder)
    reported: Reported | None = None
    text: bytearray = field(default_factory=bytearray)
    seen: dict[str, tuple[float, str]] = field(default_factory=dict)
    received: int = 0
    over: tuple[str, str] | None = None
    _started: set[bytes] = field(default_factory=set)
    _rest: bytes = b""

    def feed(self, data: bytes, now: float) -> None:
        """Take what has come by now, in seconds since the machine was switched on."""
        self.received += len(data)
        for event in self.decoder.feed(data, round(now * _US)):
            if self.over:
                return
            if isinstance(event, Text):
                self._hear(event.data, now)
            elif isinstance(event, Installed):
                if self.reported:
                    self.over = "guest-reset", "its recorder began again"
                else:
                    self.reported = Reported(since=now)
            elif self.reported:
                self._take(self.reported, event, now)

    def _take(self, reported: Reported, event: object, now: float) -> None:
        if isinstance(event, Memory | Sums):
            reported.memory.take(event)
        elif isinstance(event, End):
            reported.whole = True
        elif isinstance(event, Failed):
            reported.failed = event.status
            if not event.status >> 8:  # the read came back well
                self.over = "boot-failed", "the first hard disk has no boot signature"
        elif isinstance(event, Record) and event.tag == "H":
            reported.entered, reported.entered_at = event, now
            reported.calls_before = reported.pairing.total
        elif isinstance(event, Record):
            reported.pairing.feed([event])
            gave_up = event.number == 0x18 or event.registers.cs < _BIOS_SEGMENTS
            if event.tag == "C" and event.number in _GAVE_UP and gave_up:
                self.over = _GAVE_UP[event.number], ""

    def _hear(self, fresh: bytes, now: float) -> None:
        new = max(len(self.text) - _OVERLAP, 0)
        self.text += fresh
        if self.goal and self.found is None and (met := self.goal.search(self.text, new)):
            self.found = met[0].decode("utf-8", "replace")
        if len(self.text) > 2 * _TEXT_BYTES:
            del self.text[_TEXT_BYTES // 2 : -_TEXT_BYTES // 2]
        said = self._rest + fresh
        lines, _, self._rest = said.rpartition(b"\n")
        self._rest = self._rest[-_OVERLAP:]
        for found in self.firmware.finditer(lines):
            if found[0].strip() in self._started:
                self.over = "guest-reset", "the firmware began again"
                return
            self._started.add(found[0].strip())
        for sign in self.signs:
            found_sign = sign.pattern.search(lines + b"\n") if lines else None
            if found_sign and sign.name not in self.seen:
                words = found_sign[found_sign.lastindex or 0].decode("utf-8", "replace")
                self.seen[sign.name] = now, words
                if sign.name in _ENDS:
                    self.over = sign.name, words
