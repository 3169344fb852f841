"""Watch a machine boot: note every milestone, look at the handoff, know when it is over."""

from contextlib import suppress

from msgspec import Struct, field
from msgspec.structs import replace

from bootharness.errors import HostBusy, MachineLost, TimeTooShort
from bootharness.formats.bioscall import Registers
from bootharness.host.deadline import Deadline
from bootharness.host.ocr import Reader
from bootharness.machine.machine import Machine
from bootharness.machine.tape import MOST_BYTES
from bootharness.plan import SHUTDOWN
from bootharness.text import count
from bootharness.trace.boot_trace import CRASH_REPORTED, PANIC_REPORTED, Ending
from bootharness.trace.handoff import Handoff
from bootharness.trace.machine_facts import QmpEvent
from bootharness.trace.uefi_calls import rests_in_setup
from bootharness.trace.uefi_last_words import found_nothing
from bootharness.trace.uefi_shell import rests_in_shell
from bootharness.watch.boot_program import BootProgram
from bootharness.watch.course import Course
from bootharness.watch.disk_watch import DiskWatch
from bootharness.watch.entry import header_entered, look, of_boot_sector
from bootharness.watch.hearing import Hearing
from bootharness.watch.idle import IdleClock
from bootharness.watch.known_end import KnownEnd
from bootharness.watch.loading import Loading
from bootharness.watch.looks import Looks
from bootharness.watch.resting import Resting
from bootharness.watch.saving import Saving
from bootharness.watch.suspicion import Suspicion
from bootharness.watch.tracers import Stop, Tracer
from bootharness.watch.uefi_entry import image_in_memory, look_uefi

__all__ = ["Watch"]

_TICK_S = 0.05
# of a guest that has little of the host: looking at it costs more of that
_LONGEST_TICK_S = 0.2
# of a machine that took so long for what it was asked at one tick
_LATE_S = 1.0
# how long a kernel that panics may go on printing, and an /init of somebody's must live
_LAST_WORDS_S = 0.5
# a guest that was given less of the time limit cannot be blamed for not being ready
_LEAST_SHARE = 0.4
_EVENTS = 1000
# a script of the UEFI's shell has its lines behind a prompt, as a person has
_PROMPT_S = 0.5
# for a machine to stop that floods what it is told to by
_STOP_S = 2.0
# what Linux finds of a machine whose ticks come late, as those of a QEMU do that had to wait for a
# CPU of the host for more of the time than this
_TICKS_MISSED, _STARVED = "timer doesn't work", 0.05
# the ends of a boot whose boot program may have lost its way as the host gave it nothing; what is
# on the wire and in the guest is a little before and behind that
_SILENT, _BESIDE_S = ("boot-program", "idle", "timeout"), 1.0
# the wall clock's share of the time limit, and a little more for the end of a boot
_WALL, _WALL_S = 1.2, 1.0


