"""Kernels that say little, or nothing where the harness listens: what is proven all the same."""

import pytest

from bootharness.diagnosis import Judgement, Verdict, judge
from bootharness.one_boot import boot
from bootharness.plan import BootPlan
from bootharness.trace.boot_trace import BootTrace


def booted(
    kernel: str, cmdline: str, until: str, idle_s: float = 15
) -> tuple[BootTrace, Judgement]:
    trace = boot(kernel, BootPlan(cmdline=cmdline, until=until, timeout_s=120, idle_s=idle_s))
    return trace, judge(trace)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("cmdline", "until", "words"),
    [
        ("console=ttyS0 quiet", "init", "userspace alive"),
        ("console=ttyS0 quiet panic=-1", "banner", "other words on the serial line"),
        ("console=ttyS0 loglevel=1 panic=-1", "banner", "other words on the serial line"),
        ("console=tty0", "init", "userspace alive"),
        ("console=tty0", "banner", "other words on the screen"),
    ],
)
def test_kernel_without_a_banner_on_the_line_is_good(
    debian: str, cmdline: str, until: str, words: str
) -> None:
    trace, judgement = booted(debian, cmdline, until)
    assert judgement.verdict is Verdict.GOOD, judgement.summary
    assert words in judgement.summary
    assert not trace.reached("banner")


@pytest.mark.long
def test_kernel_that_says_nothing_anywhere_is_not_known(debian: str) -> None:
    _, judgement = booted(debian, "console=null quiet panic=0", "banner", idle_s=4)
    assert (judgement.verdict, judgement.cause) == (Verdict.SKIP, "kernel-silent")
