"""Watch a machine boot: note every milestone, look at the handoff, know when it is over."""

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.diagnosis.certainty import certain
from bootharness.errors import HostBusy, MachineLost, PromptNotSeen, TimeTooShort
from bootharness.formats.bzimage import SetupHeader
from bootharness.formats.screen_text import ScreenText
from bootharness.host.deadline import Deadline
from bootharness.machine.keys import as_sent
from bootharness.machine.machine import Machine
from bootharness.machine.postmortem import screen, undisturbed_screen
from bootharness.plan import SHUTDOWN, UNTIL, BootPlan
from bootharness.plan.prompt import Prompt
from bootharness.routes.medium import Medium
from bootharness.trace.bios_milestones import bios_milestones
from bootharness.trace.block_moves import block_moves, placements
from bootharness.trace.boot_trace import (
    CRASH_REPORTED,
    PANIC_REPORTED,
    Ending,
)
from bootharness.trace.handoff import Handoff
from bootharness.trace.machine_facts import CpuSample, QmpEvent
from bootharness.trace.milestones import MILESTONES, Milestone
from bootharness.trace.network_facts import milestones
from bootharness.trace.observer import Observer
from bootharness.trace.sighting import Sighting
from bootharness.trace.signs import Sign, complaint
from bootharness.watch.boot_program import BootProgram
from bootharness.watch.entry import header_entered, look
from bootharness.watch.hang import hang
from bootharness.watch.idle import IdleClock, Repetition
from bootharness.watch.lookout import Found, Lookout
from bootharness.watch.resting import PERSON_S, Resting
from bootharness.watch.tracers import Stop, Tracer
from bootharness.watch.words import Words
from bootharness.watch.work import runs_new_code, sweeps_memory

if TYPE_CHECKING:
    from bootharness.routes.net_connection import Connection

__all__ = ["Watch"]

_TICK_S = 0.05
_DRAIN_S = 0.1
# more than any loader repeats itself, and done in a second or two
_SAME_CALLS = 10_000
# how long a kernel that panics may go on printing, and an /init of somebody's must live
_LAST_WORDS_S = 0.5
# how soon behind its banner a kernel tells of its command line, and then of its memory
_MEMORY_TOLD_S = 5.0
# a guest that was given less of the time limit cannot be blamed for not being ready
_LEAST_SHARE = 0.4
# without progress for so long, the CPU is looked at on every tick
_SUSPICIOUS_S = 0.2
# after so long without progress, and so often, the screen is read
_READ_SCREEN_S = 1.0
# what the guest has written through the BIOS is searched for words: so much of it, the last
_SAID_CHARACTERS = 8192
_EVENTS = 1000
# for a machine to stop that floods what it is told to by
_STOP_S = 2.0
# so often it is looked for a pattern on the screen
_LOOK_AT_SCREEN_S = 0.25
# of a userspace that is waited for, so many looks at the CPU are kept, and made so often
_LOOKS_KEPT, _LOOK_AT_WAITING_S = 100, 0.5
# looks before a guest is called hung, and seconds between them
_QUICK_LOOKS, _QUICK_S = 24, 0.001
# the wall clock's share of the time limit, and a little more for the end of a boot
_WALL, _WALL_S = 1.2, 1.0
# how much rarer what looks at all calls is done than it takes
_SELDOM = 5
# protected-mode code below is the BIOS's, which uses it to talk to disks
_PROTECTED_FROM = 0x100000
_NEVER_A_BIOS = ("paged", "long")
_BEFORE_A_PANIC = ("protected-mode", "banner")
_TARGETS = {"setup": "setup-entered"}
_PASS_OTHERS = ("banner", "init")


