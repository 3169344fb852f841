"""Suspect a guest that makes no progress, and end its boot when there is proof, or no patience."""

from msgspec import Struct

from bootharness.machine.machine import Machine
from bootharness.watch.boot_program import BootProgram
from bootharness.watch.course import Course
from bootharness.watch.disk_watch import DiskWatch
from bootharness.watch.hang import hang
from bootharness.watch.hearing import Hearing
from bootharness.watch.idle import IdleClock
from bootharness.watch.known_end import KnownEnd
from bootharness.watch.loading import Loading
from bootharness.watch.looks import Looks
from bootharness.watch.resting import PERSON_S, Resting
from bootharness.watch.work import runs_new_code, sweeps_memory

__all__ = ["Suspicion"]

# without progress for so long, the CPU is looked at: on so many ticks in a row, in which one shows
# that has halted, and then on every other one, for each look has it wait
_SUSPICIOUS_S, _IN_A_ROW, _LOOK_S = 0.2, 4, 0.09
# who is in no loop by then has work to do, and is looked at so often
_AT_WORK_S, _LOOK_AT_WORK_S = 1.5, 0.25
# of a userspace that is waited for, so many looks at the CPU are kept, and made so often
_LOOKS_KEPT, _LOOK_AT_WAITING_S = 100, 0.5


class Suspicion(Struct):
    """Looks at the CPU of a guest that rests, and tells a hang from work and from waiting."""

    course: Course
    machine: Machine
    looks: Looks
    hearing: Hearing
    loading: Loading
    idle: IdleClock
    program: BootProgram | None = None
    disk: DiskWatch | None = None
    known: KnownEnd | None = None
    disk_bytes: int = 0
    waits_for: str | None = None

    @property
    def detail(self) -> str:
        """What a guest that is called idle does all the while."""
        return f"it looks at {self.waits_for} again and again" if self.waits_for else ""

    def look(self) -> str | None:
        """Return how the guest hangs, an `Ending` kind, where it does."""
        progress = self._progress()
        idle_s = self.idle.seconds(progress)
        if self.disk and self.disk.keeps_guest:
            self.idle.restart()
            idle_s = 0.0
        if idle_s < _SUSPICIOUS_S:
            self.looks.samples.clear()
            self.waits_for = None
            return None
        if self._too_soon(idle_s):
            return None
        self.disk_bytes = self.machine.disk_bytes_read()
        self.course.words.look(self.looks.look())
        if self.known and self._is_where_it_was(self.known):
            return self.known.kind
        self.hearing.read_screen(idle_s)
        if self.course.ending:
            return None
        kind = self._judged(idle_s)
        if kind is None:
            return None
        self.loading.drain()
        got_on = self._progress() != progress  # while it was looked at
        return None if got_on else kind

    def _is_where_it_was(self, known: KnownEnd) -> bool:
        """Whether it has come to a loop of which is known that it leads nowhere."""
        calls, entered = self.loading.tracer.total, self.course.handed_off
        return known.is_there(self.looks.samples, calls, self.idle.worked_s, entered=entered)

    def _too_soon(self, idle_s: float) -> bool:
        """Whether it is too soon for another look."""
        samples = self.looks.samples
        waited_for = self.course.waits_for_words and idle_s > self.course.plan.idle_s
        rests_s = _LOOK_S
        if idle_s > _AT_WORK_S:
            rests_s = _LOOK_AT_WAITING_S if waited_for else _LOOK_AT_WORK_S
        if len(samples) >= _IN_A_ROW and self.machine.now() - samples[-1].seconds < rests_s:
            return True
        if waited_for:
            del samples[:-_LOOKS_KEPT]
        return False

    def _judged(self, idle_s: float) -> str | None:
        course = self.course
        rests = course.before_a_kernel and course.medium.managed
        kind = hang(
            self.looks.samples,
            idle_s,
            self.loading.tracer.last_call(),
            exact=self.looks.exact,
            may_poll=rests,
            entered=course.handoff is not None,
        )
        impatient = idle_s > course.plan.idle_s and not course.waits_for_words
        if rests and self._resting.given_up:
            return "boot-manager"
        if (kind == "loop" or impatient) and self._works(idle_s):
            self.idle.restart()
            self.looks.samples.clear()
            return None
        # who has halted with interrupts off hears nothing of a network any more
        listens = course.wire is not None and not course.handed_off and kind != "halted"
        silent = impatient and rests and not self._resting.for_a_person
        followed = (kind == "loop" or silent) and not listens
        if followed and self._may_wait_for_time() and kind == "loop":
            kind = None
        if kind and not listens and not self._may_wait(kind):
            return kind
        patience_s = self._patience_s(rests=rests)
        if (
            idle_s > patience_s
            and not self._awaits_an_answer
            and idle_s > patience_s + self._sleep_s
        ):
            return "idle"
        return None

    @property
    def _resting(self) -> Resting:
        return self.hearing.resting

    def _progress(self) -> tuple[int, ...]:
        """Return what changes as long as the guest gets on."""
        wire = self.course.wire.frames if self.course.wire else 0
        return (
            self.machine.qemu.serial_log.stat().st_size,
            self.loading.repetition.got_on,
            self.disk_bytes,
            wire,
            hash((self.course.words.screen, self._resting.seen)),
        )

    @property
    def _awaits_an_answer(self) -> bool:
        """Whether it is the network that it waits for, which may still answer."""
        if self.program is None or self.course.kernel_entered:
            return False
        return self.program.awaits_an_answer(self.machine.now())

    @property
    def _sleep_s(self) -> float:
        """For how long a boot program may sleep, as its script has it."""
        if self.program is None or self.course.kernel_entered:
            return 0.0
        return self.program.wire.sleep_s()

    def _may_wait(self, kind: str) -> bool:
        """Whether what looks like a hang may be a userspace that waits for something, or the first
        of several CPUs, of which the others are at work."""
        course = self.course
        if self.machine.config.smp > 1 and course.in_kernel:
            return True
        return kind == "loop" and course.waits_for_words and course.words.userspace_runs

    def _may_wait_for_time(self) -> bool:
        """Whether a loop of a loader's looks at the time or a device: it may be a delay."""
        sample = self.looks.samples[-1]
        if not self.looks.exact or self.course.in_kernel:
            return False
        if sample.in_bios:  # of an interrupt, as that of the timer: its own code comes again
            return sample.mode == "real" and not all(each.in_bios for each in self.looks.samples)
        from bootharness.watch.outside import looks_at  # most boots do without

        self.waits_for = self.waits_for or looks_at(self.machine, sample)
        return self.waits_for is not None

    def _patience_s(self, *, rests: bool) -> float:
        if self.course.waits_for_words:
            return self.course.limit_s
        idle_s = self.course.plan.idle_s
        # who counts in silence before an entry is booted asks for a key all the while
        asks = self.waits_for and self.looks.samples[-1].mode != "real"
        waits = rests and (self._resting.for_a_person or asks)
        return max(PERSON_S, idle_s) if waits else idle_s

    def _works(self, idle_s: float) -> bool:
        """Whether a guest without progress only has much to do; then time limits it."""
        samples = self.looks.samples
        if any(
            sweeps_memory(looks, self.machine.are_memory) for looks in (samples, self.looks.quick())
        ):
            return True
        return idle_s > self.course.plan.idle_s and runs_new_code(samples)
