"""A boot program that came from the network: its errors, which it may get over, its patience."""

import math
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.diagnosis.certainty import QUIET_S
from bootharness.diagnosis.refusals import again_and_again, tried_again
from bootharness.diagnosis.wire_words import asking
from bootharness.plan import BootPlan
from bootharness.text import count
from bootharness.trace.network_facts import NetFile
from bootharness.trace.signs import program_errors

if TYPE_CHECKING:
    from bootharness.routes.net_connection import Connection

__all__ = ["BootProgram"]


_SCRIPT_FAILED = "Could not boot image"
_OF_UEFI = "BdsDxe"
# a UEFI goes on with its next boot option, which asks for an address first
_UEFI_QUIET_S = 5.0
_UEFI_QUIET_OVER_IPV6_S = 20.0
_UEFI_QUIET_UNKNOWN_S = 100.0
"""Of servers of somebody's own nobody knows for which options they are: one takes 85 s to fail."""


_BACKS_OFF = 4.0
"""Who asks again waits twice as long each time; and a busy host looks late."""


_CLOCK_IS_SLOW = 2.0
"""A guest counts its ticks, and on a busy host many of them come late or not at all."""


class _GaveUp(Struct, frozen=True):
    """What was said of an error, how far it had come on the wire, when a frame came last, how many
    had come by then, and how long after those before."""

    said: str
    progress: tuple[float, int]
    at: float
    frames: int
    gap: float = 0.0


class BootProgram(Struct):
    """Listens to a boot program until a kernel is entered, and knows what it waits for."""

    wire: "Connection"
    _read: dict[str, int] = field(default_factory=dict)
    _gave_up: _GaveUp | None = None

    def hear(self, text: str, now: float, all_from: str = "") -> None:
        """Note what is said of an error in a text, which is new, or all that there is from
        somewhere."""
        said = program_errors(text)
        if new := said[self._read.get(all_from, 0) :]:
            # a UEFI says of each boot option that it has failed, a script's last step is its end
            own = [each for each in new if not each.startswith(_OF_UEFI)]
            last, progress = [*new[:1], *own][-1], self.wire.progress()
            heard = self._gave_up  # the same may be heard and then be read off the screen
            if heard is None or (heard.said, heard.progress) != (last, progress):
                self._gave_up = _GaveUp(last, progress, now, self.wire.frames)
        if all_from:
            self._read[all_from] = len(said)

    def forget(self, text: str, all_from: str) -> None:
        """Note that of a text only this is left, of which all has been heard."""
        self._read[all_from] = len(program_errors(text))

    def given_up(self, now: float) -> str | None:
        """Return what was said of an error after which nothing was asked for any more."""
        gave_up = self._gave_up
        if gave_up is None:
            return None
        if self.wire.progress() != gave_up.progress:
            self._gave_up = None  # it got over it
            return None
        if not gave_up.said.startswith(_OF_UEFI):
            if self.wire.awaited(now, gave_up.progress[0]):
                return None  # it asks elsewhere, of somebody who may not be there
            if _goes_on(gave_up) and (frames := self.wire.frames) != gave_up.frames:
                # what nobody here understands may be a question, too
                gave_up = replace(gave_up, at=now, frames=frames, gap=now - gave_up.at)
                self._gave_up = gave_up
        quiet_s = max(self._quiet_s(gave_up), _BACKS_OFF * gave_up.gap)
        return gave_up.said if now - gave_up.at > quiet_s else None

    def _quiet_s(self, gave_up: _GaveUp) -> float:
        """Return for how long who said this may ask for nothing more before it has given up."""
        if not gave_up.said.startswith(_OF_UEFI):
            sleep_s = self.wire.sleep_s() if _goes_on(gave_up) else 0.0
            return QUIET_S + sleep_s * _CLOCK_IS_SLOW
        if self.wire.has_ipv6 is None:
            return _UEFI_QUIET_UNKNOWN_S
        return _UEFI_QUIET_OVER_IPV6_S if self.wire.has_ipv6 else _UEFI_QUIET_S

    def awaits_an_answer(self, now: float) -> bool:
        """Return whether it is the network that it waits for, which may still answer."""
        return self.wire.awaited(now) is not None

    def on_its_way(self) -> NetFile | None:
        """Return the file that it was taking last and has not got whole, None where there is
        none."""
        last = next(reversed(self.wire.facts().files), None)
        return last if last and last.outcome == "open" else None

    def still_coming(self, plan: BootPlan, now: float) -> str:
        """Say what the network, with the faults that were asked for, may still bring."""
        awaited = self.wire.awaited(now)
        if awaited and now < awaited.until:
            return f"{awaited.client.name} {asking(awaited)}"
        facts = self.wire.facts()
        sleep_s, asked = self.wire.sleep_s(), self.wire.progress()[0]
        last = facts.events[-1] if facts.events else None
        in_vain = (last and again_and_again(last, facts)) or tried_again(facts)
        if now - asked < sleep_s and not in_vain:
            time = f"{sleep_s:.0f} s by its script"
            if math.isinf(sleep_s):
                time = "as long as a setting says that none of its scripts has"
            return f"iPXE may wait, for {time} and since {asked:.2f} s"
        slow = [str(fault) for fault in plan.net.faults if fault.kind in ("loss", "slow")]
        coming = [file for file in facts.files if file.outcome == "open"]
        if not slow or not coming:
            return ""
        return (
            f"{coming[-1].name} was still on its way, {coming[-1].sent_bytes:,} of "
            f"{count(coming[-1].file_bytes, 'byte')}, with {' and '.join(slow)}"
        )


def _goes_on(gave_up: _GaveUp) -> bool:
    """Whether a script may go on: what fails in it is no end of it, and iPXE says so where it is
    over."""
    return not gave_up.said.startswith(_SCRIPT_FAILED)
