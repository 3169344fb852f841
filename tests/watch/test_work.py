"""What tells a guest at work from one that is hung: its registers, and where it has been."""

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from bootharness.trace.machine_facts import CpuSample
from bootharness.watch.work import runs_new_code, sweeps_memory

RAM = range(1 << 29)


def looks(values: Sequence[int], *, linear: Sequence[int] | None = None) -> list[CpuSample]:
    return [
        CpuSample(
            float(at),
            linear[at] if linear else 0x100000,
            8,
            0,
            "protected",
            halted=False,
            interrupts=False,
            general=f"EAX={7:08x} ESI={value & 0xFFFFFFFF:08x}",
        )
        for at, value in enumerate(values)
    ]


def in_ram(addresses: Sequence[int]) -> bool:
    return all(address in RAM for address in addresses)


@pytest.mark.parametrize("step", [0x110, -0x110, 0x400000])
def test_pointer_that_goes_through_memory_is_work(step: int) -> None:
    start = 0x8000000
    assert sweeps_memory(looks([start + at * step for at in range(10)]), in_ram)


def test_work_of_a_while_ago_counts() -> None:
    values = [0x100000 + at * 0x1000 for at in range(20)] + [0x100000] * 20
    assert sweeps_memory(looks(values), in_ram)


@pytest.mark.parametrize(
    "values",
    [
        [0x100000] * 40,
        [0x100000, 0x200000] * 20,
        [0x100000 + at for at in range(40)],  # not far
        [0x40000000 + at * 0x1000 for at in range(40)],  # there is no memory
        [at * 0x7000000 for at in range(4)] * 10,  # a clock
        [random.Random(1).randrange(1 << 29) for _ in range(200)],
        [0x100000 + at * 0x1000 for at in range(9)],  # few looks
    ],
)
def test_what_only_changes_is_not(values: list[int]) -> None:
    assert not sweeps_memory(looks(values), in_ram)


def test_registers_are_read_as_qemu_writes_them_in_long_mode() -> None:
    general = "RAX=ffff8d51240cd45a R8 =000000003ffffdb0 R10=0000000000000001"
    sample = CpuSample(0.0, 0, 0, 0, "long", halted=False, interrupts=False, general=general)
    assert sample.registers == (0xFFFF8D51240CD45A, 0x3FFFFDB0, 1)


def test_code_that_has_not_run_before_is_work() -> None:
    new = looks([0] * 60, linear=[0x100000 + at * 0x300 for at in range(60)])
    assert runs_new_code(new)
    assert not runs_new_code(new[:20])


def test_long_loop_has_been_seen_after_a_while() -> None:
    places = [0x100000 + random.Random(2).randrange(64) * 0x100 for at in range(200)]
    assert not runs_new_code(looks([0] * 200, linear=places))


def test_bios_that_counts_is_no_work() -> None:
    rising = looks([0x36B420 + at * 0x20000 for at in range(10)])
    assert sweeps_memory(rising, in_ram)
    assert not sweeps_memory([replace(each, linear=0xC2EEB) for each in rising], in_ram)
