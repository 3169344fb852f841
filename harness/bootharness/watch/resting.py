"""A boot manager that rests: what is on its screen, whether that changes, whom it waits for."""

import hashlib
import os

from msgspec import Struct

from bootharness.errors import MachineLost
from bootharness.machine.machine import Machine
from bootharness.machine.postmortem import screen, shown
from bootharness.text import as_shown
from bootharness.trace.boot_managers import waits, waits_for_ever

__all__ = ["Resting"]

# it writes through the BIOS, or into the screen's memory: so that is read, and so often
_READ_S = 1.0
# for so long has a screen to stay as it is before its prompt is taken for the end
_STILL_S = 2.0
# a prompt may go on by itself: SYSLINUX counts in silence, and few people let it count for longer
PERSON_S = 35.0
_SERIAL_BYTES = 4000


class Resting(Struct):
    """Reads the screen of a machine in which no kernel runs yet, from time to time.

    ``text`` is what it shows, "" in a graphics mode; ``seen`` changes with every change,
    ``written`` is the end of what was written on the serial line where there is no text.
    """

    machine: Machine
    text: str = ""
    seen: str = ""
    written: str = ""
    _read_at: float = 0.0
    _changed_at: float = 0.0

    def read(self, *, at_once: bool = False) -> None:
        """Read the screen if that was not done a moment ago."""
        now = self.machine.now()
        if not at_once and now - self._read_at < _READ_S:
            return
        self._read_at = now
        try:
            self.text = screen(self.machine)
            seen = self.text or self._picture()
            self.written = "" if self.text.strip() else self._serial()
        except MachineLost:
            return
        if seen != self.seen:
            self.seen, self._changed_at = seen, now

    def _picture(self) -> str:
        return hashlib.sha256(shown(self.machine)).hexdigest()

    def _serial(self) -> str:
        with self.machine.qemu.serial_log.open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - _SERIAL_BYTES, 0))
            return as_shown(log.read().decode("utf-8", "replace"))

    @property
    def given_up(self) -> bool:
        """Whether the screen, or the serial line of one without text, has come to a prompt that
        only a person ends, and stays there."""
        return self._read_at - self._changed_at >= _STILL_S and waits_for_ever(
            self.written or self.text
        )

    @property
    def for_a_person(self) -> bool:
        """Whether there is a prompt, or a menu, or a picture that may be one."""
        return waits(self.text) if self.text.strip() else bool(self.seen)
