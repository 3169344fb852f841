"""What a boot has come to, what it is to come to, and whether it is over."""

from typing import TYPE_CHECKING

from msgspec import Struct, field

from bootharness.errors import PromptNotSeen
from bootharness.host.deadline import Deadline
from bootharness.machine.machine import Machine
from bootharness.plan import UNTIL, BootPlan
from bootharness.plan.prompt import Prompt
from bootharness.routes.medium import Medium
from bootharness.routes.table import ROUTES
from bootharness.trace.boot_trace import Ending
from bootharness.trace.handoff import Handoff
from bootharness.trace.machine_facts import CpuSample
from bootharness.trace.milestones import MILESTONES, Milestone
from bootharness.trace.observer import Observer
from bootharness.trace.sighting import Sighting
from bootharness.trace.uefi_handoff import UefiHandoff
from bootharness.watch.lookout import Lookout
from bootharness.watch.words import Words

if TYPE_CHECKING:
    from bootharness.routes.net_connection import Connection

__all__ = ["Course"]

# how soon behind its banner a kernel tells of its command line, and then of its memory
_MEMORY_TOLD_S = 5.0
# protected-mode code below is the BIOS's, which uses it to talk to disks
_PROTECTED_FROM = 0x100000
_NEVER_A_BIOS = ("paged", "long")
_TARGETS = {"setup": "setup-entered"}
_PASS_OTHERS = ("banner", "init")


class Course(Struct):
    """One boot's state, which all who watch it share."""

    machine: Machine
    medium: Medium
    plan: BootPlan
    words: Words
    lookout: Lookout
    observer: Observer | None = None
    milestones: dict[str, float] = field(default_factory=dict)
    handoff: Handoff | None = None
    uefi_handoff: UefiHandoff | None = None
    ending: Ending | None = None
    panic: str | None = None
    crash: str = ""
    failed_on: Sighting | None = None
    memory_told_by: Deadline | None = None

    @property
    def wire(self) -> "Connection | None":
        """The network that the machine boots from, if it does."""
        return self.medium.wire

    @property
    def limit_s(self) -> float:
        """The time limit, with what the faults cost that were asked for."""
        faulty = self.medium.faulty
        cost_s = self.wire.faults_cost_s if self.wire else 0.0
        return self.plan.timeout_s + cost_s + (faulty.cost_s if faulty else 0.0)

    @property
    def asked_for_kernel(self) -> bool:
        """Whether it is the boot of a kernel that was given, and not of what is on a disk."""
        return not self.medium.brought

    @property
    def names_kernel(self) -> bool:
        """Whether the kernel that is known is the one of this boot: it was asked for, or entered.

        What a boot manager has read beside may be another.
        """
        return self.asked_for_kernel or self.handed_off or self.words.heard.release is not None

    @property
    def handed_off(self) -> bool:
        """Whether a kernel was seen being entered."""
        return self.handoff is not None or self.uefi_handoff is not None

    @property
    def kernel_base(self) -> int | None:
        """Where a kernel lies that has ended the boot services of a UEFI, linear."""
        return self.uefi_handoff.base if self.uefi_handoff else None

    @property
    def kernel_entered(self) -> bool:
        """Whether a kernel was seen being entered, or has said which it is."""
        return self.handed_off or "banner" in self.milestones

    @property
    def in_kernel(self) -> bool:
        """Whether a kernel was entered, or runs though nobody saw that."""
        return self.kernel_entered or self.words.kernel_runs

    @property
    def entered_no_linux(self) -> bool:
        """Whether a kernel was seen being entered, all of it as in its file, that has nothing
        compressed in it as Linux has: one that need not leave real mode, as iPXE's."""
        kernel = self.medium.kernel
        whole = self.handoff is not None and self.handoff.memory_equal is True
        return whole and kernel is not None and not kernel.header.payload_length

    @property
    def before_a_kernel(self) -> bool:
        """Whether it is still a boot manager that runs."""
        return not self.handed_off and not self.words.kernel_runs

    @property
    def waits_for_words(self) -> bool:
        """Whether it is words that are wanted of a kernel or its userspace: who is ready when it
        says so may be silent until then, and only the time limit ends that."""
        return self.plan.until not in UNTIL and self.in_kernel

    @property
    def has_userspace(self) -> bool:
        """Whether somebody's own /init has begun, and no more is wanted than that."""
        return "init" in self.milestones and self.plan.until in UNTIL

    @property
    def init_is_ours(self) -> bool:
        """Whether the /init is ours, which says itself that it lives; of another the kernel says
        only that it is about to run it, and then perhaps that it cannot."""
        return self.plan.initrd is None and "initrd" in ROUTES[self.plan.route].takes

    def reach(self, name: str, seconds: float) -> None:
        """Note a milestone, and end the boot if that was wanted."""
        if name in self.milestones:
            return
        if name in ("banner", "init"):  # nobody prints a banner in real mode
            self.reach("protected-mode", seconds)
        self.milestones[name] = round(seconds, 6)
        if self.observer:
            self.observer.milestone(Milestone(name, self.milestones[name]))
        lives = name != "init" or self.init_is_ours
        if not self._has_passed(name) or not lives:
            return
        if name == "banner" and not self.handed_off:
            # only the kernel itself can tell which command line and memory it was told of
            self.memory_told_by = Deadline.after(_MEMORY_TOLD_S)
        else:
            self.finish("reached")

    def _has_passed(self, name: str) -> bool:
        """Whether what was wanted is a milestone, or comes before it: a kernel that was told to be
        quiet has no banner, but whoever is in userspace has passed it; and one that was entered
        at its 32-bit entry never enters its setup code."""
        target = _TARGETS.get(self.plan.until, self.plan.until)
        if name not in _PASS_OTHERS or target not in MILESTONES:
            return name == target
        return MILESTONES.index(target) <= MILESTONES.index(name)

    def saw(self, sample: CpuSample) -> None:
        """Take protected mode from a look at the CPU."""
        entered = "setup-entered" in self.milestones
        high = sample.mode != "real" and sample.linear >= _PROTECTED_FROM
        if entered and (high or sample.mode in _NEVER_A_BIOS):
            self.reach("protected-mode", sample.seconds)

    def finish(self, kind: str, detail: str = "") -> None:
        """End the boot, unless it has ended.

        Raises PromptNotSeen when it has come as far as wanted, but never asked for what was to be
        typed.
        """
        if kind == "reached" and self.failed_on:
            return
        if kind == "reached" and self.lookout.prompts and self.ending is None:
            raise _never_asked(self.lookout.prompts[0])
        if self.ending is None:
            self.ending = Ending(kind, round(self.machine.now(), 6), detail)


def _never_asked(prompt: Prompt) -> PromptNotSeen:
    return PromptNotSeen(
        f"the boot came as far as wanted, and {prompt.pattern!r} was not seen by then, so "
        f"{prompt.text!r} was not typed: it need not be the boot that was to be tested"
    )
