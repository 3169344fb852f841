"""Kernels that a boot manager has started and nobody saw being entered; their words are those of
real boots of Debian's Xen and GNU Mach."""

import pytest
from msgspec.structs import replace

from bootharness.diagnosis import Verdict, judge
from bootharness.trace.boot_trace import BootTrace, Ending
from bootharness.trace.booted import LoaderFacts
from bootharness.trace.heard import Heard
from bootharness.trace.machine_facts import CpuSample, PostMortem
from tests.support.traces import handoff, loading_trace, move

XEN = CpuSample(5.0, 0xFFFF82D0402F9A40, 0xE008, 0x9A40, "long", False, False)
MULTIBOOT = CpuSample(5.0, 0x1002E0, 0x10, 0x2E0, "protected", False, True)
MODULE = replace(MULTIBOOT, linear=0x1FFB0000)
GRUB = replace(
    loading_trace(1008, [move(0x100000, 1008)]),
    manager="GRUB",
    kernel=None,
    until="banner",
    ending=Ending("guest-reset", 5.68),
    samples=(XEN,),
)
PANIC = (
    "(XEN) ****************************************\r\n"
    "(XEN) Panic on CPU 0:\r\n"
    "(XEN) dom0 kernel not specified. Check bootloader configuration\r\n"
    "(XEN) ****************************************\r\n(XEN) \r\n"
    "(XEN) Reboot in five seconds...\r\n"
)
CRASHED = "about to get started...\r\n(XEN) Hardware Dom0 crashed: rebooting in 5 seconds.\r\n"


def said(trace: BootTrace) -> str:
    judgement = judge(trace)
    assert judgement.cause == "started-kernel-stopped", judgement.summary
    assert judgement.verdict is Verdict.BAD
    assert judgement.consequences == ()
    return judgement.summary


def test_xen_is_quoted() -> None:
    reset = "and was reset at 0xffff82d0402f9a40 in long mode 5.68 s after launch"
    assert said(replace(GRUB, serial=PANIC)) == (
        'Xen gave up: it says "dom0 kernel not specified. Check bootloader configuration", ' + reset
    )
    crashed = f'Xen gave up: it says "Hardware Dom0 crashed: rebooting in 5 seconds.", {reset}'
    assert said(replace(GRUB, serial=CRASHED)) == crashed
    # of a Dom0 that has told its banner Xen says it all the same
    assert said(replace(GRUB, serial=CRASHED, heard=Heard(release="6.1.0"))) == crashed


def test_xen_that_says_nothing_of_it_is_told_with_its_last_line() -> None:
    assert said(replace(GRUB, serial="(XEN) one\r\n(XEN) Freed 656kB init memory\r\n")) == (
        "Xen was reset at 0xffff82d0402f9a40 in long mode 5.68 s after "
        'launch; its last line is "(XEN) Freed 656kB init memory"'
    )


@pytest.mark.parametrize(
    ("kind", "did"),
    [
        ("halted",
         ", and has halted the CPU with interrupts off at 0xffff82d0402f9a40 17.50 s after launch"),
        ("idle", ", and makes no progress any more at 0xffff82d0402f9a40 17.50 s after launch"),
        ("timeout", ""),
    ],
)  # fmt: skip
def test_a_panic_of_any_kernel_is_quoted(kind: str, did: str) -> None:
    line = "panic ../kern/bootstrap.c:181: bootstrap_create: No bootstrap code loaded!"
    mach = replace(GRUB, ending=Ending(kind, 17.5), serial=f"RTC time is 16:38\n\r{line}\r\n")
    assert said(mach) == f'the kernel that GRUB started gave up: it says "{line}"{did}'


def test_a_kernel_by_multiboot_is_not_called_the_boot_manager() -> None:
    idle = replace(GRUB, ending=Ending("idle", 9.0), samples=(MULTIBOOT,))
    assert said(replace(idle, serial="hello\r\n")) == (
        "the kernel that GRUB started makes no progress any more at 0x1002e0 9.00 s after launch; "
        'its last line is "hello"'
    )
    screen = PostMortem("paused", MULTIBOOT, "", 32, 0, "", screen="Press any key")
    waits = judge(replace(idle, post_mortem=screen))
    assert waits.cause == "boot-menu-waits"
    assert waits.summary.startswith("the kernel that GRUB started waits for a person")
    silent = judge(idle)
    assert (silent.verdict, silent.cause) == (Verdict.SKIP, "kernel-silent")
    assert silent.summary == (
        "the kernel that GRUB started runs at 0x1002e0 in protected mode, but writes nothing on "
        "the serial line: how far it has come is not known"
    )


def test_who_was_seen_last_of_those_that_are_no_bios_and_no_linux_ran() -> None:
    idle = replace(GRUB, ending=Ending("idle", 9.0), serial="hello\r\n")
    bios = replace(MULTIBOOT, linear=0xF1234, cs=0xF000, mode="real")
    linux = replace(XEN, linear=0xFFFFFFFF81000000)
    assert "the kernel that GRUB started makes" in said(replace(idle, samples=(MULTIBOOT, bios)))
    for samples in ((MODULE, linux), (MULTIBOOT, MODULE), (bios,), (linux,), ()):
        assert "GRUB started" not in judge(replace(idle, samples=samples)).summary
    entered = replace(idle, samples=(MULTIBOOT,), handoff=handoff(1))
    assert "GRUB started" not in judge(entered).summary


@pytest.mark.parametrize(
    "trace",
    [
        replace(GRUB, samples=(MODULE,)),
        replace(GRUB, samples=(MULTIBOOT,), manager="SYSLINUX"),
        replace(GRUB, loader=LoaderFacts("own", "", {})),
    ],
)
def test_a_boot_manager_s_own_code_and_ours_are_no_kernel(trace: BootTrace) -> None:
    assert judge(trace).cause == "triple-fault"
    assert judge(replace(trace, ending=Ending("idle", 9.0))).cause == "stage1-hang"
