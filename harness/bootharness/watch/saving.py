"""Save a machine that is about to ask the network for something, or one by a UEFI that is about to
look for a disk, and go on from a saved one.

What comes before that is the firmware's own: nothing that the network or a disk brings has a part
in it. So it is the same in every boot by the same machine, and waited for once. The time that
saving takes, or spares, is none of the machine's: a boot that was restored tells the times of one
that was not.
"""

from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from bootharness.errors import MachineLost
from bootharness.machine.machine import Machine
from bootharness.machine.saved import Saved, keep
from bootharness.network.threshold import Answered, Threshold
from bootharness.routes.medium import Medium
from bootharness.trace.machine_facts import Restored
from bootharness.watch.idle import IdleClock
from bootharness.watch.loading import Loading
from bootharness.watch.tracers import Tracer

__all__ = ["Saving", "restored"]

# a client asks once, and again a second later; firmware says and does little
_MOST_ASKED, _MOST_BYTES = 4, 1 << 15
_MOST_RECORDED = 1 << 20
_LEAST_SHARE = 1 / 3


def restored(machine: Machine, medium: Medium) -> Restored | None:
    """Go on from a saved machine, if this is one, and return what is to be told of that.

    Raises NotRestored where QEMU does not, or the machine would not have come to the same.
    """
    saved, wire = machine.qemu.restores, medium.wire
    if saved is None:
        return None
    about = saved.about
    machine.await_restored()
    machine.qemu.set_clock(about.seconds)
    medium.started(machine.qemu.launched)
    if wire and not wire.replay([Answered(*each) for each in about.early], about.asking):
        raise machine.qemu.not_restored("the network would have answered it otherwise")
    told = Restored(about.seconds, round(max(machine.qemu.saved_s, 0.0), 6))
    machine.resume()
    return told


class Saving(Struct):
    """Saves a machine and puts it, as it was the last time, into the cache when its boot is over;
    not one that the host kept waiting, for all that go on from it would tell its times."""

    machine: Machine
    medium: Medium
    tracer: Tracer
    loading: Loading
    idle: IdleClock
    _made: Path | None = None

    def look(self) -> bool:
        """Save the machine if it is time to, and return whether it was."""
        wire, qemu = self.medium.wire, self.machine.qemu
        if wire is None or qemu.save_to is None or self._kept_waiting or not wire.claim():
            return False
        try:
            self.machine.qmp.execute("stop")
            at = round(self.machine.now(), 6)
            if self._stands_still():
                self._save(at, wire.sent())
                self.machine.resume()
                qemu.set_clock(at)
                self.medium.started(qemu.launched)
        finally:
            wire.let_go_on()
        return True

    def before_disk(self, at: float) -> None:
        """Save the machine of a UEFI that knows no disk yet, and stands still since ``at``; not for
        a boot from a network, which is saved later."""
        qemu = self.machine.qemu
        if self.medium.wire is None and qemu.save_to is not None and not self._kept_waiting:
            self._save(at, Threshold())
            qemu.set_clock(at)
            self.medium.started(qemu.launched)

    @property
    def _kept_waiting(self) -> bool:
        return self.idle.given_s < self.machine.now() * _LEAST_SHARE

    def _save(self, at: float, sent: Threshold) -> None:
        with suppress(MachineLost, OSError):
            self._write(self.machine.qemu.workspace.path / "machine", at, sent)

    def _write(self, path: Path, at: float, sent: Threshold) -> None:
        self.loading.drain()
        self.loading.hear_bios()
        serial = self.machine.qemu.serial_log.read_bytes()
        recorded, program = self.tracer.log(), self.machine.qemu.program
        if (
            program is None
            or len(sent.asking) > _MOST_ASKED
            or len(serial) > _MOST_BYTES
            or len(recorded) > _MOST_RECORDED
        ):
            return
        about = Saved(
            at,
            program,
            tuple((each.at, each.frame, each.answers) for each in sent.early),
            tuple(sent.asking),
            recorded,
            self.tracer.began,
            self.loading.bios_log,
            serial,
        )
        with path.open("wb") as file:
            about.write(file)
            self.machine.save(file.fileno())
        self._made = path

    def _stands_still(self) -> bool:
        """Whether it is for us that the machine stands still, and not for the guest as well."""
        by_guest = self.machine.qmp.holds("GUEST_PANICKED", "SHUTDOWN")
        return self.machine.status == "paused" and not by_guest

    def finish(self) -> None:
        """Put the machine that was saved into the cache, if there is one."""
        if self._made and self.machine.qemu.save_to:
            keep(self._made, self.machine.qemu.save_to)