class Watch(Struct):
    """One boot as it goes on. `run` returns when it is over; what was seen is in its parts."""

    course: Course
    machine: Machine
    tracer: Tracer
    hearing: Hearing
    loading: Loading
    looks: Looks
    saving: Saving
    idle: IdleClock
    program: BootProgram | None = None
    disk: DiskWatch | None = None
    known: KnownEnd | None = None
    events: list[QmpEvent] = field(default_factory=list)
    foreign_bytes: int = 0

    @classmethod
    def of(
        cls, course: Course, tracer: Tracer, reader: Reader, known: KnownEnd | None = None
    ) -> "Watch":
        """Return the watch over a machine's course."""
        machine = course.machine
        program = BootProgram(course.wire) if course.wire else None
        hearing = Hearing(course, machine, tracer, Resting(machine), reader, program)
        loading = Loading(course, machine, tracer, hearing)
        idle = IdleClock(machine)
        saving = Saving(machine, course.medium, tracer, loading, idle)
        faulty = course.medium.faulty
        looks = Looks(machine, tracer, may_owe=faulty is not None and faulty.may_wait)
        disk = DiskWatch(faulty, course, loading) if faulty else None
        return cls(
            course, machine, tracer, hearing, loading, looks, saving, idle, program, disk, known
        )

    def run(self) -> Ending:
        """Watch until the boot has come as far as wanted, or has failed, or time is up.

        Raises MachineLost when QEMU or gdb goes away, HostBusy when time is up and QEMU had
        little of it, or a kernel found no other fault than that.
        """
        course, idle = self.course, self.idle
        suspicion = Suspicion(
            course, self.machine, self.looks, self.hearing, self.loading, idle, self.program,
            self.disk, self.known,
        )  # fmt: skip
        self.tracer.start()
        if course.medium.kernel:
            _ = course.medium.kernel.sha256  # hashed while the machine is busy
        last_words: Deadline | None = None
        while course.ending is None:
            tick_s = min(_TICK_S / max(idle.share, _TICK_S), _LONGEST_TICK_S)
            self.machine.wait(Deadline.after(tick_s), *self.tracer.files, *self._wires)
            # of a network QEMU forgets what comes while the machine stands still
            if self.machine.recorded and not course.wire and idle.step_s > _LATE_S:
                self.machine.hold()
            self.saving.look()
            self._take_in()
            self._check_tape()
            if course.panic is not None or course.crash or course.failed_on or course.has_userspace:
                last_words = last_words or Deadline.after(_LAST_WORDS_S)
                if last_words.expired:
                    self.hearing.listen()
                    self._over("timeout")
            kind = suspicion.look() if course.ending is None else None
            if kind:
                self._over(kind, suspicion.detail if kind == "idle" else "")
            if course.ending is None and self._is_time_up():
                self.hearing.listen()
                self._out_of_time()
            if course.ending is None:
                self.machine.let_go()
        if course.ending.kind == "reached":
            self.hearing.look_for_banned()
        if self.machine.answers:
            self.loading.drain()
            self.loading.identify_kernel()
            self.loading.report()
        with suppress(MachineLost):  # QEMU may be gone by now
            self.loading.hear_bios()
        if course.ending.kind == "panic" and _TICKS_MISSED in course.ending.detail:
            self._see_whose_ticks_were_missed(course.ending)
        if course.ending.kind in _SILENT and not course.kernel_entered:
            self._see_what_stopped_a_file()
        return course.ending

    @property
    def _wires(self) -> list[int]:
        both = (self.course.wire, self.course.medium.faulty)
        return [each.fileno() for each in both if each]

    def _take_in(self) -> None:
        """Take in what has happened since the last tick."""
        course = self.course
        self.hearing.listen()
        self.loading.look_at_wire()
        self._take_events()
        if self.disk and course.ending is None:
            self.disk.look()
        if course.ending is None and course.memory_told_by and course.memory_told_by.expired:
            course.finish("reached")
        if course.ending is None:
            self._look_around()
        if course.ending is None and self.program:
            self._weigh_words(self.program)

    def _take_events(self) -> None:
        """Take what QMP tells, and for what the tracer has stopped the machine."""
        events = self.machine.events()
        self.events += events[: _EVENTS - len(self.events)]
        for stop in self.tracer.stops(events):
            self._stopped(stop)
        for event in events:
            if event.name == "SHUTDOWN":
                self._catch_up()
                self.course.saw(self.looks.look())
                reset = event.data.get("reason") == "guest-reset"
                self._over("guest-reset" if reset else self._switched_off())
            elif event.name in ("SUSPEND", "SUSPEND_DISK"):
                self._catch_up()
                self._over("guest-suspended")
            elif event.name == "GUEST_CRASHLOADED" and self.course.ending is None:
                if self.disk:
                    self.disk.disk.let_go()
                with suppress(MachineLost):  # it may tell of that so often that nothing else comes
                    self.machine.stop(_STOP_S)
                    self.loading.drain()
                self.hearing.listen()
                self.course.finish("panic", self.course.panic or CRASH_REPORTED)

    def _catch_up(self) -> None:
        self.loading.drain()
        self.hearing.listen()

    def _switched_off(self) -> str:
        """Return how a boot ends whose guest has switched the machine off: well, if that was wanted
        and it was a kernel that did it."""
        course = self.course
        runs = course.words.kernel_runs or (
            course.handoff and "protected-mode" in course.milestones
        )
        by_kernel = runs and not course.words.is_bare(self.looks.samples[-1])
        return "reached" if course.plan.until == SHUTDOWN and by_kernel else "guest-shutdown"

    def _stopped(self, stop: Stop) -> None:
        self.loading.drain()  # what was written on the screen comes first
        if stop.reason == "handoff":
            self._handed_off(stop)
        elif stop.reason == "savable":
            self.saving.before_disk(stop.at)
        elif stop.reason == "boot-services-ended":
            self._ended_boot_services(stop)
        elif stop.reason == "loops":
            self.looks.look()
            self.course.finish("loop")
        elif stop.reason == "gave-up":
            self.course.finish("boot-failed" if stop.interrupt == 0x18 else "bootstrap")
        else:
            self.hearing.listen()
            self.course.finish("panic", self.course.panic or PANIC_REPORTED)
        if self.course.ending is None:
            self.tracer.resume(stop)

    def _handed_off(self, stop: Stop) -> None:
        course = self.course
        if course.handoff is not None or stop.registers is None:
            return
        self.hearing.listen()  # what a loader has said is not its kernel's
        entered = header_entered(self.machine, stop.registers, exact=stop.exact)
        self.loading.identify_kernel(entered)
        self.loading.report()
        self.foreign_bytes = self.tracer.foreign_bytes
        course.handoff = self._look(stop, stop.registers)
        if course.handoff.memory_equal is False and not course.asked_for_kernel:
            self.loading.piece_together(course.handoff)
            course.handoff = self._look(stop, stop.registers)
            if course.handoff.memory_equal is False and not self.loading.in_one_piece():
                course.handoff = replace(course.handoff, real_mode=None, payload=None)
        course.words.entered = True
        if course.lookout.reads_screen and course.asked_for_kernel:
            self.hearing.pass_over_screen()
        course.reach("setup-entered", stop.at)
        if course.handoff.memory_equal is False and course.ending is None:
            course.finish("memory-differs")

    def _ended_boot_services(self, stop: Stop) -> None:
        course = self.course
        if course.uefi_handoff is not None:
            return
        self.hearing.listen()  # what a boot manager has said is not its kernel's
        found = image_in_memory(self.machine, stop.caller)
        self.loading.identify_uefi_kernel(stop.caller, found[1] if found else None)
        medium, calls = course.medium, self.tracer.uefi_calls()
        course.uefi_handoff = look_uefi(
            self.machine, medium.kernel, medium.initrd, found, calls, stop.caller, stop.at
        )
        course.words.entered = True
        course.reach("boot-services-ended", stop.at)
        if course.uefi_handoff.memory_equal is False and course.ending is None:
            course.finish("memory-differs")

    def _look(self, stop: Stop, registers: Registers) -> Handoff:
        """Look at what is entered, and at what lies in memory."""
        medium, before = self.course.medium, self.tracer.total
        handoff = look(
            self.machine,
            medium.kernel,
            medium.initrd,
            registers,
            exact=stop.exact,
            calls=before if stop.exact else before - 1,
            seconds=round(stop.at, 6),
        )
        if self.course.asked_for_kernel or medium.disk is None:
            return handoff
        return of_boot_sector(handoff, medium.disk.facts, self.tracer.calls())

    def _look_around(self) -> None:
        """What nobody reports has to be looked at: progress, and the CPU's mode."""
        if self.loading.follow():
            self._look_for_kernel()
            self.hearing.look_out()
            calls = () if self.course.in_kernel else self.tracer.uefi_calls()
            if self.idle.idle_s > _PROMPT_S and rests_in_shell(calls):
                self.course.finish("boot-manager", "the UEFI shell waits for a person")
            elif found_nothing(calls):
                self.course.finish("boot-manager", "the UEFI has nothing left that it could boot")
            elif rests_in_setup(calls) and not self.course.plan.send:
                self.course.finish("boot-manager", "the UEFI's own menu waits for a person")
        milestones = self.course.milestones
        if "setup-entered" in milestones and "protected-mode" not in milestones:
            self.course.saw(self.machine.sample())

    def _look_for_kernel(self) -> None:
        """Look whether a kernel runs whose banner has not come, or an /init of somebody's."""
        course = self.course
        entered = course.handoff or course.medium.device.firmware == "uefi"
        wanted = "banner" not in course.milestones or (
            course.plan.until == "init" and course.plan.initrd is not None
        )
        if entered and wanted and "init" not in course.milestones:
            sample = self.machine.sample()
            course.saw(sample)
            course.words.look(sample)
            self.hearing.kernel_spoke()

    def _weigh_words(self, program: BootProgram) -> None:
        """End the boot of a program that has said of an error and asks for nothing any more."""
        said = None if self.course.kernel_entered else program.given_up(self.machine.now())
        if said:
            self.loading.look_at_wire()
            self.course.finish("boot-program", said)

    def _over(self, kind: str, detail: str = "") -> None:
        """Finish a boot that will say no more: as a panic, as good, or as ``kind``."""
        course = self.course
        self.hearing.hear_screen()
        self.hearing.look_out(at_once=True)
        if course.failed_on:
            course.finish("failed-on", course.failed_on.line)
        if course.panic is not None:
            course.finish("panic", course.panic)
        if course.crash:
            course.finish("firmware-crash", course.crash)
        if course.has_userspace:
            course.finish("reached")
        course.finish(kind, detail)

    def _check_tape(self) -> None:
        """Raise MachineLost for a recorded machine that has more to write down than is kept."""
        if (size := self.machine.tape_bytes) > MOST_BYTES:
            raise MachineLost(
                f"its tape has {size >> 20:,} MB after {self.machine.now():.0f} s and grows on, "
                "and none of more is kept"
            )

    def _is_time_up(self) -> bool:
        limit_s = self.course.limit_s
        waited_s = self.machine.now() - self.machine.qemu.saved_s
        return self.idle.awake_s > limit_s or waited_s > limit_s * _WALL + _WALL_S

    def _see_whose_ticks_were_missed(self, ending: Ending) -> None:
        starved_s = self.machine.qemu.starved_seconds()
        waited_s = ending.seconds - self.machine.qemu.saved_s
        if starved_s > _STARVED * waited_s:
            raise HostBusy(
                f'the kernel panicked: "{ending.detail}", and the host had QEMU wait for '
                f"{starved_s:.1f} s of {waited_s:.1f} s, which makes its ticks come late: "
                "boot fewer at once, or with no_timer_check on the command line"
            )

    def _see_what_stopped_a_file(self) -> None:
        file = self.program.on_its_way() if self.program else None
        if file is None or self.course.plan.net.faults:
            return
        for gap in self.idle.gaps:
            if gap.begins - _BESIDE_S <= file.last_at <= gap.ends + _BESIDE_S:
                raise HostBusy(
                    f"{file.name} stopped on its way, after {file.sent_bytes:,} of "
                    f"{count(file.file_bytes, 'byte')}, while the host gave QEMU next to nothing "
                    f"for {gap.seconds:.1f} s: boot fewer at once"
                )

    def _out_of_time(self) -> None:
        course, limit_s = self.course, self.course.limit_s
        if course.ending is not None:
            return
        if self.machine.slow and course.panic is None and not course.has_userspace:
            raise HostBusy(
                f"KVM is slow here, and the {limit_s:.0f} s of the time limit were not enough: "
                "give it more time (--timeout) or take --accelerator tcg"
            )
        if self.idle.given_s < limit_s * _LEAST_SHARE:
            raise HostBusy(
                f"the host gave QEMU {self.idle.given_s:.0f} s in the {limit_s:.0f} s of the time "
                "limit: give it more time (--timeout) or fewer boots at once"
            )
        if self.disk:
            self.disk.check_time()
        coming = ""
        if self.program and not course.kernel_entered:
            coming = self.program.still_coming(course.plan, self.machine.now())
        if coming:
            raise TimeTooShort(
                f"the {limit_s:.0f} s of the time limit were over while {coming}: give it more "
                "time (--timeout)"
            )
        self._over("timeout")
