"""`pytest` boots each kernel of kernels.toml once, and runs each test with each of them."""

import pytest

from bootharness import Verdict


def test_kernel_boots(boot_judgement):
    assert boot_judgement.verdict is Verdict.GOOD, boot_judgement.summary


def test_every_byte_is_in_place(boot_trace, kernel):
    assert boot_trace.placed_bytes == kernel.payload_bytes
    assert boot_trace.handoff.memory_equal


def test_descriptors_reach_above_16_mib(boot_trace):
    for move in boot_trace.block_moves:
        assert move.table.destination.access == 0x93, move
        assert move.table.destination.base == move.destination >= 0x100000


@pytest.mark.boot(until="setup", memory_mib=64)
def test_kernel_is_entered_with_little_memory(boot_trace):
    assert boot_trace.reached("setup-entered")
