"""Whose words are whose, by where the CPU is."""

from typing import Any

import pytest

from bootharness.trace.machine_facts import CpuSample
from bootharness.watch.words import Words

LINUX, FIRMWARE = 0xFFFFFFFF81000000, 0x1E7C7492
NOBODY: Any = None


@pytest.mark.parametrize(
    ("mode", "linear", "cs", "entered", "bare"),
    [
        ("real", 0x7C00, 0, True, True),
        ("protected", 0x100000, 8, False, True),
        ("protected", 0x100000, 8, True, False),
        ("paged", 0xC1000000, 0x60, False, False),
        ("long", FIRMWARE, 0x38, False, True),
        ("long", FIRMWARE, 0x10, True, False),  # the kernel's decompressor
        ("long", 0x7FFF12345678, 0x33, False, False),  # a userspace
        ("long", LINUX, 0x10, False, False),
        ("long", 0xFFFF82D040200000, 0xE008, False, False),  # Xen
    ],
)
def test_where_no_linux_is(mode: str, linear: int, cs: int, entered: bool, bare: bool) -> None:
    sample = CpuSample(1.0, linear, cs, linear, mode, halted=False, interrupts=True)
    assert Words(NOBODY, [], entered=entered).is_bare(sample) is bare
