"""Watch a machine boot: note every milestone, look at the handoff, know when it is over."""

from dataclasses import dataclass, field

from harness.deadline import Deadline
from harness.disk import DiskImage
from harness.facts import disk_facts, kernel_facts
from harness.formats.bioscall import BiosCall, Registers
from harness.handoff import look, with_kernel_found
from harness.kernel import KernelImage
from harness.machine.gdb import Gdb
from harness.machine.gdb_log import GdbLog
from harness.machine.machine import Machine
from harness.milestones import bios_milestones
from harness.observer import Observer
from harness.signs import Sign, complaint
from harness.trace import (
    MILESTONES,
    CpuSample,
    Ending,
    Handoff,
    Milestone,
    QmpEvent,
    block_moves,
    placements,
    screen_text,
)

__all__ = ["Watch"]

_TICK_S = 0.05
_DRAIN_S = 0.25
_LAST_WORDS_S = 0.5
"""How long a kernel that panics may go on printing."""
_PROTECTED_FROM = 0x100000
"""Protected-mode code below is the BIOS's, which uses it to talk to disks."""
_TARGETS = {"setup": "setup-entered"}


@dataclass
class Watch:
    """One boot as it goes on; `run` returns when it is over.

    With the recorder the machine stops by itself where there is something to see, and QMP
    tells. With gdb connected, gdb tells, and QMP is asked why.
    """

    machine: Machine
    disk: DiskImage
    kernel: KernelImage | None
    until: str
    signs: list[Sign]
    observer: Observer | None = None
    gdb_log: GdbLog | None = None
    milestones: dict[str, float] = field(default_factory=dict)
    events: list[QmpEvent] = field(default_factory=list)
    samples: list[CpuSample] = field(default_factory=list)
    handoff: Handoff | None = None
    ending: Ending | None = None
    panic: str | None = None
    _drained_at: float = 0.0

    def run(self, timeout_s: float, idle_s: float) -> Ending:
        """Watch until the boot has come as far as wanted, or has failed, or time is up.

        Raises MachineLost when QEMU or gdb goes away.
        """
        deadline = Deadline.after(timeout_s)
        idle = _IdleClock(self.machine)
        if self.gdb is None and self.machine.status == "guest-panicked":
            self._attention(self.machine.now())  # it was there before QMP was
        while self.ending is None:
            self.machine.wait(deadline.sooner(_TICK_S))
            self._listen()
            self._take_events()
            self._take_stop()
            self._look_around()
            if self.panic is not None:
                deadline = deadline.sooner(_LAST_WORDS_S)
            if self.ending is None and deadline.expired:
                self._listen()
                self._finish(*(("panic", self.panic) if self.panic else ("timeout",)))
            elif self.ending is None and idle.seconds() > idle_s:
                self._finish("idle")
        assert self.ending
        return self.ending

    @property
    def gdb(self) -> Gdb | None:
        """gdb as long as it is connected."""
        return self.machine.gdb

    def calls(self) -> tuple[BiosCall, ...]:
        """Return the BIOS calls so far, the recorder's where it is there."""
        if self.machine.recorder:
            return self.machine.recorder.calls()
        return self.gdb_log.read(self.machine.since_launch)[0] if self.gdb_log else ()

    def _finish(self, kind: str, detail: str = "") -> None:
        if self.ending is None:
            self.ending = Ending(kind, round(self.machine.now(), 6), detail)

    def _reach(self, name: str, seconds: float) -> None:
        if name in self.milestones:
            return
        if name in ("banner", "init"):  # nobody prints a banner in real mode
            self._reach("protected-mode", seconds)
        self.milestones[name] = round(seconds, 6)
        if self.observer:
            self.observer.milestone(Milestone(name, self.milestones[name]))
        if name == _TARGETS.get(self.until, self.until):
            self._finish("reached")

    def _listen(self) -> None:
        """Read the serial line as far as it goes."""
        while self.ending is None:
            found = self.machine.serial.next_sign([sign.pattern for sign in self.signs])
            if found is None:
                return
            name, text = self.signs[found[0]].name, found[1].group(found[1].lastindex or 0)
            if name in MILESTONES:
                self._reach(name, self.machine.now())
            elif name == "complaint":
                self._finish("complaint", text.decode("utf-8", "replace").strip())
            elif name == "panic":
                self.panic = text.decode("utf-8", "replace")
            elif self.panic is not None:
                self._finish("panic", self.panic)

    def _take_events(self) -> None:
        for event in self.machine.events():
            self.events.append(event)
            if event.name == "GUEST_PANICKED" and self.gdb is None:
                self._attention(event.seconds)
            elif event.name == "SHUTDOWN":
                self._drain(event.seconds)
                self._listen()
                if self.panic is not None:
                    self._finish("panic", self.panic)
                reason = event.data.get("reason", "")
                self._finish("guest-reset" if reason == "guest-reset" else "guest-shutdown", reason)

    def _take_stop(self) -> None:
        """Take a stop that gdb reports: the recorder's, a breakpoint, or the end."""
        stop = self.gdb.next_stop() if self.gdb and self.ending is None else None
        if stop is None or self.gdb is None:
            return
        status = self.machine.status
        if status == "guest-panicked":
            self._attention(self.machine.now())
        elif status != "shutdown":
            self._breakpoint(self.gdb, stop.registers)

    def _breakpoint(self, gdb: Gdb, registers: Registers) -> None:
        """The tracer in gdb stopped at INT 18h or 19h, at the kernel's entry, or behind it."""
        now = self.machine.now()
        last = self.calls()[-1:]
        if "setup-entered" in self.milestones and self.handoff and self.handoff.header:
            entry = self.handoff.header.code32_start
            if registers.ip == entry:
                self._reach("protected-mode", now)
                self.machine.disconnect_gdb()
                return
        elif last and last[0].number in (0x18, 0x19):
            self._gave_up(last[0].number)
            return
        gdb.stop_tracing()
        self._handed_off(registers, exact=True, at=now)
        if self.ending is None:
            if self.handoff and self.handoff.header:
                gdb.break_at(self.handoff.header.code32_start)
            gdb.resume()

    def _attention(self, at: float) -> None:
        """The recorder, or a guest that has a driver for it, stopped the machine."""
        recorder = self.machine.recorder
        if recorder is None:
            self._finish("panic", "the guest reported a panic")
            return
        self._drain(at)
        recorder.anchor(at)
        last = recorder.records[-1] if recorder.records else None
        if last and last.tag == "H":
            self._handed_off(last.registers, exact=last.exact, at=recorder.seconds(last.ticks))
        elif last and last.tag == "C" and last.number in (0x18, 0x19):
            self._gave_up(last.number)
        else:
            self._listen()
            self._finish("panic", self.panic or "the guest reported a panic")
        if self.ending is None:
            self.machine.resume()
            recorder.paused(self.machine.now() - at)

    def _gave_up(self, interrupt: int) -> None:
        if interrupt == 0x18:
            self._finish("boot-failed", "INT 18h")
        else:
            self._finish("bootstrap", "INT 19h")

    def _handed_off(self, registers: Registers, *, exact: bool, at: float) -> None:
        if self.handoff is not None:
            return
        self.identify_kernel()
        self.report_progress()
        self.handoff = look(
            self.machine, self.disk, self.kernel, registers, exact=exact, seconds=round(at, 6)
        )
        self._reach("setup-entered", at)
        if self.handoff.memory_equal is False and self.ending is None:
            self._finish("memory-differs")

    def identify_kernel(self) -> None:
        """Find the kernel in a disk image that somebody brought, by what has been read."""
        if self.kernel is None:
            self.disk = with_kernel_found(self.disk, self.calls(), self.machine.workspace.path)
            self.kernel = self.disk.kernel

    def _look_around(self) -> None:
        """What nobody reports has to be looked at: progress, and the CPU's mode."""
        if self.ending is not None:
            return
        now = self.machine.now()
        if now - self._drained_at >= _DRAIN_S:
            self._drain(now)
            self.report_progress()
        if "setup-entered" in self.milestones and "protected-mode" not in self.milestones:
            sample = self.machine.sample()
            if sample.mode != "real" and sample.linear >= _PROTECTED_FROM:
                self._reach("protected-mode", sample.seconds)

    def _drain(self, now: float) -> None:
        self._drained_at = self.machine.now()
        if self.machine.recorder is None:
            return
        fresh = self.machine.recorder.drain(now)
        if any(record.number == 0x10 for record in fresh):
            said = complaint(screen_text(self.calls()))
            if said:
                self._finish("complaint", said)

    def report_progress(self) -> None:
        """Tell the observer how far the loading has come."""
        if self.observer is None:
            return
        calls = self.calls()
        if self.kernel is None:
            self.observer.calls(calls)
            return
        kernel, handed_off = kernel_facts(self.kernel), self.handoff is not None
        points = bios_milestones(calls, kernel, disk_facts(self.disk), handed_off=handed_off)
        for name, seconds in points.items():
            self._reach(name, seconds)
        self.observer.calls(calls)
        moves = block_moves(calls, handed_off=handed_off)
        done = max((done for _, done in placements(moves, kernel)), default=0)
        self.observer.placed(done, kernel.payload_bytes)


@dataclass
class _IdleClock:
    """Counts the time in which the guest could have got on and did not.

    Only CPU time that QEMU was given counts, or all time if the guest has halted its CPU
    with interrupts off. A host that is busy, or that stopped QEMU or the harness for a
    while, does not make a guest idle.
    """

    machine: Machine
    _progress: tuple[int, ...] = ()
    _idle_s: float = 0.0
    _at: float = 0.0
    _cpu: float = 0.0

    def seconds(self) -> float:
        """Return for how long nothing has happened, in seconds."""
        now, cpu = self.machine.now(), self.machine.cpu_seconds()
        step, used = min(now - self._at, 2 * _TICK_S), cpu - self._cpu
        self._at, self._cpu = now, cpu
        progress = self.machine.progress()
        if progress != self._progress:
            self._progress, self._idle_s = progress, 0.0
        elif used >= step / 2:
            self._idle_s += step
        elif self._idle_s > 0.5 or used == 0:
            sample = self.machine.sample()
            if sample.halted and not sample.interrupts:
                self._idle_s += step
        return self._idle_s
