"""gdb at the loader's INTs, alone or with the recorder beside it."""

from typing import TYPE_CHECKING

from bootharness.formats.bioscall import BiosCall
from bootharness.formats.mbr import SECTOR_BYTES
from bootharness.machine.machine import Machine
from bootharness.routes.disk import DiskImage
from bootharness.routes.loader import ORIGIN
from bootharness.trace.machine_facts import QmpEvent
from bootharness.trace.uefi_calls import UefiCall
from bootharness.watch.recorder_tracers import GAVE_UP, RecorderTracer
from bootharness.watch.tracers import Stop

if TYPE_CHECKING:
    from bootharness.machine.gdb import Gdb
    from bootharness.machine.gdb_log import GdbLog

__all__ = ["GdbTracer"]


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
        if last and last[0].number in GAVE_UP and not self._recorder:
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