class Watch(Struct):
    """One boot as it goes on. `run` returns when it is over; what was seen is in the fields."""

    machine: Machine
    tracer: Tracer
    medium: Medium
    plan: BootPlan
    words: Words
    resting: Resting
    lookout: Lookout
    program: BootProgram | None = None
    observer: Observer | None = None
    milestones: dict[str, float] = field(default_factory=dict)
    events: list[QmpEvent] = field(default_factory=list)
    handoff: Handoff | None = None
    ending: Ending | None = None
    panic: str | None = None
    marker: Sighting | None = None
    failed_on: Sighting | None = None
    sent: list[Sighting] = field(default_factory=list)
    samples: list[CpuSample] = field(default_factory=list)
    disk_bytes: int = 0
    recorded: int = 0
    repetition: Repetition = field(default_factory=Repetition)
    said: str = ""
    written: ScreenText = field(default_factory=ScreenText)
    foreign_bytes: int = 0
    drained_at: float = 0.0
    reported_at: float = 0.0
    report_s: float = 0.0
    screen_read_at: float = 0.0
    looked_at: float = 0.0
    crash: str = ""
    bios_log: str = ""
    memory_told_by: Deadline | None = None

    @property
    def wire(self) -> "Connection | None":
        """The network that the machine boots from, if it does."""
        return self.medium.wire

    def run(self) -> Ending:
        """Watch until the boot has come as far as wanted, or has failed, or time is up.

        Raises MachineLost when QEMU or gdb goes away, HostBusy when time is up and QEMU had
        little of it.
        """
        last_words: Deadline | None = None
        idle = IdleClock(self.machine)
        limit_s = self._limit_s
        self.tracer.start()
        if self.medium.kernel:
            _ = self.medium.kernel.sha256  # hashed while the machine is busy
        while self.ending is None:
            self.machine.wait(Deadline.after(_TICK_S), *self.tracer.files, *self._wires)
            self._listen()
            self._look_at_wire()
            self._take_events()
            if self.ending is None and self.memory_told_by and self.memory_told_by.expired:
                self._finish("reached")
            if self.ending is None:
                self._look_around()
            if self.ending is None and self.program:
                self._weigh_words(self.program)
            if self.panic is not None or self.crash or self.failed_on or self._userspace():
                last_words = last_words or Deadline.after(_LAST_WORDS_S)
                if last_words.expired:
                    self._listen()
                    self._over("timeout")
            if self.ending is None:
                self._suspect(idle)
            wall_s = self.machine.now()
            if self.ending is None and (
                idle.awake_s > limit_s or wall_s > limit_s * _WALL + _WALL_S
            ):
                self._listen()
                self._out_of_time(idle)
        if self.machine.answers:
            self._drain()
            self.identify_kernel()
            self.report_progress()
        with suppress(MachineLost):  # QEMU may be gone by now
            self._hear_bios()
        return self.ending

    def _hear_bios(self) -> None:
        """Take in what the BIOS has said of itself."""
        said = self.machine.bios_log()
        self.bios_log += said
        if said and self.observer:
            self.observer.bios(said)

    def identify_kernel(self, entered: SetupHeader | None = None) -> None:
        """Find the kernel in a disk image that somebody brought, by what has been read."""
        folder = self.machine.qemu.workspace.path
        self.medium = self.medium.learned(
            self.tracer.calls(), folder, entered=entered, release=self.words.heard.release
        )

    def report_progress(self) -> None:
        """Tell the observer how far the loading has come."""
        if self.observer is None or not self.observer.wants_progress:
            return
        self._hear_bios()
        calls, handed_off = self.tracer.calls(), self.handoff is not None
        if self.wire:  # which tells how far that has come
            self.observer.calls(calls)
            return
        medium = self.medium
        kernel = medium.kernel.facts if medium.kernel and self.names_kernel else None
        disk = medium.disk.facts if medium.disk else None
        points = bios_milestones(calls, kernel, disk, handed_off=handed_off)
        for name, seconds in points.items():
            self._reach(name, seconds)
        self.observer.calls(calls)
        if kernel:
            moves = block_moves(calls, handed_off=handed_off)
            done = max((done for _, done in placements(moves, kernel)), default=0)
            self.observer.placed(done, kernel.payload_bytes)

    @property
    def asked_for_kernel(self) -> bool:
        """Whether it is the boot of a kernel that was given, and not of what is on a disk."""
        return self.medium.loader is not None or self.medium.disk is None

    @property
    def names_kernel(self) -> bool:
        """Whether the kernel that is known is the one of this boot: it was asked for, or entered.

        What a boot manager has read beside may be another.
        """
        return (
            self.asked_for_kernel
            or self.handoff is not None
            or self.words.heard.release is not None
        )

    def _userspace(self) -> bool:
        """Whether somebody's own /init has begun, and no more is wanted than that."""
        return "init" in self.milestones and self.plan.until in UNTIL

    @property
    def _limit_s(self) -> float:
        """The time limit, without what the faults cost that were asked for."""
        return self.plan.timeout_s + (self.wire.faults_cost_s if self.wire else 0.0)

    def _over(self, kind: str) -> None:
        """Finish a boot that will say no more: as a panic, as good, or as ``kind``."""
        self._look_at_screen()
        self._hear_rest()
        if self.failed_on:
            self._finish("failed-on", self.failed_on.line)
        if self.panic is not None:
            self._finish("panic", self.panic)
        if self.crash:
            self._finish("firmware-crash", self.crash)
        self._finish("reached" if self._userspace() else kind)

    def _out_of_time(self, idle: IdleClock) -> None:
        if self.ending is not None:
            return
        if idle.given_s < self._limit_s * _LEAST_SHARE:
            raise HostBusy(
                f"the host gave QEMU {idle.given_s:.0f} s in the {self._limit_s:.0f} s of "
                "the time limit: give it more time (--timeout) or fewer boots at once"
            )
        if self.machine.slow and self.panic is None and not self._userspace():
            raise HostBusy(
                f"KVM is slow here, and the {self._limit_s:.0f} s of the time limit were not "
                "enough: give it more time (--timeout) or take --accelerator tcg"
            )
        coming = ""
        if self.program and not self._kernel_entered:
            coming = self.program.still_coming(self.plan, self.machine.now())
        if coming:
            raise TimeTooShort(
                f"the {self._limit_s:.0f} s of the time limit were over while {coming}: give it "
                "more time (--timeout)"
            )
        self._over("timeout")

    def _finish(self, kind: str, detail: str = "") -> None:
        if kind == "reached" and self.failed_on:
            return
        if kind == "reached" and self.lookout.prompts and self.ending is None:
            raise self._never_asked(self.lookout.prompts[0])
        if self.ending is None:
            self.ending = Ending(kind, round(self.machine.now(), 6), detail)

    def _never_asked(self, prompt: Prompt) -> PromptNotSeen:
        return PromptNotSeen(
            f"the boot came as far as wanted, and {prompt.pattern!r} was not seen by then, so "
            f"{prompt.text!r} was not typed: it need not be the boot that was to be tested"
        )

    def _reach(self, name: str, seconds: float) -> None:
        if name in self.milestones:
            return
        if name in ("banner", "init"):  # nobody prints a banner in real mode
            self._reach("protected-mode", seconds)
        self.milestones[name] = round(seconds, 6)
        if self.observer:
            self.observer.milestone(Milestone(name, self.milestones[name]))
        lives = name != "init" or self.plan.initrd is None  # ours writes its marker itself
        if not self._has_passed(name) or not lives:
            return
        if name == "banner" and self.handoff is None:
            # only the kernel itself can tell which command line and memory it was told of
            self.memory_told_by = Deadline.after(_MEMORY_TOLD_S)
        else:
            self._finish("reached")

    def _has_passed(self, name: str) -> bool:
        """Whether what was wanted is a milestone, or comes before it: a kernel that was told to be
        quiet has no banner, but whoever is in userspace has passed it; and one that was entered
        at its 32-bit entry never enters its setup code."""
        target = _TARGETS.get(self.plan.until, self.plan.until)
        if name not in _PASS_OTHERS or target not in MILESTONES:
            return name == target
        return MILESTONES.index(target) <= MILESTONES.index(name)

    def _listen(self) -> None:
        """Read the serial line as far as it goes."""
        line = self.machine.serial
        signs = [*line.signs(self.words.signs)]
        sighted = self.lookout.heard(line.fresh, self.machine.now()) if line.fresh else []
        for at, sign, found in signs:
            while sighted and sighted[0].at <= at:
                self._see(sighted.pop(0))
            if self.ending is not None:
                return
            self._hear(sign, found[found.lastindex or 0].decode("utf-8", "replace"))
        for each in sighted:
            self._see(each)

    def _see(self, found: Found) -> None:
        """Take what a person's pattern was found in: a kernel that was given has to have written
        what it had to come to."""
        if self.ending is not None:
            return
        sighting = found.sighting
        if found.prompt:
            self._type(found.prompt, sighting)
        elif not found.wanted:
            self.failed_on = self.failed_on or sighting
        elif self.asked_for_kernel and not self.words.of_a_kernel(sighting.line):
            self.lookout.look_again()
        elif self.panic is None and not self.crash and not self.failed_on:
            if self.words.kernel_runs:
                self.words.spoke_on(sighting.on)
            self.marker = sighting
            self._finish("reached")

    def _type(self, prompt: Prompt, sighting: Sighting) -> None:
        """Type what was asked for, where it was asked."""
        self.sent.append(sighting)
        if sighting.on == "screen":
            self.machine.type_keys(prompt.keys)
        else:
            self.machine.serial.send(as_sent(prompt.keys))

    def _hear_rest(self) -> None:
        """Take in the line that has not ended, and what is on the screen at the end of a boot."""
        for each in self.lookout.rested(self.machine.now(), at_once=True):
            self._see(each)
        self._look_for_pattern(at_once=True)

    def _look_for_pattern(self, *, at_once: bool = False) -> None:
        """Look for a person's pattern on the screen, of a guest that does not notice that."""
        now = self.machine.now()
        before_kernel = self.asked_for_kernel and not self._in_kernel
        if not self.lookout.reads_screen or (before_kernel and not self.lookout.prompts):
            return
        if not at_once and now - self.looked_at < _LOOK_AT_SCREEN_S:
            return
        self.looked_at = now
        with suppress(MachineLost):
            read = screen if self.tracer.attached else undisturbed_screen
            text = read(self.machine)
            shown = self.lookout.shown(text, self.machine.now(), before_kernel=before_kernel)
            for each in shown:
                self._see(each)

    def _hear(self, sign: Sign, text: str) -> None:
        if not self.words.believed(sign, text):
            return
        if sign.name in MILESTONES:
            self._reach(sign.name, self.machine.now())
        elif sign.name == "boot-program":
            self._hear_boot_program(text)
        elif sign.name == "firmware-crash":
            if not self._kernel_entered:
                self.crash = self.crash or text.strip()
        elif sign.name == "firmware-last-words":
            if self.crash:
                self._finish("firmware-crash", self.crash)
        elif sign.name == "complaint":
            self._finish(sign.name, text.strip())
        elif sign.name == "memory-told":
            if self.memory_told_by:
                self._finish("reached")
        elif sign.name == "panic":
            self._hear_panic(sign, text)
        elif self.panic is not None:
            self._finish("panic", self.panic)

    def _hear_panic(self, sign: Sign, text: str) -> None:
        if self.plan.until in _BEFORE_A_PANIC:
            self.words.spoke_of(sign)  # the banner, hidden from this line, came before
            self._finish("reached")
        else:
            self.panic = text

    def _look_at_screen(self) -> None:
        """Hear on the screen what a kernel that keeps silent on the serial line has said."""
        if "banner" in self.milestones:
            return
        for sign, text in self.words.on_screen():
            self._hear(sign, text)
        self._kernel_spoke()

    def _kernel_spoke(self) -> None:
        """Take other words than its banner for a sign of a kernel, too, and a userspace that runs
        for one that was reached."""
        if self.words.userspace_runs and self.plan.initrd is not None:
            self._reach("init", self.machine.now())
        elif self.words.spoke() and self.plan.until in _BEFORE_A_PANIC:
            self._finish("reached")

    def _take_events(self) -> None:
        """Take what QMP tells, and for what the tracer has stopped the machine."""
        events = self.machine.events()
        self.events += events[: _EVENTS - len(self.events)]
        for stop in self.tracer.stops(events):
            self._stopped(stop)
        for event in events:
            if event.name == "SHUTDOWN":
                self._drain()
                self._listen()
                self._look_at_mode(self._sample())
                reset = event.data.get("reason") == "guest-reset"
                self._over("guest-reset" if reset else self._switched_off())
            elif event.name in ("SUSPEND", "SUSPEND_DISK"):
                self._drain()
                self._listen()
                self._over("guest-suspended")
            elif event.name == "GUEST_CRASHLOADED" and self.ending is None:
                with suppress(MachineLost):  # it may tell of that so often that nothing else comes
                    self.machine.stop(_STOP_S)
                    self._drain()
                self._listen()
                self._finish("panic", self.panic or CRASH_REPORTED)

    def _switched_off(self) -> str:
        """Return how a boot ends whose guest has switched the machine off: well, if that was wanted
        and it was a kernel that did it."""
        runs = self.words.kernel_runs or (self.handoff and "protected-mode" in self.milestones)
        by_kernel = runs and not self.words.is_bare(self.samples[-1])
        return "reached" if self.plan.until == SHUTDOWN and by_kernel else "guest-shutdown"

    def _stopped(self, stop: Stop) -> None:
        self._drain()  # what was written on the screen comes first
        if stop.reason == "handoff":
            self._handed_off(stop)
        elif stop.reason == "gave-up":
            self._finish("boot-failed" if stop.interrupt == 0x18 else "bootstrap")
        else:
            self._listen()
            self._finish("panic", self.panic or PANIC_REPORTED)
        if self.ending is None:
            self.tracer.resume(stop)

    def _handed_off(self, stop: Stop) -> None:
        if self.handoff is not None or stop.registers is None:
            return
        self.identify_kernel(header_entered(self.machine, stop.registers, exact=stop.exact))
        self.report_progress()
        before, self.foreign_bytes = self.tracer.total, self.tracer.foreign_bytes
        self.handoff = look(
            self.machine,
            self.medium.kernel,
            self.medium.initrd,
            stop.registers,
            exact=stop.exact,
            calls=before if stop.exact else before - 1,
            seconds=round(stop.at, 6),
        )
        if self.medium.loads_itself:  # and uses its boot sector for its own variables
            self.handoff = replace(self.handoff, real_mode=None)
        self.words.entered = True
        if self.lookout.reads_screen and self.asked_for_kernel:
            with suppress(MachineLost):
                self.lookout.pass_over(screen(self.machine))
        self._reach("setup-entered", stop.at)
        if self.handoff.memory_equal is False and self.ending is None:
            self._finish("memory-differs")

    def _look_around(self) -> None:
        """What nobody reports has to be looked at: progress, and the CPU's mode."""
        now = self.machine.now()
        if now - self.drained_at >= _DRAIN_S:
            self._drain()
            if now - self.reported_at >= self.report_s * _SELDOM:
                self.report_progress()
                self.reported_at = self.machine.now()
                self.report_s = self.reported_at - now
            self._look_for_kernel()
            for each in self.lookout.rested(now):
                self._see(each)
            self._look_for_pattern()
        if "setup-entered" in self.milestones and "protected-mode" not in self.milestones:
            self._look_at_mode(self.machine.sample())

    def _look_for_kernel(self) -> None:
        """Look whether a kernel runs whose banner has not come, or an /init of somebody's."""
        entered = self.handoff or self.medium.device.firmware == "uefi"
        wanted = "banner" not in self.milestones or (
            self.plan.until == "init" and self.plan.initrd is not None
        )
        if entered and wanted and "init" not in self.milestones:
            sample = self.machine.sample()
            self._look_at_mode(sample)
            self.words.look(sample)
            self._kernel_spoke()

    def _sample(self) -> CpuSample:
        """Look at the CPU, and keep what was seen."""
        self.samples.append(self.machine.sample(exact=not self.tracer.attached))
        return self.samples[-1]

    def _look_at_mode(self, sample: CpuSample) -> None:
        entered = "setup-entered" in self.milestones
        high = sample.mode != "real" and sample.linear >= _PROTECTED_FROM
        if entered and (high or sample.mode in _NEVER_A_BIOS):
            self._reach("protected-mode", sample.seconds)

    def _drain(self) -> None:
        before, self.recorded = self.recorded, self.tracer.drain()
        self.drained_at = self.machine.now()
        if self.recorded == before:
            return
        fresh = self.tracer.fresh()
        if words := self.written.feed(fresh):
            self._take_words(words)
        same = self.repetition.count(fresh)
        if same > _SAME_CALLS and not self.wire:
            self._finish("idle", f"the last {same:,} BIOS calls asked for nothing new")

    def _take_words(self, words: str) -> None:
        """Take in what has been written through INT 10h."""
        before, self.said = self.said, (self.said + words)[-_SAID_CHARACTERS:]
        if not self.asked_for_kernel:
            for each in self.lookout.written(words, self.machine.now()):
                self._see(each)
        lost = len(before) + len(words) - len(self.said)
        if lost and self.program:
            self.program.forget(before[lost:], "calls")
        if said := complaint(self.said):
            self._finish("complaint", said)
        self._hear_boot_program(self.said, "calls")

    def _hear_boot_program(self, text: str, all_from: str = "") -> None:
        if self.program and not self._kernel_entered:  # then it is the kernel's guest that writes
            self.program.hear(text, self.machine.now(), all_from)

    def _weigh_words(self, program: BootProgram) -> None:
        """End the boot of a program that has said of an error and asks for nothing any more."""
        said = None if self._kernel_entered else program.given_up(self.machine.now())
        if said:
            self._look_at_wire()
            self._finish("boot-program", said)

    def _read_screen(self) -> None:
        """Read what a guest that rests has on its screen."""
        if self._before_a_kernel:
            self.resting.read()
            self._hear_boot_program(self.resting.text, "screen")
        elif self.machine.now() - self.screen_read_at > _READ_SCREEN_S:
            self.screen_read_at = self.machine.now()
            self._look_at_screen()

    @property
    def _before_a_kernel(self) -> bool:
        return self.handoff is None and not self.words.kernel_runs

    @property
    def _wires(self) -> list[int]:
        return [self.wire.fileno()] if self.wire else []

    def _look_at_wire(self) -> None:
        """Take what has happened on the network, and end what cannot come to anything."""
        if self.wire is None:
            return
        facts = self.wire.look(self.machine)
        if facts is None and self.observer and self.observer.wants_progress:
            facts = self.wire.facts()
        if facts is None:
            return
        for name, seconds in milestones(facts).items():
            self._reach(name, seconds)
        if self.observer and self.observer.wants_progress:
            self.observer.events(facts.events)
            for file in facts.files:
                if facts.role(file.name) == "kernel":
                    self.observer.placed(file.sent_bytes, file.file_bytes)
        # what a kernel does on the network is its own affair
        failed = None if self._kernel_entered else certain(facts, self.machine.now())
        if failed:
            self._finish("network", failed[0])

    @property
    def _kernel_entered(self) -> bool:
        return self.handoff is not None or "banner" in self.milestones

    @property
    def _in_kernel(self) -> bool:
        return self._kernel_entered or self.words.kernel_runs

    @property
    def _waits_for_words(self) -> bool:
        """Whether it is words that are wanted of a kernel or its userspace: who is ready when it
        says so may be silent until then, and only the time limit ends that."""
        return self.plan.until not in UNTIL and self._in_kernel

    def _progress(self) -> tuple[int, ...]:
        """Return what changes as long as the guest gets on."""
        wire = self.wire.frames if self.wire else 0
        return (
            self._log_bytes(),
            self.repetition.got_on,
            self.disk_bytes,
            wire,
            hash((self.words.screen, self.resting.seen)),
        )

    def _log_bytes(self) -> int:
        return self.machine.qemu.serial_log.stat().st_size

    def _suspect(self, idle: IdleClock) -> None:
        """Look at the CPU of a guest that has made no progress for a while."""
        idle_s = idle.seconds(self._progress())
        if idle_s < _SUSPICIOUS_S:
            self.samples.clear()
            return
        if self._waits_for_words and idle_s > self.plan.idle_s:
            if self.machine.now() - self.samples[-1].seconds < _LOOK_AT_WAITING_S:
                return
            del self.samples[:-_LOOKS_KEPT]
        self.disk_bytes = self.machine.disk_bytes_read()
        self._sample()
        waits_for_others = self.wire is not None and self.handoff is None
        rests = self._before_a_kernel and self.medium.managed
        kind = hang(
            self.samples,
            idle_s,
            self.tracer.last_call(),
            exact=not self.tracer.attached,
            may_poll=rests,
        )
        self.words.look(self.samples[-1])
        if idle_s > _READ_SCREEN_S:
            self._read_screen()
        if self.ending:
            return
        if rests and self.resting.given_up:
            self._finish("boot-manager")
        elif (
            kind == "loop" or (idle_s > self.plan.idle_s and not self._waits_for_words)
        ) and self._works(idle_s):
            idle.restart()
            self.samples.clear()
        elif kind and not waits_for_others and not self._may_wait(kind):
            self._over(kind)
        elif idle_s > self._patience_s(rests) and not self._awaits_an_answer:
            self._over("idle")

    @property
    def _awaits_an_answer(self) -> bool:
        """Whether it is the network that it waits for, which may still answer."""
        if self.program is None or self._kernel_entered:
            return False
        return self.program.awaits_an_answer(self.machine.now())

    def _may_wait(self, kind: str) -> bool:
        """Whether what looks like a hang may be a userspace that waits for something."""
        return kind == "loop" and self._waits_for_words and self.words.userspace_runs

    def _patience_s(self, rests: bool) -> float:
        if self._waits_for_words:
            return self._limit_s
        if rests and self.resting.for_a_person:
            return max(PERSON_S, self.plan.idle_s)
        return self.plan.idle_s

    def _works(self, idle_s: float) -> bool:
        """Whether a guest without progress only has much to do; then time limits it."""
        if any(
            sweeps_memory(looks, self.machine.are_memory)
            for looks in (self.samples, self._quick_looks())
        ):
            return True
        return idle_s > self.plan.idle_s and runs_new_code(self.samples)

    def _quick_looks(self) -> list[CpuSample]:
        """Look at the CPU often and soon: on a busy host, what goes through memory comes round
        between the ordinary looks. Looks between which it did not run are none."""
        looks = {}
        for _ in range(_QUICK_LOOKS):
            self.machine.wait(Deadline.after(_QUICK_S))
            look = self.machine.sample(exact=not self.tracer.attached)
            looks[look.linear, look.registers] = look
        return list(looks.values())
