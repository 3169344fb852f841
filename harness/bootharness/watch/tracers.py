"""Who watches the BIOS calls: the recorder in an option ROM, gdb at the loader's INTs, or both; who
watches a UEFI's is in uefi_tracer.py.

A tracer makes the machine stop where there is something to look at, says what it is, and
lets the machine go on. A boot is the same to the rest of the harness with either.
"""

from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from bootharness.formats.bioscall import BiosCall, Registers
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.host.deadline import Deadline
from bootharness.machine.machine import Machine
from bootharness.machine.recorder import Recorder
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import ORIGIN
from bootharness.trace.machine_facts import QmpEvent
from bootharness.trace.uefi_calls import UefiCall

if TYPE_CHECKING:
    from bootharness.machine.gdb import Gdb
    from bootharness.machine.gdb_log import GdbLog

__all__ = ["TAKE_ALL_S", "GdbTracer", "RecorderTracer", "Stop", "Tracer"]

_GAVE_UP = (0x18, 0x19)
# a guest may fill the recorder's ring as quickly as it is emptied
TAKE_ALL_S = 5.0


class Stop(Struct, frozen=True):
    """The machine stands still: for what, and when, in seconds since launch.

    ``handoff`` comes with the registers and whether they are those of the entry itself;
    ``gave-up`` with the interrupt by which the loader did; ``boot-services-ended``, of a UEFI, with
    where the one that ended them goes on, linear. ``begun`` is a UEFI that has looked at no disk
    yet.
    """

    reason: Literal["handoff", "gave-up", "panic", "begun", "boot-services-ended"]
    at: float
    registers: Registers | None = None
    exact: bool = True
    interrupt: int = 0
    caller: int = 0


class Tracer(Protocol):
    """What all tracers can do; ``name`` is who sees the calls, as a trace has it."""

    name: str

    def start(self) -> None:
        """Begin, and let the machine run if it waits."""

    @property
    def files(self) -> list[int]:
        """Files to wait for besides the machine's own."""

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        """Return why the machine has stopped; ``events`` came in since the last call."""

    def resume(self, stop: Stop) -> None:
        """Let the machine run on after a stop."""

    def calls(self) -> tuple[BiosCall, ...]:
        """Return all BIOS calls so far, but those from the middle of too many."""

    def fresh(self) -> tuple[BiosCall, ...]:
        """Return the calls since this was asked last."""

    def last_call(self) -> BiosCall | None:
        """Return the last call, None where there was none."""

    @property
    def total(self) -> int:
        """How many calls there were."""

    @property
    def left_out(self) -> int:
        """How many calls are not kept, from the middle of too many."""

    def kept(self, calls: int) -> int:
        """Return how many of the first so many calls are kept."""

    @property
    def foreign_bytes(self) -> int:
        """How many bytes the guest itself has written to the recorder's port."""

    @property
    def attached(self) -> bool:
        """Whether a debugger is attached: it would take a stop of ours for its own."""

    def uefi_calls(self) -> tuple[UefiCall, ...]:
        """Return all calls of a UEFI so far, but those from the middle of too many."""

    def second_opinion(self) -> tuple[BiosCall, ...]:
        """Return the calls as the second of two tracers saw them; with one tracer none."""

    def drain(self) -> int:
        """Take in what has been recorded, and return how many records there are."""

    def log(self) -> bytes:
        """Return what the recorder has written, byte by byte; empty without a recorder."""

    @property
    def began(self) -> float:
        """When the recorder's clock began, in seconds since launch; 0 without a recorder."""


class RecorderTracer:
    """The recorder: it stops the machine by itself, and QMP says so."""

    name = "recorder"
    attached = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.recorder = Recorder(machine.qmp, machine.now, machine.qemu.recorder_returns)
        if saved := machine.qemu.restores:
            self.recorder.go_on(saved.about.recorded, saved.about.began)

    @property
    def files(self) -> list[int]:
        return []

    def start(self) -> None:
        """The machine runs already."""

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        return [self.stop(each.seconds) for each in events if each.name == "GUEST_PANICKED"]

    def stop(self, at: float) -> Stop:
        """Return why the recorder, or a guest that can do the same, stopped the machine."""
        self.take_all()
        self.recorder.anchor(at)
        last = self.recorder.last
        if last and last.tag == "H":
            return Stop("handoff", at, last.registers, last.exact)
        if last and last.tag == "C" and last.number in _GAVE_UP:
            return Stop("gave-up", at, interrupt=last.number)
        return Stop("panic", at)

    def resume(self, stop: Stop) -> None:
        self._machine.resume()
        self.recorder.paused(self._machine.now() - stop.at)

    def calls(self) -> tuple[BiosCall, ...]:
        return self.recorder.calls()

    def fresh(self) -> tuple[BiosCall, ...]:
        return self.recorder.fresh()

    def last_call(self) -> BiosCall | None:
        return self.recorder.last_call()

    @property
    def total(self) -> int:
        return self.recorder.pairing.total

    @property
    def left_out(self) -> int:
        return self.recorder.pairing.left_out

    def kept(self, calls: int) -> int:
        return self.recorder.pairing.kept(calls)

    @property
    def foreign_bytes(self) -> int:
        return self.recorder.decoder.foreign_bytes

    def uefi_calls(self) -> tuple[UefiCall, ...]:
        return ()

    def second_opinion(self) -> tuple[BiosCall, ...]:
        return ()

    def drain(self) -> int:
        began = self._machine.now()
        if self.recorder.drain():
            # a guest that makes calls faster than they are taken in has to wait
            with self._machine.standing_still():
                self.take_all()
            self.recorder.paused(self._machine.now() - began)
        return self.recorder.count

    def take_all(self) -> int:
        """Take in what has been recorded while the machine stands still, or gdb slows it."""
        deadline = Deadline.after(TAKE_ALL_S)
        while self.recorder.drain() and not deadline.expired:
            pass
        return self.recorder.count

    def log(self) -> bytes:
        return bytes(self.recorder.log)

    @property
    def began(self) -> float:
        return self.recorder.began


