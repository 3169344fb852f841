"""What this repository wants of its kernel, besides that the gate accepts it."""

import pytest

from bootharness import Verdict


def test_kernel_boots(boot_judgement):
    assert boot_judgement.verdict is Verdict.GOOD, boot_judgement.summary


@pytest.mark.boot(until="setup", memory_mib=64)
def test_kernel_is_entered_with_little_memory(boot_trace):
    assert boot_trace.reached("setup-entered")
