"""Hear what a guest says: on the serial line, on the screen, through the BIOS."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from msgspec import Struct, field

from bootharness.errors import MachineLost, ToolMissing
from bootharness.formats.bioscall import BiosCall
from bootharness.formats.screen_text import ScreenText
from bootharness.host.ocr import Reader
from bootharness.machine.keys import as_sent
from bootharness.machine.machine import Machine
from bootharness.machine.postmortem import picture, screen, undisturbed_screen
from bootharness.plan.prompt import Prompt
from bootharness.trace.arrivals import Arrivals
from bootharness.trace.boot_trace import Ending
from bootharness.trace.milestones import MILESTONES
from bootharness.trace.sighting import Sighting
from bootharness.trace.signs import Sign, complaint
from bootharness.watch.boot_program import BootProgram
from bootharness.watch.course import Course
from bootharness.watch.lookout import Found
from bootharness.watch.resting import Resting
from bootharness.watch.tracers import Tracer

__all__ = ["Hearing"]

# what the guest has written through the BIOS is searched for words: so much of it, the last
_SAID_CHARACTERS = 8192
# after so long without progress, and so often, the screen is read
_READ_SCREEN_S = 1.0
# so often it is looked for a pattern on the screen
_LOOK_AT_SCREEN_S = 0.25
# how much rarer that is done than it takes, and how long OCR is waited for at the end of a boot
_SELDOM, _OCR_S = 5, 10.0
_BEFORE_A_PANIC = ("protected-mode", "banner")


class Hearing(Struct):
    """Takes a guest's words for what they are, and notes it in the course of the boot."""

    course: Course
    machine: Machine
    tracer: Tracer
    resting: Resting
    reader: Reader
    program: BootProgram | None = None
    marker: Sighting | None = None
    sent: list[Sighting] = field(default_factory=list)
    arrivals: Arrivals = field(default_factory=Arrivals)
    _said: str = ""
    _written: ScreenText = field(default_factory=ScreenText)
    _screen_read_at: float = 0.0
    _looked_at: float = 0.0
    _look_s: float = 0.0

    def listen(self) -> None:
        """Read the serial line as far as it goes."""
        course, line = self.course, self.machine.serial
        signs = [*line.signs(course.words.signs)]
        if course.observer and line.fresh:
            course.observer.serial(line.fresh)
        sighted = []
        if line.fresh:
            now = self.machine.now()
            self.arrivals.note(line.fresh, now)
            sighted = course.lookout.heard(line.fresh, now)
        for at, sign, found in signs:
            while sighted and sighted[0].at <= at:
                self._see(sighted.pop(0))
            if course.ending is not None:
                return
            self._hear(sign, found[found.lastindex or 0].decode("utf-8", "replace"))
        for each in sighted:
            self._see(each)

    def look_out(self, *, at_once: bool = False) -> None:
        """Look for a person's pattern in a line that has not ended, and on the screen; at the end
        of a boot ``at_once``."""
        for each in self.course.lookout.rested(self.machine.now(), at_once=at_once):
            self._see(each)
        self._look_for_pattern(at_once=at_once)

    def look_for_banned(self) -> None:
        """Look once more, of a boot that has come as far as wanted, for a picture that makes it
        bad: it may have come since.

        Raises MachineLost where nobody can see the screen.
        """
        course, now = self.course, self.machine.now()
        if not course.lookout.banned or (course.asked_for_kernel and not course.in_kernel):
            return
        for each in course.lookout.pictured(picture(self.machine), now):
            if not each.wanted and not each.prompt:
                course.failed_on = course.failed_on or each.sighting
        if course.failed_on:
            course.ending = Ending("failed-on", round(now, 6), course.failed_on.line)

    def _look_for_pattern(self, *, at_once: bool) -> None:
        """Look for a person's pattern on the screen, or a picture, of a guest that does not notice
        that."""
        course, now = self.course, self.machine.now()
        before_kernel = course.asked_for_kernel and not course.in_kernel
        if not course.lookout.reads_screen or (before_kernel and not course.lookout.prompts):
            return
        if not at_once and now - self._looked_at < max(_LOOK_AT_SCREEN_S, self._look_s * _SELDOM):
            return
        with suppress(MachineLost):
            for each in self._found_on_screen(before_kernel=before_kernel, at_once=at_once):
                self._see(each)
        self._looked_at = self.machine.now()
        self._look_s = self._looked_at - now

    def _found_on_screen(self, *, before_kernel: bool, at_once: bool) -> Iterator[Found]:
        """Yield what is found in the text of a text mode, on the picture, and in what OCR reads off
        the picture of another mode."""
        lookout, text = self.course.lookout, ""
        if lookout.reads_words:
            read = screen if self.tracer.attached else undisturbed_screen
            text = read(self.machine)
            yield from lookout.shown(text, self.machine.now(), before_kernel=before_kernel)
        by_ocr = lookout.reads_words and not text.strip() and self.reader.here
        if not by_ocr and not lookout.looks_at_pictures:
            return
        shown = picture(self.machine)
        if lookout.looks_at_pictures:
            yield from lookout.pictured(shown, self.machine.now(), before_kernel=before_kernel)
        if by_ocr:
            words = self.reader.text_of(shown, _OCR_S) if at_once else self.reader.said()
            self.reader.give(shown)
            if words is not None:
                now = self.machine.now()
                yield from lookout.shown(words, now, before_kernel=before_kernel, by="ocr")

    def read_off(self) -> str:
        """Return what OCR reads off the screen as it is at the end of a boot; it may be wrong."""
        if not self.reader.here:
            return ""
        try:
            return self.reader.text_of(picture(self.machine), _OCR_S)
        except (MachineLost, ToolMissing):
            return ""

    def pass_over_screen(self) -> None:
        """Take it that what is on the screen is not what is looked for: it is somebody else's."""
        lookout = self.course.lookout
        with suppress(MachineLost):
            seen = picture(self.machine) if lookout.looks_at_pictures else None
            lookout.pass_over(screen(self.machine), seen)

    def _see(self, found: Found) -> None:
        """Take what a person's pattern was found in: a kernel that was given has to have written
        what it had to come to."""
        course, sighting = self.course, found.sighting
        if course.ending is not None:
            return
        if found.prompt:
            self._type(found.prompt, sighting)
        elif not found.wanted:
            course.failed_on = course.failed_on or sighting
        elif not self._may_say(sighting):
            course.lookout.look_again()
        elif course.panic is None and not course.crash and not course.failed_on:
            if course.words.kernel_runs:
                course.words.spoke_on(sighting.on)
            self.marker = sighting
            course.finish("reached")

    def _may_say(self, sighting: Sighting) -> bool:
        """Whether what was wanted can have been written by who was to write it."""
        course = self.course
        if not course.asked_for_kernel or course.entered_no_linux:
            return True
        return course.words.of_a_kernel(sighting.line)

    def _type(self, prompt: Prompt, sighting: Sighting) -> None:
        """Type what was asked for, where it was asked."""
        self.sent.append(sighting)
        if sighting.on == "screen":
            self.machine.type_keys(prompt.keys)
        else:
            self.machine.serial.send(as_sent(prompt.keys))

    def _hear(self, sign: Sign, text: str) -> None:
        course = self.course
        if not course.words.believed(sign, text):
            return
        if sign.name in MILESTONES:
            course.reach(sign.name, self.machine.now())
        elif sign.name == "boot-program":
            self._hear_boot_program(f"{text}\n")  # of which the line's end is no part
        elif sign.name == "firmware-crash":
            if not course.kernel_entered:
                course.crash = course.crash or text.strip()
        elif sign.name == "firmware-last-words":
            if course.crash:
                course.finish("firmware-crash", course.crash)
        elif sign.name == "complaint":
            self._hear_complaint(text)
        elif sign.name == "memory-told":
            if course.memory_told_by:
                course.finish("reached")
        elif sign.name == "panic":
            self._hear_panic(sign, text)
        elif course.panic is not None:
            course.finish("panic", course.panic)

    def _hear_complaint(self, text: str) -> None:
        course = self.course
        # before the boot services end it may be a boot manager that shows a kernel's file
        if course.handed_off or course.medium.device.firmware != "uefi":
            course.finish("complaint", text.strip())

    def _hear_panic(self, sign: Sign, text: str) -> None:
        course = self.course
        if course.plan.until in _BEFORE_A_PANIC:
            course.words.spoke_of(sign)  # the banner, hidden from this line, came before
            course.finish("reached")
        else:
            course.panic = text

    def kernel_spoke(self) -> None:
        """Take other words than its banner for a sign of a kernel, too, and a userspace that runs
        for one that was reached."""
        course = self.course
        if course.words.userspace_runs and course.plan.initrd is not None:
            course.reach("init", self.machine.now())
        elif course.words.spoke() and course.plan.until in _BEFORE_A_PANIC:
            course.finish("reached")

    def take(self, fresh: Iterable[BiosCall]) -> None:
        """Take in what has been written through INT 10h."""
        words = self._written.feed(fresh)
        if not words:
            return
        before, self._said = self._said, (self._said + words)[-_SAID_CHARACTERS:]
        if not self.course.asked_for_kernel or self.course.entered_no_linux:
            for each in self.course.lookout.written(words, self.machine.now()):
                self._see(each)
        lost = len(before) + len(words) - len(self._said)
        if lost and self.program:
            self.program.forget(before[lost:], "calls")
        if said := complaint(self._said):
            self.course.finish("complaint", said)
        self._hear_boot_program(self._said, "calls")

    def _hear_boot_program(self, text: str, all_from: str = "") -> None:
        if self.program and not self.course.kernel_entered:  # then it is its guest that writes
            self.program.hear(text, self.machine.now(), all_from)

    def read_screen(self, idle_s: float) -> None:
        """Read what a guest that has rested for a while has on its screen."""
        if idle_s <= _READ_SCREEN_S:
            return
        if self.course.before_a_kernel:
            self.resting.read()
            self._hear_boot_program(self.resting.text, "screen")
        elif self.machine.now() - self._screen_read_at > _READ_SCREEN_S:
            self._screen_read_at = self.machine.now()
            self.hear_screen()

    def hear_screen(self) -> None:
        """Hear on the screen what a kernel that keeps silent on the serial line has said."""
        if "banner" in self.course.milestones:
            return
        for sign, text in self.course.words.on_screen():
            self._hear(sign, text)
        self.kernel_spoke()