class GdbTracer:
    """gdb, with a tracer of its own inside; and if it is there, the recorder beside it.

    gdb reports every stop, the recorder's too, and QMP says whose it was. It is ended by
    whoever started it.
    """

    def __init__(
        self, machine: Machine, disk: DiskImage, gdb: "Gdb", recorder: RecorderTracer | None = None
    ) -> None:
        self.name = "both" if recorder else "gdb"
        self._machine = machine
        self._recorder = recorder
        self._disk = disk
        self._log: GdbLog | None = None
        self._own: set[int] = set()
        self._taken = 0
        self._gdb: Gdb | None = gdb

    @property
    def attached(self) -> bool:
        return self._gdb is not None

    @property
    def files(self) -> list[int]:
        return [self._gdb.fileno()] if self._gdb else []

    def start(self) -> None:
        from bootharness.machine.gdb_log import INT_BYTES, int_sites  # most boots do without

        assert self._gdb
        loader = self._disk.loader
        binary = self._disk.read(0, len(loader.binary) if loader else SECTOR_BYTES)
        self._gdb.connect()
        sites, labels = int_sites(binary, ORIGIN), loader.symbols if loader else {}
        self._own = {at + size for at, _ in sites for size in (0, INT_BYTES)} | {*labels.values()}
        self._log = self._gdb.trace(sites, labels, self._machine.qemu.launched)
        self._gdb.resume()

    def stops(self, events: list[QmpEvent]) -> list[Stop]:
        if self._gdb is None:
            return self._recorder.stops(events) if self._recorder else []
        stop = self._gdb.next_stop()
        if stop is None:
            return []
        now, status = self._machine.now(), self._machine.status
        if status == "guest-panicked":
            return [self._recorder.stop(now) if self._recorder else Stop("panic", now)]
        if status == "shutdown":
            return []
        own = stop.linear in self._own
        if own and stop.registers.cs:
            self._gdb.at_breakpoint()
        last = self._gdb_calls()[-1:]
        # the recorder has yet to see the same, and stops the machine then
        if last and last[0].number in _GAVE_UP and not self._recorder:
            return [Stop("gave-up", now, interrupt=last[0].number)]
        if own:
            if stop.registers.cs:
                self._gdb.step_over()
            self._gdb.resume()
            return []
        return [Stop("handoff", now, stop.registers)]

    def resume(self, stop: Stop) -> None:
        if self._gdb is None:
            self._machine.resume()
        elif stop.reason == "handoff":  # all is seen; without gdb the machine runs faster
            self._gdb.stop_tracing()
            self._gdb.detach()
            self._gdb.close()
            self._gdb = None
        else:
            self._gdb.resume()

    def calls(self) -> tuple[BiosCall, ...]:
        return self._recorder.calls() if self._recorder else self._gdb_calls()

    def fresh(self) -> tuple[BiosCall, ...]:
        if self._recorder:
            return self._recorder.fresh()
        calls = self._gdb_calls()
        fresh, self._taken = calls[self._taken :], len(calls)
        return fresh

    def last_call(self) -> BiosCall | None:
        if self._recorder:
            return self._recorder.last_call()
        calls = self._gdb_calls()
        return calls[-1] if calls else None

    @property
    def total(self) -> int:
        return self._recorder.total if self._recorder else len(self._gdb_calls())

    @property
    def left_out(self) -> int:
        return self._recorder.left_out if self._recorder else 0

    def kept(self, calls: int) -> int:
        return self._recorder.kept(calls) if self._recorder else calls

    @property
    def foreign_bytes(self) -> int:
        return self._recorder.foreign_bytes if self._recorder else 0

    def uefi_calls(self) -> tuple[UefiCall, ...]:
        return ()

    def second_opinion(self) -> tuple[BiosCall, ...]:
        return self._gdb_calls() if self._recorder else ()

    def _gdb_calls(self) -> tuple[BiosCall, ...]:
        """The calls that gdb has seen: those of the loader, up to the handoff."""
        return self._log.calls() if self._log else ()

    def drain(self) -> int:
        if self._recorder:
            return self._recorder.take_all() if self.attached else self._recorder.drain()
        return self._log.size() if self._log else 0

    def log(self) -> bytes:
        return self._recorder.log() if self._recorder else b""

    @property
    def began(self) -> float:
        return self._recorder.began if self._recorder else 0.0
